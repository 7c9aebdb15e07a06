"""Conformal calibrators against hand calculations, crepes and MAPIE."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import PredefinedSplit

from atlas_calibration import (
    cqr,
    cross_conformal,
    hooks,
    mondrian,
    split_conformal,
    weighted_conformal,
)
from atlas_core.api import (
    CalibrationRequest,
    DataError,
    FitContext,
    Inputs,
    Materials,
    Prediction,
    Vectors,
)

LEVELS = (0.5, 0.8, 0.9)
FORMULAS = {"oxide": "MgO", "chalcogenide": "ZnS", "boride": "TiB2"}


def inputs(n, *, families=None, x=None, **columns):
    formulas = ["NaCl"] * n if families is None else [FORMULAS[f] for f in families]
    vectors = None
    if x is not None:
        vectors = Vectors(np.asarray(x, float), np.array([f"x{i}" for i in range(x.shape[1])]))
    materials = Materials.from_formulas([str(i) for i in range(n)], formulas)
    return Inputs.of(materials, vectors, columns=columns)


def asked(prediction, target, seen, *, levels=LEVELS, task="regression", **more):
    target = np.asarray(target, float)
    return CalibrationRequest(prediction, target, seen, levels, FitContext(0, task), **more)


def covered(done, target):
    return ((done.lower <= target) & (target <= done.upper)).mean(axis=1)


def slack(levels, n, calibration_rows):
    """Return four binomial deviations of n new rows and of the calibration rows."""
    levels = np.asarray(levels)
    return 4 * np.sqrt(levels * (1 - levels) * (1 / n + 1 / calibration_rows)) + 1 / n


# --- beta ---------------------------------------------------------------------------------------


def test_beta_adds_a_share_of_the_median_sigma_by_hand():
    # the median sigma is 2, so beta 0.5 adds 1: errors 2..18 over 2, 3 or 5
    sigma = np.array([1, 1, 1, 2, 2, 2, 4, 4, 4], float)
    errors = np.array([2, 4, 6, 9, 12, 15, 35, 40, 45], float)  # scores 1..9 with units 2, 3, 5
    config = hooks.SplitConformalConfig(score="normalized", beta=0.5)
    calibration = split_conformal.SplitConformal(config).calibrate(
        asked(Prediction(np.zeros(9), sigma), errors, inputs(9))
    )
    scores = np.sort(errors / (sigma + 1))
    out = calibration(Prediction(np.zeros(2), np.array([0.0, 3.0])), inputs(2))
    np.testing.assert_allclose(out.upper[:, 0], scores[[4, 7, 8]])
    np.testing.assert_allclose(out.upper[:, 1], 4 * scores[[4, 7, 8]])


def test_beta_without_sigma_is_refused():
    with pytest.raises(ValueError, match="needs score: normalized"):
        hooks.SplitConformalConfig(beta=0.1)


# --- mondrian -----------------------------------------------------------------------------------


def test_each_family_has_the_bound_of_its_own_rows():
    # five errors of 1..5 for oxides, of 10..50 for sulfides: the 50 % bound is the third
    families = ["oxide"] * 5 + ["chalcogenide"] * 5
    errors = np.array([1, -2, 3, -4, 5, 10, 20, -30, 40, 50], float)
    config = hooks.MondrianConfig(min_rows=5)
    calibration = mondrian.Mondrian(config).calibrate(
        asked(Prediction(np.zeros(10)), errors, inputs(10, families=families), levels=(0.5,))
    )
    new = inputs(2, families=["chalcogenide", "oxide"])
    assert calibration(Prediction(np.ones(2)), new).upper[0].tolist() == [31.0, 4.0]


def test_small_and_unknown_groups_take_the_bound_of_all_rows_and_say_so():
    families = ["oxide"] * 8 + ["chalcogenide"] * 3
    errors = np.r_[np.arange(1.0, 9.0), [10.0, 20.0, 30.0]]
    request = asked(Prediction(np.zeros(11)), errors, inputs(11, families=families), levels=(0.5,))
    with pytest.warns(UserWarning, match=r"too few calibration rows.*: chalcogenide \(3\)$"):
        calibration = mondrian.Mondrian(hooks.MondrianConfig(min_rows=5)).calibrate(request)
    new = inputs(4, families=["chalcogenide", "oxide", "boride", "boride"])
    with pytest.warns(UserWarning, match=r"without calibration rows.*: boride \(2\)$"):
        out = calibration(Prediction(np.zeros(4)), new)
    # all 11 rows: the sixth error; 8 oxides: ceil(9 / 2), the fifth
    assert out.upper[0].tolist() == [6.0, 5.0, 6.0, 6.0]


def test_a_group_that_the_highest_level_asks_more_rows_of_takes_the_bound_of_all_rows():
    # 90 % asks for nine rows of a group, which the eight sulfides are not
    families = ["oxide"] * 12 + ["chalcogenide"] * 8
    with pytest.warns(UserWarning, match=r"chalcogenide \(8\)$"):
        calibration = mondrian.Mondrian(hooks.MondrianConfig(min_rows=1)).calibrate(
            asked(Prediction(np.zeros(20)), np.arange(20), inputs(20, families=families))
        )
    out = calibration(Prediction(np.zeros(1)), inputs(1, families=["chalcogenide"]))
    assert out.upper[:, 0].tolist() == [10.0, 16.0, 18.0]  # of all: the 11th, 17th and 19th


@pytest.mark.parametrize("score", ["absolute", "normalized"])
def test_intervals_equal_those_of_crepes(score):
    crepes = pytest.importorskip("crepes", reason="the independent reference")
    rng = np.random.default_rng(0)
    n = 333
    group, sigma = rng.choice(["oxide", "chalcogenide", "boride"], n), rng.uniform(0.1, 2.0, n)
    target = sigma * rng.normal(size=n)
    new_group, new_sigma = rng.choice(["oxide", "chalcogenide", "boride"], 50), rng.random(50)
    config = hooks.MondrianConfig(score=score)
    out = mondrian.Mondrian(config).calibrate(
        asked(Prediction(np.zeros(n), sigma), target, inputs(n, families=group), levels=(0.83,))
    )(Prediction(np.ones(50), new_sigma), inputs(50, families=new_group))
    normalized = score == "normalized"
    reference = crepes.ConformalRegressor()
    reference.fit(target, sigmas=sigma if normalized else None, bins=group)
    expected = reference.predict_int(
        np.ones(50), sigmas=new_sigma if normalized else None, bins=new_group, confidence=0.83
    )
    np.testing.assert_allclose(out.lower[0], expected[:, 0])
    np.testing.assert_allclose(out.upper[0], expected[:, 1])


def test_bins_of_sigma_hold_equally_many_calibration_rows():
    rng = np.random.default_rng(1)
    sigma = rng.permutation(np.arange(1.0, 101.0))
    config = hooks.MondrianConfig(groups="sigma", bins=4, min_rows=25)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no bin has fewer than 25
        calibration = mondrian.Mondrian(config).calibrate(
            asked(Prediction(np.zeros(100), sigma), sigma, inputs(100), levels=(0.5,))
        )
    # the error is sigma: of 1..25 the median bound is the 13th, and so on
    out = calibration(Prediction(np.zeros(4), np.array([0.5, 26.0, 60.0, 900.0])), inputs(4))
    assert out.upper[0].tolist() == [13.0, 38.0, 63.0, 88.0]


def test_a_column_groups_rows_and_a_missing_one_is_refused_by_name():
    config = hooks.MondrianConfig(groups="column", column="source", min_rows=3)
    rows = inputs(6, source=np.array(["a", "b"] * 3))
    request = asked(Prediction(np.zeros(6)), [1, 10, 2, 20, 3, 30], rows, levels=(0.5,))
    calibration = mondrian.Mondrian(config).calibrate(request)
    out = calibration(Prediction(np.zeros(2)), inputs(2, source=np.array(["b", "a"])))
    assert out.upper[0].tolist() == [20.0, 2.0]
    with pytest.warns(UserWarning, match=r"no name \(2\)"):  # candidates may lack the column
        assert calibration(Prediction(np.zeros(2)), inputs(2)).upper[0].tolist() == [10.0, 10.0]
    with pytest.raises(DataError, match="no column 'source'; it has: none"):
        mondrian.Mondrian(config).calibrate(asked(Prediction(np.zeros(6)), np.ones(6), inputs(6)))


def test_groups_of_a_binary_target_are_covered_group_by_group():
    rng = np.random.default_rng(2)
    n = 6000
    family = rng.choice(["oxide", "chalcogenide"], n)
    p = rng.random(n)
    true = np.where(family == "oxide", p, 0.5 + 0.5 * (p - 0.5))  # too sure of the sulfides
    target = (rng.random(n) < true).astype(float)
    rows, prediction = inputs(n, families=family), Prediction(p)
    first, rest = np.arange(2000), np.arange(2000, n)
    calibration = mondrian.Mondrian(hooks.MondrianConfig()).calibrate(
        asked(prediction.take(first), target[first], rows.take(first), task="binary")
    )
    done = calibration(prediction.take(rest), rows.take(rest))
    assert set(np.unique(done.upper - done.lower)) <= {0.0, 1.0}
    for name in ("oxide", "chalcogenide"):
        at = np.flatnonzero(family[rest] == name)
        share = covered(done.take(at), target[rest][at])
        assert (share >= np.array(LEVELS) - slack(LEVELS, len(at), 900)).all()


# --- cqr ----------------------------------------------------------------------------------------


def test_margins_of_quantiles_by_hand():
    # draws 0 and 4: the quantiles at 25 % and 75 % are 1 and 3; targets stick out by -1, 0, 1, 2
    samples = np.tile([[0.0], [4.0]], 4)
    request = asked(
        Prediction(np.full(4, 2.0), samples=samples), [2, 3, 0, 5], inputs(4), levels=(0.5,)
    )
    calibration = cqr.CQR(hooks.CQRConfig()).calibrate(request)
    # the third of -1, 0, 1, 2
    out = calibration(Prediction(np.zeros(1), samples=np.array([[10.0], [18.0]])), inputs(1))
    assert [out.lower[0, 0], out.upper[0, 0]] == [12.0 - 1.0, 16.0 + 1.0]


def test_quantiles_that_are_drawn_in_meet_in_their_middle():
    samples = np.tile([[0.0], [4.0]], 4)
    request = asked(
        Prediction(np.full(4, 2.0), samples=samples), [2, 2, 2, 2], inputs(4), levels=(0.5,)
    )
    calibration = cqr.CQR(hooks.CQRConfig()).calibrate(request)  # the margin is -1
    narrow = Prediction(np.zeros(1), samples=np.array([[0.0], [1.0]]))  # quantiles 1/4, 3/4
    out = calibration(narrow, inputs(1))
    assert [out.lower[0, 0], out.upper[0, 0]] == [0.5, 0.5]


def test_a_skewed_error_has_skewed_intervals_that_cover():
    rng = np.random.default_rng(3)
    n, draws = 6000, 200
    width = rng.uniform(0.5, 3.0, n)
    target = width * rng.exponential(size=n)
    samples = 0.3 * width * rng.exponential(size=(draws, n))  # far too sure
    prediction, rows = Prediction(samples.mean(axis=0), samples=samples), inputs(n)
    first, rest = np.arange(1000), np.arange(1000, n)
    done = cqr.CQR(hooks.CQRConfig()).calibrate(
        asked(prediction.take(first), target[first], rows.take(first))
    )(prediction.take(rest), rows.take(rest))
    assert (np.abs(covered(done, target[rest]) - LEVELS) <= slack(LEVELS, 5000, 1000)).all()
    above, below = done.upper[2] - done.mean, done.mean - done.lower[2]
    assert (above > below).mean() > 0.9


def test_a_value_in_the_middle_is_inside_at_any_margin():
    # half of the rows are sure and right; 80 % in all are then the three fifths of the others
    sure = np.zeros((2, 50))
    wide = np.tile([[-10.0], [10.0]], 50)
    target = np.r_[np.zeros(50), np.linspace(-9.9, 9.7, 50)]
    prediction = Prediction(np.zeros(100), samples=np.concatenate([sure, wide], axis=1))
    calibration = cqr.CQR(hooks.CQRConfig()).calibrate(
        asked(prediction, target, inputs(100), levels=(0.8,))
    )
    done = calibration(prediction, inputs(100))
    assert covered(done, target)[0] == 0.81  # the 81st of 101
    assert done.upper[0, :50].tolist() == [0.0] * 50


def test_predictions_without_draws_are_refused():
    with pytest.raises(DataError, match="no draws; use a uq that gives samples"):
        cqr.CQR(hooks.CQRConfig()).calibrate(
            asked(Prediction(np.zeros(20)), np.ones(20), inputs(20))
        )


# --- cross_conformal ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Mean:
    """Predict the mean of the rows that it was trained on."""

    value: float

    def predict(self, features):
        return Prediction(np.full(len(features), self.value), np.full(len(features), 2.0))


class Ordinary:
    """Least squares by scikit-learn."""

    def __init__(self, x, y):
        self.fitted = LinearRegression().fit(x, y)

    def predict(self, features):
        return Prediction(self.fitted.predict(features.values))


def crossed(config, x, y, refit, **more):
    train = inputs(len(x), x=x)
    nothing = asked(
        Prediction(np.zeros(0)),
        [],
        train.take([]),
        train=train,
        train_target=y,
        refit=refit,
        **more,
    )
    return cross_conformal.CrossConformal(config).calibrate(nothing)


def test_jackknife_plus_by_hand():
    y = np.array([0.0, 3.0, 6.0])
    x = np.zeros((3, 1))
    calibration = crossed(
        hooks.CrossConformalConfig(folds=99),
        x,
        y,
        lambda rows: Mean(float(y[rows].mean())),
        levels=(0.5,),
    )
    # without row i the means are 4.5, 3, 1.5 and the errors 4.5, 0, 4.5; rank ceil(4 / 2) = 2:
    # upper ends 9, 3, 6 -> the second smallest is 6; lower ends 0, 3, -3 -> the second largest is 0
    out = calibration(Prediction(np.full(1, 3.0)), inputs(1, x=np.zeros((1, 1))))
    assert [out.lower[0, 0], out.upper[0, 0]] == [0.0, 6.0]
    assert len(calibration.predictors) == 3


def test_sigma_scales_the_errors_of_cross_conformal_by_hand():
    # as above, but each model's sigma is 2 on training rows and 2 on the new row: no change
    y = np.array([0.0, 3.0, 6.0])
    calibration = crossed(
        hooks.CrossConformalConfig(folds=3, score="normalized"),
        np.zeros((3, 1)),
        y,
        lambda rows: Mean(float(y[rows].mean())),
        levels=(0.5,),
    )
    np.testing.assert_allclose(np.sort(calibration.scores), [0.0, 2.25, 2.25])
    out = calibration(Prediction(np.full(1, 3.0)), inputs(1, x=np.zeros((1, 1))))
    assert [out.lower[0, 0], out.upper[0, 0]] == [0.0, 6.0]


@pytest.mark.parametrize("folds", [5, 10_000])
def test_intervals_equal_those_of_mapie(folds):
    regression = pytest.importorskip("mapie.regression", reason="the independent reference")
    rng = np.random.default_rng(4)
    x, new = rng.normal(size=(57, 3)), rng.normal(size=(20, 3))
    y = x @ [1.0, -2.0, 0.5] + rng.normal(size=57)
    levels = (0.61, 0.83)  # no multiple of 1 / 58, where a rank hangs on rounding
    calibration = crossed(
        hooks.CrossConformalConfig(folds=folds),
        x,
        y,
        lambda rows: Ordinary(x[rows], y[rows]),
        levels=levels,
    )
    out = calibration(Prediction(np.zeros(20)), inputs(20, x=new))
    reference = regression.CrossConformalRegressor(
        LinearRegression(), confidence_level=list(levels), cv=PredefinedSplit(calibration.fold)
    ).fit_conformalize(x, y)
    expected = reference.predict_interval(new)[1]  # (n, 2, l)
    np.testing.assert_allclose(out.lower, expected[:, 0].T)
    np.testing.assert_allclose(out.upper, expected[:, 1].T)


def test_each_training_row_is_scored_by_a_model_that_had_not_seen_it():
    y = np.arange(23.0)
    asked_for = []

    def refit(rows):
        asked_for.append(rows)
        return Mean(float(y[rows].mean()))

    calibration = crossed(hooks.CrossConformalConfig(folds=4), np.zeros((23, 1)), y, refit)
    assert len(asked_for) == 4
    for i, rows in enumerate(asked_for):
        left_out = np.setdiff1d(np.arange(23), rows)
        assert calibration.fold[left_out].tolist() == [i] * len(left_out)
        expected = np.abs(y[left_out] - y[rows].mean())
        np.testing.assert_allclose(calibration.scores[left_out], expected)


def test_binary_cross_conformal_covers_without_a_calibration_row():
    rng = np.random.default_rng(5)
    x = rng.uniform(-3, 3, (3000, 1))
    y = (rng.random(3000) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)

    @dataclass(frozen=True)
    class Sigmoid:
        slope: float

        def predict(self, features):
            return Prediction(1 / (1 + np.exp(-self.slope * features.values[:, 0])))

    first, rest = np.arange(500), np.arange(500, 3000)
    calibration = crossed(
        hooks.CrossConformalConfig(folds=5),
        x[first],
        y[first],
        lambda rows: Sigmoid(2.0 + 1e-3 * len(rows)),
        task="binary",
    )
    prediction = Sigmoid(2.5).predict(inputs(2500, x=x[rest]).features)
    done = calibration(prediction, inputs(2500, x=x[rest]))
    assert set(np.unique(done.upper - done.lower)) <= {0.0, 1.0}
    assert (covered(done, y[rest]) >= np.array(LEVELS) - slack(LEVELS, 2500, 500)).all()
    assert (done.upper[2] > done.lower[2]).any()


def test_features_that_are_not_shown_are_refused():
    train = inputs(30)
    request = asked(
        Prediction(np.zeros(0)),
        [],
        train.take([]),
        train=train,
        train_target=np.ones(30),
        refit=lambda rows: Mean(0.0),
    )
    with pytest.raises(DataError, match="features are not shown"):
        cross_conformal.CrossConformal(hooks.CrossConformalConfig()).calibrate(request)


# --- weighted_conformal -------------------------------------------------------------------------


def test_weighted_quantiles_by_hand():
    from atlas_calibration.weighted_conformal import weighted_quantiles

    scores, weights = np.array([1.0, 2.0, 3.0]), np.array([5.0, 1.0, 2.0])
    # with own weight 2 of 10 in all: 0.5 is reached at the first, 0.6 at the second, 0.8 at the
    # third, 0.9 never; with own weight 92 nothing is
    bounds = weighted_quantiles(scores, weights, np.array([2.0, 92.0]), (0.5, 0.6, 0.8, 0.9))
    assert bounds[:, 0].tolist() == [1.0, 2.0, 3.0, np.inf]
    assert np.isposinf(bounds[:, 1]).all()


@pytest.mark.parametrize("n", [9, 19, 99, 100, 137])
def test_equal_weights_give_split_conformal(n):
    from atlas_calibration._conformal import quantiles
    from atlas_calibration.weighted_conformal import weighted_quantiles

    levels = (0.1, 0.5, 0.55, 0.7, 0.8, 0.9, 0.95)
    scores = np.sort(np.random.default_rng(6).random(n))
    bounds = weighted_quantiles(scores, np.ones(n), np.ones(1), levels)
    np.testing.assert_array_equal(bounds[:, 0], quantiles(scores, levels))


def shifted_data(n, center, seed):
    """Return x about ``center``, and errors whose size grows with x."""
    rng = np.random.default_rng(seed)
    x = rng.normal(center, 1.0, (n, 1))
    return x, np.exp(0.7 * x[:, 0]) * rng.normal(size=n)


@pytest.mark.parametrize("ratio", ["logistic", "boosting"])
def test_weights_give_the_coverage_back_that_a_shift_takes(ratio):
    x, y = shifted_data(4000, 0.0, 7)
    new, truth = shifted_data(4000, 1.0, 8)
    request = asked(Prediction(np.zeros(4000)), y, inputs(4000, x=x), levels=(0.9,))
    plain = split_conformal.SplitConformal(hooks.SplitConformalConfig()).calibrate(request)
    config = hooks.WeightedConformalConfig(ratio=ratio)
    weighted = weighted_conformal.WeightedConformal(config).calibrate(request)
    rows = inputs(4000, x=new)
    before = covered(plain(Prediction(np.zeros(4000)), rows), truth)[0]
    after = covered(weighted(Prediction(np.zeros(4000)), rows), truth)[0]
    assert before < 0.8
    assert 0.88 <= after <= 0.94


def test_the_logistic_odds_are_the_density_ratio():
    # N(1, 1) over N(0, 1) is exp(x - 1 / 2)
    from atlas_calibration.weighted_conformal import odds

    x, new = shifted_data(4000, 0.0, 9)[0], shifted_data(4000, 1.0, 10)[0]
    config = hooks.WeightedConformalConfig()
    found = odds(x, new, config=config, seed=0)
    expected = np.exp(np.r_[x, new][:, 0] - 0.5)
    assert np.quantile(np.abs(np.log(found / expected)), 0.95) < 0.25


def test_equal_rows_have_equal_odds_in_any_order():
    from atlas_calibration.weighted_conformal import odds

    x, new = shifted_data(300, 0.0, 9)[0], shifted_data(200, 1.0, 10)[0]
    new[50:60] = new[7]
    new[70:80] = np.nan  # not tabulated
    order = np.random.default_rng(0).permutation(200)
    config = hooks.WeightedConformalConfig()
    found = odds(x, new, config=config, seed=0)
    assert len(set(found[300 + np.r_[7, 50:60]])) == 1
    assert len(set(found[300 + np.r_[70:80]])) == 1
    assert (odds(x, new[order], config=config, seed=0)[300:] == found[300:][order]).all()


def test_a_class_that_nothing_looks_like_has_infinite_intervals_and_a_warning():
    x, y = shifted_data(500, 0.0, 11)
    request = asked(Prediction(np.zeros(500)), y, inputs(500, x=x), levels=(0.9,))
    weighted = weighted_conformal.WeightedConformal(hooks.WeightedConformalConfig()).calibrate(
        request
    )
    far = inputs(200, x=np.full((200, 1), 30.0) + np.linspace(0, 1, 200)[:, None])
    with pytest.warns(UserWarning, match="200 of 200 rows look like too few"):
        done = weighted(Prediction(np.zeros(200)), far)
    assert np.isposinf(done.upper).all()
    assert np.isneginf(done.lower).all()


def test_one_odd_row_does_not_count_for_all_others():
    rng = np.random.default_rng(15)
    x, y = rng.normal(size=(1000, 3)), rng.normal(size=1000)
    new = rng.normal([0.3, 0.0, 0.0], 1.0, (1000, 3))
    x[0] = 1000.0
    calibration = weighted_conformal.WeightedConformal(hooks.WeightedConformalConfig()).calibrate(
        asked(Prediction(np.zeros(1000)), y, inputs(1000, x=x), levels=(0.9,))
    )
    width = calibration(Prediction(np.zeros(1000)), inputs(1000, x=new)).upper[0]
    np.testing.assert_allclose(width, norm.ppf(0.95), rtol=0.15)


def test_a_few_new_rows_show_no_shift():
    x, y = shifted_data(99, 0.0, 12)
    request = asked(Prediction(np.zeros(99)), y, inputs(99, x=x), levels=(0.9,))
    weighted = weighted_conformal.WeightedConformal(hooks.WeightedConformalConfig()).calibrate(
        request
    )
    with pytest.warns(UserWarning, match="3 rows show no shift"):
        done = weighted(Prediction(np.zeros(3)), inputs(3, x=np.full((3, 1), 9.0)))
    np.testing.assert_allclose(done.upper[0], np.sort(np.abs(y))[89])  # the 90th of 99


@pytest.mark.parametrize("ratio", ["logistic", "boosting"])
def test_features_that_are_not_tabulated_are_no_obstacle(ratio):
    x, y = shifted_data(2000, 0.0, 14)
    x = np.column_stack([x, np.full(2000, np.nan)])
    x[::7, 0] = np.nan
    rows, first, rest = inputs(2000, x=x), np.arange(1000), np.arange(1000, 2000)
    config = hooks.WeightedConformalConfig(ratio=ratio)
    calibration = weighted_conformal.WeightedConformal(config).calibrate(
        asked(Prediction(np.zeros(1000)), y[first], rows.take(first))
    )
    done = calibration(Prediction(np.zeros(1000)), rows.take(rest))
    assert (np.abs(covered(done, y[rest]) - LEVELS) < 1.5 * slack(LEVELS, 1000, 1000)).all()


def test_fractions_are_looked_at_where_the_features_are_no_vectors():
    config = hooks.WeightedConformalConfig(look_at="fractions")
    families = ["oxide", "chalcogenide"] * 100
    rng = np.random.default_rng(13)
    y = np.where(np.array(families) == "oxide", 1.0, 10.0) * np.abs(rng.normal(size=200))
    calibration = weighted_conformal.WeightedConformal(config).calibrate(
        asked(Prediction(np.zeros(200)), y, inputs(200, families=families), levels=(0.5,))
    )
    # predicted rows are sulfides: their errors, ten times as large, count most
    width = calibration(Prediction(np.zeros(100)), inputs(100, families=["chalcogenide"] * 100))
    assert 10 * norm.ppf(0.75) * 0.6 < np.median(width.upper) < 10 * norm.ppf(0.75) * 1.5
    with pytest.raises(DataError, match="no vectors; set look_at: fractions"):
        weighted_conformal.WeightedConformal(hooks.WeightedConformalConfig()).calibrate(
            asked(Prediction(np.zeros(200)), y, inputs(200, families=families))
        )
