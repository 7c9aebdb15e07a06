"""Every metric of sigma that uncertainty-toolbox has too (Chung et al., arXiv 2109.10254)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from atlas_core import score_predictions
from atlas_core.api import MetricRows
from atlas_metrics import intervals, point, sigma

REASON = "the independent reference"
calibration = pytest.importorskip("uncertainty_toolbox.metrics_calibration", reason=REASON)
scoring = pytest.importorskip("uncertainty_toolbox.metrics_scoring_rule", reason=REASON)
accuracy = pytest.importorskip("uncertainty_toolbox.metrics_accuracy", reason=REASON)

RNG = np.random.default_rng(17)
N = 403
STD = RNG.gamma(3, 0.3, N)
Y = RNG.normal(0, 2, N)
M = Y + STD * RNG.normal(0.2, 1.3, N)
LEVEL = 0.9
HALF = stats.norm.ppf(0.95) * STD


def value(metric: object, **columns: object) -> float:
    return float(metric().value(target=Y, mean=M, std=STD, **columns))  # type: ignore[operator]


def interval(metric: object) -> float:
    return value(metric, lower=M - HALF, upper=M + HALF, level=LEVEL)


def test_proper_scores_agree() -> None:
    assert value(sigma.nll) == pytest.approx(scoring.nll_gaussian(M, STD, Y))
    assert value(sigma.crps) == pytest.approx(scoring.crps_gaussian(M, STD, Y))
    theirs = scoring.interval_score(M, STD, Y, start_p=LEVEL, end_p=LEVEL, resolution=1)
    assert interval(intervals.interval_score) == pytest.approx(theirs)


def test_calibration_and_sharpness_agree() -> None:
    assert value(sigma.sharpness) == pytest.approx(calibration.sharpness(STD))
    expected, observed = calibration.get_proportion_lists_vectorized(
        M, STD, Y, num_bins=101, prop_type="interval"
    )
    own = sigma.covered(MetricRows({"target": Y, "mean": M, "std": STD})).mean(axis=0)
    np.testing.assert_allclose(sigma.LEVELS, expected[1:-1])
    np.testing.assert_allclose(own, observed[1:-1])
    area = calibration.miscalibration_area(
        M, STD, Y, num_bins=101, vectorized=True, prop_type="interval"
    )
    assert value(sigma.miscalibration_area) == pytest.approx(area)
    share = calibration.get_proportion_in_interval(M, STD, Y, LEVEL)
    assert interval(intervals.picp) == pytest.approx(share)


def test_errors_agree() -> None:
    theirs = accuracy.prediction_error_metrics(M, Y)
    assert value(point.mae) == pytest.approx(theirs["mae"])
    assert value(point.rmse) == pytest.approx(theirs["rmse"])
    assert value(point.r2) == pytest.approx(theirs["r2"])


def test_a_whole_table_agrees() -> None:
    found = score_predictions(Y, M, std=STD, intervals={LEVEL: (M - HALF, M + HALF)})["metrics"]
    wanted = {
        "nll": scoring.nll_gaussian(M, STD, Y),
        "crps": scoring.crps_gaussian(M, STD, Y),
        "sharpness": calibration.sharpness(STD),
        "picp_0.9": calibration.get_proportion_in_interval(M, STD, Y, LEVEL),
        "interval_score_0.9": scoring.interval_score(
            M, STD, Y, start_p=LEVEL, end_p=LEVEL, resolution=1
        ),
    }
    assert {name: found[name]["value"] for name in wanted} == pytest.approx(wanted)
