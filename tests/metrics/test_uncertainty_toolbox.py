"""Every metric of sigma that uncertainty-toolbox has too (Chung et al., arXiv 2109.10254)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from atlas_core.metrics import regression, score_predictions, uncertainty

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


def test_proper_scores_agree() -> None:
    assert uncertainty.nll(Y, M, STD) == pytest.approx(scoring.nll_gaussian(M, STD, Y))
    assert uncertainty.crps(Y, M, STD) == pytest.approx(scoring.crps_gaussian(M, STD, Y))
    found = uncertainty.interval_score(Y, M - HALF, M + HALF, level=LEVEL)
    theirs = scoring.interval_score(M, STD, Y, start_p=LEVEL, end_p=LEVEL, resolution=1)
    assert found == pytest.approx(theirs)


def test_calibration_and_sharpness_agree() -> None:
    assert uncertainty.sharpness(STD) == pytest.approx(calibration.sharpness(STD))
    expected, observed = calibration.get_proportion_lists_vectorized(
        M, STD, Y, num_bins=101, prop_type="interval"
    )
    np.testing.assert_allclose(
        uncertainty.calibration_curve(Y, M, STD, expected[1:-1]), observed[1:-1]
    )
    area = calibration.miscalibration_area(
        M, STD, Y, num_bins=101, vectorized=True, prop_type="interval"
    )
    assert uncertainty.miscalibration_area(Y, M, STD) == pytest.approx(area)
    share = calibration.get_proportion_in_interval(M, STD, Y, LEVEL)
    assert uncertainty.picp(Y, M - HALF, M + HALF) == pytest.approx(share)


def test_errors_agree() -> None:
    theirs = accuracy.prediction_error_metrics(M, Y)
    assert regression.mae(Y, M) == pytest.approx(theirs["mae"])
    assert regression.rmse(Y, M) == pytest.approx(theirs["rmse"])
    assert regression.r2(Y, M) == pytest.approx(theirs["r2"])


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
