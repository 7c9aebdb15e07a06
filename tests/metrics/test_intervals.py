"""Which metrics have an interval: none that leaves its own value out, none moved to hold it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from atlas_core.metrics import score_predictions, uncertainty
from atlas_core.metrics.scorer import SHARES

RNG = np.random.default_rng(5)
N = 200
STD = RNG.gamma(4, 0.25, N)
Y = RNG.normal(0, 2, N)
M = Y + STD * RNG.normal(0, 1, N)
FOUND = score_predictions(Y, M, std=STD)["metrics"]


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
    low, _ = percentiles(uncertainty.ence)
    assert low > uncertainty.ence(Y, M, STD)  # scipy says so, too
    assert list(FOUND["ence"]) == ["value"]
    assert FOUND["ence"]["value"] == pytest.approx(uncertainty.ence(Y, M, STD))


def test_the_largest_error_has_no_interval() -> None:
    assert list(FOUND["max_error"]) == ["value"]


def test_no_end_of_an_interval_is_its_value_unless_all_resamples_agree() -> None:
    for name, metric in FOUND.items():
        if "low" in metric and metric["low"] < metric["high"]:
            low, value, high = (metric[end] for end in ("low", "value", "high"))
            none_or_all = name.startswith(SHARES) and value in (0.0, 1.0)
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
    low, high = percentiles(lambda y, m, s: uncertainty.ence(y, m, s / 4))
    assert low < wrong["value"] < high
    assert wrong["low"] == pytest.approx(low, rel=0.05)
    assert wrong["high"] == pytest.approx(high, rel=0.05)


def test_an_order_without_a_fault_is_known_as_well_as_its_smaller_class_allows() -> None:
    error = np.linspace(0.1, 6.0, 60)
    found = score_predictions(error, np.zeros(60), std=error)["metrics"]["error_auroc"]
    assert found["value"] == 1.0  # the largest tenth of the errors has the largest sigmas
    wanted = stats.binomtest(6, 6).proportion_ci(method="wilson")
    assert (found["low"], found["high"]) == pytest.approx((wanted.low, 1.0))
