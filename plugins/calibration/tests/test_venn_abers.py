"""Venn-Abers against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression

from atlas_calibration import hooks, venn_abers
from atlas_core.api import CalibrationRequest, DataError, FitContext, Inputs, Materials, Prediction

LEVELS = (0.5, 0.8, 0.9)


def inputs(n):
    return Inputs.of(Materials.from_formulas([str(i) for i in range(n)], ["NaCl"] * n))


def asked(prediction, target, *, task, levels=LEVELS):
    return CalibrationRequest(prediction, target, inputs(len(target)), levels, FitContext(0, task))


def too_sure(n, seed):
    """Return P(1) that is too sure, rounded so that there are ties, and labels."""
    rng = np.random.default_rng(seed)
    score = rng.normal(size=n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-score))).astype(float)
    return np.round(1 / (1 + np.exp(-3 * score)), 2), labels


def by_scikit_learn(p, y, new):
    """Return the two probabilities of each new row by the definition."""
    pairs = []
    for value in new:
        curves = [
            IsotonicRegression(y_min=0, y_max=1).fit(np.append(p, value), np.append(y, label))
            for label in (0, 1)
        ]
        pairs.append([curve.predict([value])[0] for curve in curves])
    return np.array(pairs).T


def test_both_probabilities_equal_scikit_learn_row_by_row():
    p, y = too_sure(200, 0)
    new = np.r_[too_sure(40, 1)[0], 0.0, 1.0, 0.5, 0.123, 0.4567, p[:5]]
    calibration = venn_abers.VennAbers(hooks.VennAbersConfig()).calibrate(
        asked(Prediction(p), y, task="binary")
    )
    zero, one = by_scikit_learn(p, y, new)
    np.testing.assert_allclose(calibration.pair(new), [zero, one], atol=1e-9)
    assert (one >= zero).all()
    done = calibration(Prediction(new), inputs(len(new)))
    # the stated probability counts as one more row beside the 200
    wanted = (200 * one / (1 - zero + one) + new) / 201
    np.testing.assert_allclose(done.mean, wanted, atol=1e-9)


def test_twenty_equal_scores_by_hand():
    # 5 ones of 20 at 0.5: one more row there gives 5 / 21 and 6 / 21; a row below makes the curve
    # start at its own label where that is 0, and pools with all where it is 1
    p, y = np.full(20, 0.5), np.repeat([1.0, 0.0], [5, 15])
    calibration = venn_abers.VennAbers(hooks.VennAbersConfig()).calibrate(
        asked(Prediction(p), y, task="binary")
    )
    zero, one = calibration.pair(np.array([0.2, 0.5, 0.9]))
    np.testing.assert_allclose(zero, [0, 5 / 21, 5 / 21])
    np.testing.assert_allclose(one, [6 / 21, 6 / 21, 1])


def test_the_probability_is_calibrated_and_the_sets_cover():
    p, y = too_sure(5500, 2)
    first, rest = slice(500), slice(500, None)
    done = venn_abers.VennAbers(hooks.VennAbersConfig()).calibrate(
        asked(Prediction(p[first]), y[first], task="binary")
    )(Prediction(p[rest]), inputs(5000))

    def gap(stated):
        bins = np.clip((stated * 10).astype(int), 0, 9)
        gaps = [abs(stated[bins == b].mean() - y[rest][bins == b].mean()) for b in np.unique(bins)]
        return np.average(gaps, weights=np.unique(bins, return_counts=True)[1])

    assert gap(p[rest]) > 0.1
    assert gap(done.mean) < 0.05
    covered = ((done.lower <= y[rest]) & (y[rest] <= done.upper)).mean(axis=1)
    noise = np.sqrt(np.multiply(LEVELS, np.subtract(1, LEVELS)) * (1 / 5000 + 1 / 500))
    assert (covered >= np.array(LEVELS) - norm.ppf(0.9999) * noise).all()
    assert set(np.unique(done.upper - done.lower)) == {0.0, 1.0}
    top = (done.mean >= 0.5).astype(float)
    assert ((done.lower <= top) & (top <= done.upper)).all()


def test_venn_abers_refuses_a_number_and_too_few_rows():
    calibrator = venn_abers.VennAbers(hooks.VennAbersConfig())
    with pytest.raises(DataError, match="needs a binary target"):
        calibrator.calibrate(asked(Prediction(np.zeros(30)), np.zeros(30), task="regression"))
    with pytest.raises(DataError, match="19 calibration rows, needs at least 20"):
        calibrator.calibrate(asked(Prediction(np.zeros(19)), np.zeros(19), task="binary"))
