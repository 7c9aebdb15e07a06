"""Which metrics have an interval: none that leaves its own value out, none moved to hold it."""

from __future__ import annotations

import numpy as np
import pytest
from from_columns import evaluate
from scipy import stats

from atlas_core import score_predictions
from atlas_core.metrics.registry import installed_metrics
from atlas_registry.loading import Registry

RNG = np.random.default_rng(5)
N = 200
STD = RNG.gamma(4, 0.25, N)
Y = RNG.normal(0, 2, N)
M = Y + STD * RNG.normal(0, 1, N)
METRICS = installed_metrics(Registry())
FOUND = score_predictions(Y, M, std=STD)["metrics"]


def ence(y: np.ndarray, m: np.ndarray, s: np.ndarray) -> float:
    return METRICS["ence"].value(target=y, mean=m, std=s)


def percentiles(statistic: object, n: int = 999) -> tuple[float, float]:
    """Return the percentile interval of scipy.stats.bootstrap for a statistic of (y, m, s)."""
    found = stats.bootstrap(
        (Y, M, STD),
        statistic,
        paired=True,
        vectorized=False,
        n_resamples=n,
        method="percentile",
        random_state=1,
    ).confidence_interval
    return float(found.low), float(found.high)


def test_the_interval_of_the_mean_error_is_that_of_scipy_by_either_method() -> None:
    own = FOUND["mean_error"]
    for method in ("percentile", "BCa"):
        expected = stats.bootstrap(
            (M - Y,), np.mean, n_resamples=2000, method=method, random_state=1
        ).confidence_interval
        width = expected.high - expected.low
        assert own["low"] == pytest.approx(expected.low, abs=0.08 * width)
        assert own["high"] == pytest.approx(expected.high, abs=0.08 * width)


def test_a_calibrated_sigma_has_an_ence_that_its_resamples_leave_out_and_no_interval() -> None:
    low, _ = percentiles(ence)
    assert low > ence(Y, M, STD)  # scipy says so, too
    assert list(FOUND["ence"]) == ["value"]
    assert FOUND["ence"]["value"] == pytest.approx(ence(Y, M, STD))


def test_the_largest_error_has_no_interval() -> None:
    assert list(FOUND["max_error"]) == ["value"]


def test_no_end_of_an_interval_is_its_value_unless_all_resamples_agree() -> None:
    for name, metric in FOUND.items():
        if "low" in metric and metric["low"] < metric["high"]:
            low, value, high = (metric[end] for end in ("low", "value", "high"))
            none_or_all = METRICS[name].unit == "share" and value in (0.0, 1.0)
            assert low <= value <= high if none_or_all else low < value < high, name


@pytest.mark.parametrize("misses", [0, 1, 6])
def test_a_share_is_never_known_better_than_so_many_rows_allow(misses: int) -> None:
    y = np.zeros(60)
    y[:misses] = 5.0
    ends = {0.9: (np.full(60, -1.0), np.full(60, 1.0))}
    found = score_predictions(y, np.zeros(60), intervals=ends)["metrics"]["picp_0.9"]
    wanted = stats.binomtest(60 - misses, 60).proportion_ci(method="wilson")
    assert found["low"] <= wanted.low + 1e-12
    assert found["high"] >= wanted.high - 1e-12
    assert found["high"] - found["low"] < 1.2 * (wanted.high - wanted.low)


def test_a_material_in_several_folds_is_one_row_of_a_share() -> None:
    twice = np.repeat(np.arange(20), 3).astype(str)
    ends = {0.9: (np.full(60, -1.0), np.full(60, 1.0))}
    zeros = np.zeros(60)
    found = score_predictions(zeros, zeros, intervals=ends, materials=twice)["metrics"]
    wanted = stats.binomtest(20, 20).proportion_ci(method="wilson")
    assert found["picp_0.9"]["low"] == pytest.approx(wanted.low)


def test_a_sigma_far_from_honest_has_an_ence_with_the_interval_of_scipy() -> None:
    wrong = score_predictions(Y, M, std=STD / 4)["metrics"]["ence"]
    low, high = percentiles(lambda y, m, s: ence(y, m, s / 4))
    assert low < wrong["value"] < high
    assert wrong["low"] == pytest.approx(low, rel=0.05)
    assert wrong["high"] == pytest.approx(high, rel=0.05)


def test_an_order_without_a_fault_is_known_as_well_as_its_smaller_class_allows() -> None:
    error = np.linspace(0.1, 6.0, 120)
    found = score_predictions(error, np.zeros(120), std=error)["metrics"]["error_auroc"]
    assert found["value"] == 1.0  # the largest tenth of the errors has the largest sigmas
    wanted = stats.binomtest(12, 12).proportion_ci(method="wilson")
    assert (found["low"], found["high"]) == pytest.approx((wanted.low, 1.0))


OF_CLASS_1 = ("roc_auc", "balanced_accuracy", "f1")


@pytest.mark.parametrize("positives", [1, 2, 3, 9, 10, 40])
def test_what_is_of_two_classes_has_an_interval_from_ten_materials_of_each(positives: int) -> None:
    y = np.zeros(200)
    y[:positives] = 1.0
    p = np.random.default_rng(positives).random(200)
    for targets, probabilities in ((y, p), (1 - y, 1 - p)):
        found = score_predictions(targets, probabilities, task="binary")["metrics"]
        assert [("low" in found[name]) for name in OF_CLASS_1] == [positives >= 10] * 3
        assert "low" in found["accuracy"]


@pytest.mark.parametrize("wrong", [1, 2, 5, 9, 30])
def test_sigma_is_held_against_ten_wrong_answers_or_more(wrong: int) -> None:
    rng = np.random.default_rng(wrong)
    y = np.arange(200) % 2 * 1.0
    p = np.where(y == 1, 0.9, 0.1)
    p[:wrong] = 1 - p[:wrong]
    for std in (rng.random(200), np.ones(200)):
        found = score_predictions(y, p, std=std, task="binary")["metrics"]["wrong_auroc"]
        assert ("low" in found) == (wrong >= 10)


def test_the_classes_are_counted_in_materials() -> None:
    y = np.tile(np.arange(200) < 6, 5) * 1.0  # six materials of class 1, thirty rows
    p = np.random.default_rng(2).random(1000)
    ids = np.tile(np.arange(200), 5).astype(str)
    assert "low" in score_predictions(y, p, task="binary")["metrics"]["roc_auc"]
    found = score_predictions(y, p, task="binary", materials=ids)["metrics"]
    assert list(found["roc_auc"]) == ["value"]


def test_a_share_of_the_rows_at_an_end_of_the_scale_is_no_better_known_than_so_many_allow() -> None:
    p = np.where(np.arange(200) < 50, 0.005, 0.5)
    y = np.where(np.arange(200) < 50, 0.0, np.arange(200) % 2)
    found = score_predictions(y, p, task="binary")["metrics"]
    wanted = stats.binomtest(0, 50).proportion_ci(method="wilson")
    wrong = found["p_below_1_wrong"]
    assert (wrong["low"], wrong["high"]) == pytest.approx((0.0, wanted.high))
    # one row in most resamples, in some none: nothing is known of how it would vary
    y[:], p[:], p[0] = np.arange(200) % 2, 0.5, 0.005
    assert "low" not in score_predictions(y, p, task="binary")["metrics"]["p_below_1_wrong"]


def test_a_sigma_of_few_rows_has_no_interval_where_a_resample_has_none_of_them() -> None:
    std = np.full(N, np.nan)
    std[:2] = (0.5, 1.0)
    found = score_predictions(Y, M, std=std)["metrics"]
    for name in ("crps", "aurc", "median_z", "mae_at_80", "spearman"):
        assert list(found[name]) == ["value"], name
    assert "low" in found["mae"]


@pytest.mark.parametrize(("outside", "known"), [(1, False), (5, False), (9, False), (10, True)])
def test_a_detector_is_held_against_ten_materials_of_each_part(outside: int, known: bool) -> None:
    n = 100 + outside
    rng = np.random.default_rng(outside)
    columns = {
        "id": np.arange(n).astype(str),
        "arm": np.full(n, "a"),
        "part": np.where(np.arange(n) < 100, "test", "ood_test"),
        "fold": np.full(n, "f"),
        "target": rng.normal(size=n),
        "mean": rng.normal(size=n),
        "std": rng.random(n),
        "ood_score": rng.random(n),
    }
    found = evaluate(columns, task="regression", levels=[], seed=1)["arms"]["a"]["ood"]
    for detector in ("score", "sigma"):
        assert [("low" in found[detector][m]) for m in ("auroc", "aupr", "fpr95")] == [known] * 3
