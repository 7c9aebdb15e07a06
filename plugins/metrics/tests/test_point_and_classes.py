"""Point, probability and detection metrics against scikit-learn and arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_metrics import classes, detection, point
from atlas_statistics import ranks as ood

sk = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the independent reference")

RNG = np.random.default_rng(11)
Y = RNG.normal(2, 3, 400)
M = Y + RNG.normal(0, 1, 400)
LABEL = (RNG.random(400) < 0.3).astype(float)
TIED = np.round(np.clip(0.3 + 0.2 * LABEL + RNG.normal(0, 0.2, 400), 0, 1), 1)  # many ties


def regression(name: str, y: object, m: object) -> float:
    return float(getattr(point, name)().value(target=y, mean=m))


def binary(name: str, y: object, p: object) -> float:
    return float(getattr(classes, name)().value(task="binary", target=y, mean=p))


def separation(name: str, **columns: object) -> float:
    return float(getattr(detection, name)().value(**columns))


def test_regression_metrics_agree_with_scikit_learn() -> None:
    assert regression("mae", Y, M) == pytest.approx(sk.mean_absolute_error(Y, M))
    assert regression("rmse", Y, M) == pytest.approx(sk.root_mean_squared_error(Y, M))
    assert regression("r2", Y, M) == pytest.approx(sk.r2_score(Y, M))
    assert regression("max_error", Y, M) == pytest.approx(sk.max_error(Y, M))


def test_the_signed_error_and_the_median_by_hand() -> None:
    # predictions err by +3, +1, 0 and -1
    y, m = [0.0, 0.0, 5.0, 2.0], [3.0, 1.0, 5.0, 1.0]
    assert regression("mean_error", y, m) == 0.75
    assert regression("share_too_high", y, m) == 0.625  # two of four, and half of the exact one
    assert regression("median_ae", y, m) == 1.0
    assert regression("median_ae", Y, M) == pytest.approx(sk.median_absolute_error(Y, M))


def test_mae_over_mad_is_one_for_the_mean_target() -> None:
    assert regression("mae_over_mad", Y, np.full_like(Y, Y.mean())) == pytest.approx(1)
    assert regression("mae_over_mad", [0, 0, 4, 4], [1, 1, 3, 3]) == pytest.approx(0.5)  # 1 / 2


def test_mae_over_mad_says_whose_mean_it_is() -> None:
    # trained about 0, tested about -3: off by one constant, and far better than the training median
    y, m = np.array([-3.5, -3.0, -2.5]), np.array([-2.9, -2.4, -1.9])
    assert regression("mae_over_mad", y, m) == pytest.approx(0.6 / (1 / 3))
    learned = point.mae_over_baseline().value(target=y, mean=m, baseline=np.zeros(3))
    assert learned == pytest.approx(0.6 / 3.0)
    assert "of these same materials" in str(point.mae_over_mad.__doc__)


def test_the_baseline_is_the_error_of_a_constant() -> None:
    found = point.mae_over_baseline().value(target=Y, mean=M, baseline=np.full(400, 2.0))
    assert found == pytest.approx(np.abs(Y - M).mean() / np.abs(Y - 2.0).mean())


def test_what_a_constant_target_leaves_undefined_is_nan() -> None:
    assert np.isnan(regression("r2", [1, 1], [1, 2]))
    assert np.isnan(regression("mae_over_mad", [1, 1], [1, 2]))
    assert np.isnan(regression("rank_correlation", [1, 1], [1, 2]))


@pytest.mark.parametrize("p", [TIED, RNG.random(400)], ids=["tied", "distinct"])
def test_classification_metrics_agree_with_scikit_learn(p: np.ndarray) -> None:
    called = p > 0.5
    assert binary("roc_auc", LABEL, p) == pytest.approx(sk.roc_auc_score(LABEL, p))
    assert binary("accuracy", LABEL, p) == pytest.approx(sk.accuracy_score(LABEL, called))
    assert binary("balanced_accuracy", LABEL, p) == pytest.approx(
        sk.balanced_accuracy_score(LABEL, called)
    )
    assert binary("f1", LABEL, p) == pytest.approx(sk.f1_score(LABEL, called))
    assert binary("brier", LABEL, p) == pytest.approx(sk.brier_score_loss(LABEL, p))
    assert binary("log_loss", LABEL, p) == pytest.approx(sk.log_loss(LABEL, p))
    assert binary("class_1_share", LABEL, p) == pytest.approx(LABEL.mean())


def test_ece_is_the_mean_gap_of_the_reliability_curve_of_scikit_learn() -> None:
    from sklearn.calibration import calibration_curve

    p = RNG.random(400)
    truth, mean = calibration_curve(LABEL, p, n_bins=10)
    sizes = np.histogram(p, np.arange(11) / 10)[0]
    expected = (np.abs(truth - mean) * sizes).sum() / 400
    assert binary("ece", LABEL, p) == pytest.approx(expected)


def test_ece_of_two_bins_by_hand() -> None:
    # bin 0.2-0.3: mean P 0.25, half are 1 (gap 0.25); bin 0.9-1: mean P 0.95, all 1 (gap 0.05)
    assert binary("ece", [0, 1, 1, 1], [0.25, 0.25, 0.9, 1.0]) == pytest.approx(0.15)


def test_one_class_has_no_roc_auc() -> None:
    assert np.isnan(binary("roc_auc", [1, 1], [0.2, 0.4]))
    assert np.isnan(binary("balanced_accuracy", [1, 1], [0.2, 0.4]))
    assert np.isnan(binary("f1", [0, 0], [0.2, 0.4]))


@pytest.mark.parametrize("scores", [TIED, TIED + RNG.random(400)], ids=["tied", "distinct"])
def test_detection_metrics_agree_with_scikit_learn(scores: np.ndarray) -> None:
    columns = {"score": scores, "held_out": LABEL}
    area = sk.roc_auc_score(LABEL, scores)
    assert separation("auroc", **columns) == pytest.approx(area)
    assert ood.auroc(scores[LABEL == 0], scores[LABEL == 1]) == pytest.approx(area)
    expected = sk.average_precision_score(LABEL, scores)
    assert separation("aupr", **columns) == pytest.approx(expected)
    fpr, tpr, _ = sk.roc_curve(LABEL, scores, drop_intermediate=False)
    assert separation("fpr95", **columns) == pytest.approx(fpr[tpr >= 0.95].min())


def test_shares_that_are_flagged_are_of_either_side() -> None:
    columns = {"flagged": [1, 0, 0, 0, 1, 1, 0], "held_out": [0, 0, 0, 0, 1, 1, 1]}
    assert separation("share_flagged_test", **columns) == 0.25
    assert separation("share_flagged_ood_test", **columns) == pytest.approx(2 / 3)


def test_one_score_needs_both_sides() -> None:
    assert np.isnan(separation("auroc", score=[1.0, 2.0], held_out=[0, 0]))
    with pytest.raises(ValueError, match="at least one"):
        ood.auroc([1.0], [])
    with pytest.raises(ValueError, match="not finite"):
        ood.auroc([1.0], [np.inf])


def test_a_constant_score_is_at_chance_level() -> None:
    columns = {"score": np.zeros(8), "held_out": np.repeat([0.0, 1.0], [5, 3])}
    assert separation("auroc", **columns) == 0.5
    assert separation("aupr", **columns) == pytest.approx(3 / 8)
    assert separation("fpr95", **columns) == 1
