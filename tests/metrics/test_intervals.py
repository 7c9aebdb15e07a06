"""Which metrics have an interval: none that leaves its own value out, none moved to hold it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from atlas_core.metrics import score_predictions, uncertainty

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
            assert metric["low"] < metric["value"] < metric["high"], name


def test_a_sigma_far_from_honest_has_an_ence_with_the_interval_of_scipy() -> None:
    wrong = score_predictions(Y, M, std=STD / 4)["metrics"]["ence"]
    low, high = percentiles(lambda y, m, s: uncertainty.ence(y, m, s / 4))
    assert low < wrong["value"] < high
    assert wrong["low"] == pytest.approx(low, rel=0.05)
    assert wrong["high"] == pytest.approx(high, rel=0.05)
