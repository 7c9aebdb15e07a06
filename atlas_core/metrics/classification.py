"""Error and calibration of P(1) for targets that are 0 or 1. Light: numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Bool
from atlas_core.metrics import ood
from atlas_core.metrics.regression import paired

THRESHOLD = 0.5
"""A row is called 1 where P(1) is above this, as Matbench and scikit-learn do."""

CLIP = float(np.finfo(np.float64).eps)
"""log_loss keeps P(1) this far from 0 and 1, as scikit-learn does: forests do say 0 and 1."""

BINS = 10

ENDS = ("below_1", "1_to_5", "95_to_99", "above_99", "certain")
"""Ends of the scale of P(1), in percent; ``certain`` holds the rows with P(1) exactly 0 or 1."""


def binary(target: npt.ArrayLike, probability: npt.ArrayLike) -> tuple[F8, F8]:
    """Return both as (n,) float arrays.

    Raises:
        ValueError: a target is not 0 or 1, or a probability not in 0 to 1.
    """
    y, p = paired(target, probability)
    if not np.isin(y, (0, 1)).all():
        raise ValueError("a binary target is not 0 or 1")
    if (p < 0).any() or (p > 1).any():
        raise ValueError("a probability is outside 0 to 1")
    return y, p


def confusion_rows(target: F8, probability: F8) -> F8:
    """Return (4, n) indicators of true positive, false positive, false and true negative."""
    truth, called = target == 1, probability > THRESHOLD
    cells = (truth & called, ~truth & called, truth & ~called, ~truth & ~called)
    return np.stack(cells).astype(np.float64)


def wrong(target: F8, probability: F8) -> Bool:
    """Return (n,) whether a row is called the other class."""
    return np.asarray((probability > THRESHOLD) != (target == 1), dtype=np.bool_)


def wrong_auroc(target: npt.ArrayLike, probability: npt.ArrayLike, std: npt.ArrayLike) -> float:
    """Return the AUROC of sigma as a detector of wrong answers, ties half.

    Sigma of a class is a function of P(1) or close to one, and so is the expected |y - P(1)|: their
    rank correlation is high whatever the labels are. Whether a wrong answer has a larger sigma than
    a right one is not decided by arithmetic.

    Raises:
        ValueError: all answers are right, or all are wrong.
    """
    y, p = binary(target, probability)
    s = np.asarray(std, dtype=np.float64)
    missed = wrong(y, p)
    return ood.auroc(s[~missed], s[missed])


def end_masks(probability: F8) -> dict[str, Bool]:
    """Return which rows lie at each of ``ENDS``: closed towards 0 and 1."""
    p = probability
    masks = (p <= 0.01, (p > 0.01) & (p <= 0.05), (p >= 0.95) & (p < 0.99), p >= 0.99)
    certain = (p == 0) | (p == 1)
    return dict(zip(ENDS, (*masks, certain), strict=True))


def end_rows(target: F8, probability: F8) -> dict[str, tuple[F8, F8, F8]]:
    """Return for each of ``ENDS`` (n,) rows there, P stated of the other class, and wrong.

    Near 0 the other class is class 1, near 1 class 0; what is far from both ends holds zeros.
    """
    stated, missed = np.minimum(probability, 1 - probability), wrong(target, probability)
    return {
        end: (
            mask.astype(np.float64),
            np.where(mask, stated, 0.0),
            (mask & missed).astype(np.float64),
        )
        for end, mask in end_masks(probability).items()
    }


def roc_auc(target: npt.ArrayLike, probability: npt.ArrayLike) -> float:
    """Return the area under the ROC curve of P(1), ties half.

    Raises:
        ValueError: only one class is there.
    """
    y, p = binary(target, probability)
    return ood.auroc(p[y == 0], p[y == 1])


def accuracy(target: npt.ArrayLike, probability: npt.ArrayLike) -> float:
    """Return the share of rows called right."""
    hit, _, _, rejected = confusion_rows(*binary(target, probability)).sum(axis=1)
    return float((hit + rejected) / len(np.asarray(target)))


def balanced_accuracy(target: npt.ArrayLike, probability: npt.ArrayLike) -> float:
    """Return the mean of the recalls of both classes.

    Raises:
        ValueError: only one class is there.
    """
    tp, fp, fn, tn = confusion_rows(*binary(target, probability)).sum(axis=1)
    if tp + fn == 0 or fp + tn == 0:
        raise ValueError("balanced accuracy needs both classes")
    return float((tp / (tp + fn) + tn / (fp + tn)) / 2)


def f1(target: npt.ArrayLike, probability: npt.ArrayLike) -> float:
    """Return the F1 score of class 1, 2 TP / (2 TP + FP + FN).

    Raises:
        ValueError: class 1 neither occurs nor is predicted.
    """
    tp, fp, fn, _ = confusion_rows(*binary(target, probability)).sum(axis=1)
    if tp + fp + fn == 0:
        raise ValueError("F1 needs a row of class 1, true or predicted")
    return float(2 * tp / (2 * tp + fp + fn))


def brier(target: npt.ArrayLike, probability: npt.ArrayLike) -> float:
    """Return the mean of (y - P(1))^2. Source: Brier, Mon. Weather Rev. 78, 1 (1950)."""
    y, p = binary(target, probability)
    return float(np.square(y - p).mean())


def log_loss_rows(target: F8, probability: F8) -> F8:
    """Return (n,) negative log-likelihoods in nats, P(1) clipped by ``CLIP``."""
    p = np.clip(probability, CLIP, 1 - CLIP)
    return -np.log(np.where(target == 1, p, 1 - p))


def log_loss(target: npt.ArrayLike, probability: npt.ArrayLike) -> float:
    """Return the mean negative log-likelihood of the labels, in nats."""
    return float(log_loss_rows(*binary(target, probability)).mean())


def probability_bins(probability: F8) -> I8:
    """Return (n,) which of the ten equal-width bins of [0, 1] holds P(1); 1 is in the last."""
    edges = np.arange(1, BINS) / BINS
    return np.searchsorted(edges, probability, side="right").astype(np.int64)


def reliability_curve(target: npt.ArrayLike, probability: npt.ArrayLike) -> tuple[F8, F8, I8]:
    """Return the reliability diagram over ten equal-width bins; empty bins are left out.

    Returns:
        predicted: (k,) mean P(1) in a bin.
        observed: (k,) share of class 1 in it.
        count: (k,) rows in it.
    """
    y, p = binary(target, probability)
    which = probability_bins(p)
    count = np.bincount(which, minlength=BINS)
    held = count > 0
    predicted = np.bincount(which, p, BINS)[held] / count[held]
    observed = np.bincount(which, y, BINS)[held] / count[held]
    return predicted, observed, count[held].astype(np.int64)


def ece(target: npt.ArrayLike, probability: npt.ArrayLike) -> float:
    """Return the expected calibration error: mean gap between P(1) and the share of class 1.

    Weighted by rows, over the bins of :func:`reliability_curve`.
    Source: Naeini et al., AAAI (2015), eq. (1).
    """
    predicted, observed, count = reliability_curve(target, probability)
    return float((np.abs(predicted - observed) * count).sum() / count.sum())
