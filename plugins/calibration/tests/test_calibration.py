"""Calibrators against hand calculations, binomial bounds and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from atlas_calibration import (
    hooks,
    identity,
    isotonic,
    split_conformal,
    variance_scaling,
    venn_abers,
)
from atlas_core.api import (
    CalibrationRequest,
    ContractError,
    DataError,
    FitContext,
    Inputs,
    Materials,
    Prediction,
)
from atlas_core.testing import find_component

LEVELS = (0.5, 0.8, 0.9)
ABSOLUTE = hooks.SplitConformalConfig()
NORMALIZED = hooks.SplitConformalConfig(score="normalized")


def request(mean, target, *, sigma=None, levels=LEVELS, task="regression"):
    prediction = Prediction(np.asarray(mean, float), epistemic=sigma)
    return asked(prediction, target, levels, task)


def asked(prediction, target, levels=LEVELS, task="regression"):
    known = np.asarray(target, float)
    return CalibrationRequest(
        prediction, known, inputs(len(prediction)), levels, FitContext(0, task)
    )


def inputs(n):
    return Inputs.of(Materials.from_formulas([str(i) for i in range(n)], ["NaCl"] * n))


def calibrated(module, config, request):
    """Return prediction -> calibrated prediction, for calibrators that look at nothing else."""
    calibration = (
        find_component(module.__name__.rpartition(".")[2], "calibrator")[0]
        .build(config)
        .calibrate(request)
    )
    return lambda prediction: calibration(prediction, inputs(len(prediction)))


def gaussian(seed, n, *, factor=1.0):
    """Return predictions whose true sigma is ``factor`` times the stated one, and targets."""
    rng = np.random.default_rng(seed)
    mean, sigma = rng.normal(size=n), rng.uniform(0.5, 2.0, n)
    target = mean + factor * sigma * rng.normal(size=n)
    return Prediction(mean, epistemic=sigma), target


def covered(prediction, target):
    return ((prediction.lower <= target) & (target <= prediction.upper)).sum(axis=1)


def within_binomial_bounds(counts, n, levels, *, calibration_rows):
    """Whether counts fit the levels, given the noise of n new rows and of the calibration rows."""
    levels = np.asarray(levels)
    noise = np.sqrt(levels * (1 - levels) * (1 / n + 1 / calibration_rows))
    return np.all(np.abs(counts / n - levels) <= norm.ppf(0.9999) * noise + 1 / calibration_rows)


def test_nine_errors_give_the_fifth_the_eighth_and_the_ninth_as_bounds():
    # (9 + 1) x 0.5 = 5, x 0.8 = 8, x 0.9 = 9: errors are 1..9 in some order and sign
    errors = np.array([3, -1, 7, 9, -2, 5, -8, 4, 6], float)
    calibrate = calibrated(split_conformal, ABSOLUTE, request(np.zeros(9), errors))
    out = calibrate(Prediction(np.array([10.0, 20.0])))
    assert out.upper[:, 0].tolist() == [15.0, 18.0, 19.0]
    assert out.lower[:, 1].tolist() == [15.0, 12.0, 11.0]
    assert out.levels.tolist() == list(LEVELS)


def test_normalized_bounds_are_multiples_of_sigma():
    # errors 2, 4, ..., 18 at sigma 2 are the scores 1..9
    calibrate = calibrated(
        split_conformal,
        NORMALIZED,
        request(np.zeros(9), 2.0 * np.arange(1, 10), sigma=np.full(9, 2.0)),
    )
    out = calibrate(Prediction(np.zeros(2), epistemic=np.array([0.0, 0.5])))
    assert out.upper.tolist() == [[0.0, 2.5], [0.0, 4.0], [0.0, 4.5]]


def test_a_level_with_too_few_rows_has_an_infinite_interval():
    levels = (0.8, 0.95)
    for config in (ABSOLUTE, NORMALIZED):
        out = calibrated(
            split_conformal,
            config,
            request(np.zeros(9), np.arange(9), sigma=np.ones(9), levels=levels),
        )(Prediction(np.zeros(2), epistemic=np.array([0.0, 1.0])))
        assert np.isfinite(out.upper[0]).all()
        assert np.isposinf(out.upper[1]).all()
        assert np.isneginf(out.lower[1]).all()


def test_too_few_rows_for_every_level_is_an_error_that_says_how_many():
    with pytest.raises(DataError, match="3 calibration rows, needs at least 4; raise the split's"):
        calibrated(split_conformal, ABSOLUTE, request(np.zeros(3), np.ones(3), levels=(0.8, 0.9)))


@pytest.mark.parametrize(("level", "n"), [(0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99), (0.55, 2)])
def test_rows_needed_is_the_smallest_number_with_a_finite_bound(level, n):
    from atlas_calibration._conformal import quantiles, rows_needed

    assert rows_needed(level) == n
    assert np.isfinite(quantiles(np.ones(n), [level])[0])
    assert np.isinf(quantiles(np.ones(n - 1), [level])[0])


def test_the_rank_does_not_grow_by_a_rounding_error():
    from atlas_calibration._conformal import rank

    assert 100 * 0.55 > 55  # in floating point
    assert rank(99, 0.55) == 55


@pytest.mark.parametrize("config", [ABSOLUTE, NORMALIZED])
def test_conformal_coverage_is_within_binomial_bounds_whatever_sigma_claims(config):
    prediction, target = gaussian(1, 500, factor=3.0)
    new, truth = gaussian(2, 4000, factor=3.0)
    calibrate = calibrated(split_conformal, config, asked(prediction, target))
    counts = covered(calibrate(new), truth)
    assert within_binomial_bounds(counts, 4000, LEVELS, calibration_rows=500)


def test_mean_coverage_over_many_small_calibration_sets_reaches_the_level():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(1000):
        errors = rng.standard_t(2, size=15)
        calibrate = calibrated(
            split_conformal, ABSOLUTE, request(np.zeros(14), errors[:14], levels=(0.8,))
        )
        hits += covered(calibrate(Prediction(np.zeros(1))), errors[14:])[0]
    # exactly 12 / 15 of the draws in expectation
    assert binom.ppf(0.001, 1000, 0.8) <= hits <= binom.ppf(0.999, 1000, 0.8)


def test_an_error_where_sigma_is_zero_counts_as_infinitely_surprising():
    sigma = np.array([0.0] + [1.0] * 8)
    out = calibrated(
        split_conformal, NORMALIZED, request(np.zeros(9), np.arange(1, 10), sigma=sigma)
    )(Prediction(np.zeros(1), epistemic=np.ones(1)))
    # scores 2..9 and infinity: the fifth is 6, the eighth is 9, the ninth is infinite
    assert out.upper[:, 0].tolist() == [6.0, 9.0, np.inf]


def test_sigma_that_is_zero_everywhere_is_refused():
    zero = np.zeros(9)
    with pytest.raises(DataError, match=r"sigma is 0 on all.* needs resample: bootstrap, and"):
        calibrated(split_conformal, NORMALIZED, request(zero, np.ones(9), sigma=zero))
    zero[0] = 1e-9  # one row with a sigma is enough
    calibrated(split_conformal, NORMALIZED, request(np.zeros(9), np.ones(9), sigma=zero))


def test_label_sets_by_hand():
    # 1 - P(true label) is .1 .2 .3 .4 and .9: bounds .3 (3rd), .9 (5th) of 5
    p, y = [0.9, 0.2, 0.7, 0.4, 0.1], [1, 0, 1, 0, 1]
    out = calibrated(split_conformal, ABSOLUTE, request(p, y, levels=(0.5, 0.8), task="binary"))(
        Prediction(np.array([0.95, 0.05, 0.6, 0.85]))
    )
    assert list(zip(out.lower[0], out.upper[0], strict=True)) == [(1, 1), (0, 0), (1, 1), (1, 1)]
    # the less probable label enters where its score max(p, 1 - p) is at most .9
    assert list(zip(out.lower[1], out.upper[1], strict=True)) == [(1, 1), (0, 0), (0, 1), (0, 1)]


def test_label_sets_cover_at_least_the_level_and_are_never_empty():
    rng = np.random.default_rng(4)
    p = rng.beta(0.5, 0.5, 4500)
    y = (rng.random(4500) < p**2).astype(float)  # a probability that is too high
    out = calibrated(split_conformal, ABSOLUTE, request(p[:500], y[:500], task="binary"))(
        Prediction(p[500:])
    )
    assert set(np.unique(out.upper - out.lower)) <= {0.0, 1.0}
    counts = covered(out, y[500:])
    noise = np.sqrt(np.multiply(LEVELS, np.subtract(1, LEVELS)) * (1 / 4000 + 1 / 500))
    assert (counts / 4000 >= np.array(LEVELS) - norm.ppf(0.9999) * noise).all()


def test_normalized_needs_a_sigma_and_absolute_does_not():
    component, _ = find_component("split_conformal", "calibrator")
    assert component.requires_of(ABSOLUTE) == frozenset()
    assert component.requires_of(NORMALIZED) == {"epistemic", "task:regression"}


def test_the_scaling_factor_by_hand():
    # z = 3, 4 in turn: the factor is sqrt((9 + 16) / 2)
    sigma = np.tile([1.0, 0.5], 5)
    calibrate = calibrated(
        variance_scaling,
        hooks.VarianceScalingConfig(tails="gaussian"),
        request(np.zeros(10), np.tile([3.0, -2.0], 5), sigma=sigma, levels=(0.9,)),
    )
    out = calibrate(
        Prediction(np.ones(1), np.array([2.0]), np.array([1.0]), samples=np.array([[0.0], [2.0]]))
    )
    factor = 12.5**0.5
    np.testing.assert_allclose(out.epistemic, [2 * factor])
    np.testing.assert_allclose(out.aleatoric, [factor])
    np.testing.assert_allclose(out.samples, [[1 - factor], [1 + factor]])
    np.testing.assert_allclose(out.upper[0] - 1, norm.ppf(0.95) * factor * 5**0.5)


def test_scaling_gives_gaussian_data_their_coverage_back():
    prediction, target = gaussian(5, 2000, factor=4.0)
    new, truth = gaussian(6, 4000, factor=4.0)
    out = calibrated(variance_scaling, hooks.VarianceScalingConfig(), asked(prediction, target))(
        new
    )
    assert within_binomial_bounds(covered(out, truth), 4000, LEVELS, calibration_rows=2000)


@pytest.mark.parametrize(
    ("module", "config", "rows"),
    [
        (variance_scaling, hooks.VarianceScalingConfig(), 10),
        (isotonic, hooks.IsotonicConfig(), 20),
    ],
)
def test_rows_without_sigma_take_no_part_and_too_few_others_are_refused(module, config, rows):
    rng = np.random.default_rng(7)
    target = rng.normal(size=rows + 5)
    with_zeros = request(np.zeros(rows + 5), target, sigma=np.r_[np.ones(rows), np.zeros(5)])
    without = request(np.zeros(rows), target[:rows], sigma=np.ones(rows))
    new = Prediction(np.zeros(3), epistemic=np.array([0.0, 1.0, 2.0]))
    one, other = (
        calibrated(module, config, with_zeros)(new),
        calibrated(module, config, without)(new),
    )
    assert one.upper.tolist() == other.upper.tolist()
    with pytest.raises(DataError, match=f"needs at least {rows}; raise the split's `calibration`"):
        calibrated(module, config, request(np.zeros(3), np.ones(3), sigma=np.ones(3)))
    with pytest.raises(DataError, match=f"{rows - 1} of {rows} calibration rows have a sigma"):
        calibrated(
            module,
            config,
            request(np.zeros(rows), np.ones(rows), sigma=np.r_[0.0, np.ones(rows - 1)]),
        )
    with pytest.raises(DataError, match="no sigma"):
        calibrated(module, config, request(np.zeros(rows), np.ones(rows)))


def test_isotonic_fixes_an_overconfident_sigma_and_a_skewed_error():
    rng = np.random.default_rng(8)
    sigma = rng.uniform(0.5, 2.0, 6000)
    target = sigma * (rng.exponential(size=6000) - 1) * 20  # 20 times too sure, one long tail
    calibrate = calibrated(
        isotonic,
        hooks.IsotonicConfig(),
        request(np.zeros(2000), target[:2000], sigma=sigma[:2000]),
    )
    before = calibrated(identity, hooks.IdentityConfig(), request([], []))
    new = Prediction(np.zeros(4000), epistemic=sigma[2000:])
    assert covered(before(new), target[2000:])[2] < 0.25 * 4000
    out = calibrate(new)
    assert within_binomial_bounds(covered(out, target[2000:]), 4000, LEVELS, calibration_rows=2000)
    # of an exponential, 15.87 % lie below -log(1 - 0.1587), 84.13 % below -log(1 - 0.8413)
    half = (np.log(norm.cdf(1)) - np.log(norm.cdf(-1))) / 2
    np.testing.assert_allclose(out.std, 20 * half * sigma[2000:], rtol=0.1)


def test_isotonic_quantiles_by_hand():
    # z = 1..39: the share i / 40 lies at z = i, so 50 % is [10, 30] and 95 % is [1, 39]
    z = np.random.default_rng(9).permutation(np.arange(1.0, 40.0))
    out = calibrated(
        isotonic,
        hooks.IsotonicConfig(),
        request(np.zeros(39), z, sigma=np.ones(39), levels=(0.5, 0.95, 0.99)),
    )(Prediction(np.zeros(1), epistemic=np.full(1, 2.0)))
    np.testing.assert_allclose(out.lower[:, 0], [20.0, 2.0, -np.inf])
    np.testing.assert_allclose(out.upper[:, 0], [60.0, 78.0, np.inf])


def test_isotonic_probability_equals_scikit_learn():
    rng = np.random.default_rng(10)
    p = np.round(rng.random(300), 2)  # with ties
    y = (rng.random(300) < p**3).astype(float)
    new = np.linspace(0, 1, 77)
    out = calibrated(isotonic, hooks.IsotonicConfig(), request(p, y, task="binary"))(
        Prediction(new)
    )
    expected = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, y).predict(new)
    # the stated probability counts as one more row beside the 300
    np.testing.assert_allclose(out.mean, (300 * expected + new) / 301, atol=1e-12)


@pytest.mark.parametrize("module", [isotonic, venn_abers])
@pytest.mark.parametrize("seed", range(5))
def test_rare_positives_keep_their_order_and_the_calibration_of_the_plain_curve(module, seed):
    rng = np.random.default_rng(seed)
    score = rng.normal(size=5400)
    true = 1 / (1 + np.exp(4.2 - 1.8 * score))  # about 5 % are positive
    y = (rng.random(5400) < true).astype(float)
    p = 1 / (1 + np.exp(4.2 - 3.5 * score))  # far too sure
    first, rest = slice(400), slice(400, None)
    config = hooks.IsotonicConfig if module is isotonic else hooks.VennAbersConfig
    asking = request(p[first], y[first], task="binary")
    done = calibrated(module, config(), asking)(Prediction(p[rest]))
    assert 0.02 < y.mean() < 0.10
    wanted = roc_auc_score(y[rest], p[rest])
    assert roc_auc_score(y[rest], done.mean) == pytest.approx(wanted, abs=1e-3)
    if module is isotonic:
        curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        before = curve.fit(p[first], y[first]).predict(p[rest])
        assert roc_auc_score(y[rest], before) < wanted - 1e-3  # what it would lose
    else:
        zero, one = (
            find_component(module.__name__.rpartition(".")[2], "calibrator")[0]
            .build(config())
            .calibrate(asking)
            .pair(p[rest])
        )
        before = one / (1 - zero + one)
    now, then = ((mean - y[rest]) ** 2 for mean in (done.mean, before))
    assert now.mean() < then.mean() + 0.1 * then.std() / np.sqrt(len(then))
    assert abs(done.mean.mean() - before.mean()) < 1 / 400


def test_none_takes_sigma_at_its_word():
    out = calibrated(identity, hooks.IdentityConfig(), request([], [], levels=(0.6827,)))(
        Prediction(np.array([1.0]), np.array([3.0]), np.array([4.0]))
    )
    # 68.27 % of a Gaussian is one std; 3 and 4 make 5
    np.testing.assert_allclose([out.lower[0, 0], out.upper[0, 0]], [-4.0, 6.0], atol=1e-3)


def test_none_leaves_a_prediction_without_sigma_as_it_is():
    prediction = Prediction(np.zeros(2))
    assert calibrated(identity, hooks.IdentityConfig(), request([], []))(prediction) is prediction


def test_none_takes_a_probability_at_its_word():
    out = calibrated(
        identity, hooks.IdentityConfig(), request([], [], levels=(0.5, 0.9), task="binary")
    )(Prediction(np.array([0.95, 0.6, 0.05])))
    assert out.lower.tolist() == [[1, 1, 0], [1, 0, 0]]
    assert out.upper.tolist() == [[1, 1, 0], [1, 1, 0]]


def test_predictions_and_targets_of_different_number_are_refused():
    with pytest.raises(ContractError, match="9 predictions but"):
        calibrated(split_conformal, ABSOLUTE, request(np.zeros(9), np.zeros(8)))
