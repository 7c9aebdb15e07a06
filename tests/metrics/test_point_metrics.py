"""Point, probability and detection metrics against scikit-learn and arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_core.metrics import classification, ood, regression

sk = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the independent reference")

RNG = np.random.default_rng(11)
Y = RNG.normal(2, 3, 400)
M = Y + RNG.normal(0, 1, 400)
LABEL = (RNG.random(400) < 0.3).astype(float)
TIED = np.round(np.clip(0.3 + 0.2 * LABEL + RNG.normal(0, 0.2, 400), 0, 1), 1)  # many ties


def test_regression_metrics_agree_with_scikit_learn() -> None:
    assert regression.mae(Y, M) == pytest.approx(sk.mean_absolute_error(Y, M))
    assert regression.rmse(Y, M) == pytest.approx(sk.root_mean_squared_error(Y, M))
    assert regression.r2(Y, M) == pytest.approx(sk.r2_score(Y, M))
    assert regression.max_error(Y, M) == pytest.approx(sk.max_error(Y, M))


def test_the_signed_error_and_the_median_by_hand() -> None:
    # predictions err by +3, +1, 0 and -1
    y, m = [0.0, 0.0, 5.0, 2.0], [3.0, 1.0, 5.0, 1.0]
    assert regression.mean_error(y, m) == 0.75
    assert regression.share_too_high(y, m) == 0.625  # two of four, and half of the exact one
    assert regression.median_ae(y, m) == 1.0
    assert regression.median_ae(Y, M) == pytest.approx(sk.median_absolute_error(Y, M))


def test_mae_over_mad_is_one_for_the_mean_target() -> None:
    assert regression.mae_over_mad(Y, np.full_like(Y, Y.mean())) == pytest.approx(1)
    assert regression.mae_over_mad([0, 0, 4, 4], [1, 1, 3, 3]) == pytest.approx(0.5)  # 1 / 2


def test_undefined_point_metrics_are_refused() -> None:
    with pytest.raises(ValueError, match="constant target"):
        regression.r2([1, 1], [1, 2])
    with pytest.raises(ValueError, match="constant target"):
        regression.mae_over_mad([1, 1], [1, 2])
    with pytest.raises(ValueError, match="not finite"):
        regression.mae([np.nan], [1])
    with pytest.raises(ValueError, match="one length > 0"):
        regression.rmse([], [])


@pytest.mark.parametrize("p", [TIED, RNG.random(400)], ids=["tied", "distinct"])
def test_classification_metrics_agree_with_scikit_learn(p: np.ndarray) -> None:
    called = p > 0.5
    assert classification.roc_auc(LABEL, p) == pytest.approx(sk.roc_auc_score(LABEL, p))
    assert classification.accuracy(LABEL, p) == pytest.approx(sk.accuracy_score(LABEL, called))
    assert classification.balanced_accuracy(LABEL, p) == pytest.approx(
        sk.balanced_accuracy_score(LABEL, called)
    )
    assert classification.f1(LABEL, p) == pytest.approx(sk.f1_score(LABEL, called))
    assert classification.brier(LABEL, p) == pytest.approx(sk.brier_score_loss(LABEL, p))
    assert classification.log_loss(LABEL, p) == pytest.approx(sk.log_loss(LABEL, p))


def test_reliability_curve_agrees_with_scikit_learn() -> None:
    from sklearn.calibration import calibration_curve

    p = RNG.random(400)
    predicted, observed, count = classification.reliability_curve(LABEL, p)
    truth, mean = calibration_curve(LABEL, p, n_bins=10)
    np.testing.assert_allclose(predicted, mean)
    np.testing.assert_allclose(observed, truth)
    assert count.sum() == 400


def test_ece_of_two_bins_by_hand() -> None:
    # bin 0.2-0.3: mean P 0.25, half are 1 (gap 0.25); bin 0.9-1: mean P 0.95, all 1 (gap 0.05)
    assert classification.ece([0, 1, 1, 1], [0.25, 0.25, 0.9, 1.0]) == pytest.approx(0.15)


def test_one_class_has_no_roc_auc() -> None:
    with pytest.raises(ValueError, match="at least one"):
        classification.roc_auc([1, 1], [0.2, 0.4])
    with pytest.raises(ValueError, match="both classes"):
        classification.balanced_accuracy([1, 1], [0.2, 0.4])
    with pytest.raises(ValueError, match="class 1"):
        classification.f1([0, 0], [0.2, 0.4])
    with pytest.raises(ValueError, match="0 or 1"):
        classification.brier([0, 2], [0.2, 0.4])
    with pytest.raises(ValueError, match="outside 0 to 1"):
        classification.brier([0, 1], [0.2, 1.4])


def detection(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return scores[LABEL == 0], scores[LABEL == 1]


@pytest.mark.parametrize("scores", [TIED, TIED + RNG.random(400)], ids=["tied", "distinct"])
def test_detection_metrics_agree_with_scikit_learn(scores: np.ndarray) -> None:
    inside, outside = detection(scores)
    assert ood.auroc(inside, outside) == pytest.approx(sk.roc_auc_score(LABEL, scores))
    assert ood.aupr(inside, outside) == pytest.approx(sk.average_precision_score(LABEL, scores))
    fpr, tpr, _ = sk.roc_curve(LABEL, scores, drop_intermediate=False)
    assert ood.fpr95(inside, outside) == pytest.approx(fpr[tpr >= 0.95].min())
    ours = ood.roc_curve(inside, outside)
    np.testing.assert_allclose(ours[0], fpr)
    np.testing.assert_allclose(ours[1], tpr)


def test_detection_needs_both_sides() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ood.auroc([1.0], [])
    with pytest.raises(ValueError, match="not finite"):
        ood.auroc([1.0], [np.inf])


def test_a_constant_score_is_a_coin() -> None:
    assert ood.auroc(np.zeros(5), np.zeros(3)) == 0.5
    assert ood.aupr(np.zeros(5), np.zeros(3)) == pytest.approx(3 / 8)
    assert ood.fpr95(np.zeros(5), np.zeros(3)) == 1
