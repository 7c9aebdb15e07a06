"""Yes or no targets: P is the predicted probability of class 1. Light: numpy only."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.api import F8, Draw, Metric, MetricRows, metric, probability_bins, ratio

POINT = ("target", "mean")
CLIP = float(np.finfo(np.float64).eps)
"""log_loss keeps P(1) this far from 0 and 1, as scikit-learn does: forests do say 0 and 1."""
BINS = 10


def truth(rows: MetricRows) -> F8:
    """Class of each row."""
    return rows.target


def confusion(rows: MetricRows) -> F8:
    """(n, 4) indicators of true positive, false positive, false and true negative."""
    true = rows.target == 1
    called = true ^ (rows.mistake == 1)
    return np.stack([true & called, ~true & called, true & ~called, ~true & ~called], axis=1)


def square(rows: MetricRows) -> F8:
    """(y − P)²."""
    return (rows.target - rows.mean) ** 2


def surprise(rows: MetricRows) -> F8:
    """−ln P(class that came), in nats."""
    p = np.clip(rows.mean, CLIP, 1 - CLIP)
    return -np.log(np.where(rows.target == 1, p, 1 - p))


def gaps(rows: MetricRows) -> F8:
    """(n, 10) y − P in the row's bin of P, 0 in the others."""
    which = probability_bins(rows.mean)
    return (which[:, None] == np.arange(BINS)) * (rows.target - rows.mean)[:, None]


@metric(
    "accuracy", unit="share", better="higher", columns=POINT, terms=(confusion,), task="binary",
    definition="accuracy",
)  # fmt: skip
def accuracy(draw: Draw) -> F8:
    """Share of right answers at a threshold of one half."""
    tp, _, _, tn = draw[confusion].T
    return tp + tn


@metric(
    "class 1", unit="share", better="neither", columns=POINT, terms=(confusion,), task="binary",
    shown=False, definition="share of rows of class 1",
    note="Compare `accuracy` with the larger of it and 1 minus it.",
)  # fmt: skip
def class_1_share(draw: Draw) -> F8:
    """Share of materials of class 1: one answer for all is right for it, or for the rest."""
    tp, _, fn, _ = draw[confusion].T
    return tp + fn


@metric(
    "balanced accuracy", unit="share", better="higher", columns=POINT, terms=(confusion,),
    task="binary", classes=truth, definition="mean of the recalls of both classes",
    note="0.5 is chance level, also where classes are unequal.",
)  # fmt: skip
def balanced_accuracy(draw: Draw) -> F8:
    """Mean of the accuracies on either class."""
    tp, fp, fn, tn = draw[confusion].T
    return (ratio(tp, tp + fn) + ratio(tn, tn + fp)) / 2


@metric(
    "F1", unit="plain", better="higher", columns=POINT, terms=(confusion,), task="binary",
    classes=truth, definition="2TP / (2TP + FP + FN)",
    note="Depends on the share of class 1, as `accuracy` does.",
)  # fmt: skip
def f1(draw: Draw) -> F8:
    """Harmonic mean of precision and recall of class 1."""
    tp, fp, fn, _ = draw[confusion].T
    return ratio(2 * tp, 2 * tp + fp + fn)


@metric(
    "precision", unit="share", better="higher", columns=POINT, terms=(confusion,), task="binary",
    classes=truth, shown=False, definition="TP / (TP + FP)",
    note="Of everything that is called class 1, how much is.",
)  # fmt: skip
def precision(draw: Draw) -> F8:
    """Share of class 1 among the materials that are called so."""
    tp, fp, _, _ = draw[confusion].T
    return ratio(tp, tp + fp)


@metric(
    "recall", unit="share", better="higher", columns=POINT, terms=(confusion,), task="binary",
    classes=truth, shown=False, definition="TP / (TP + FN)",
    note="Of class 1, how much is called so.",
)  # fmt: skip
def recall(draw: Draw) -> F8:
    """Share of the materials of class 1 that are called so."""
    tp, _, fn, _ = draw[confusion].T
    return ratio(tp, tp + fn)


@metric(
    "times as many finds", unit="plain", better="higher", columns=POINT, terms=(confusion,),
    task="binary", classes=truth, shown=False, definition="precision / share of class 1",
    note="1 is picking at random; at most 1 / share of class 1.",
    source="discovery acceleration factor: Riebesell et al., Nat. Mach. Intell. 7, 836 (2025)",
)  # fmt: skip
def daf(draw: Draw) -> F8:
    """How many times as many of class 1 are found as by picking at random."""
    tp, fp, fn, tn = draw[confusion].T
    return ratio(ratio(tp, tp + fp), ratio(tp + fn, tp + fp + fn + tn))


def _best_first(rows: MetricRows) -> F8:
    return np.asarray(-rows.mean, dtype=np.float64)


def _surest_first(rows: MetricRows) -> F8:
    return np.asarray(-np.abs(rows.mean - 0.5), dtype=np.float64)


@metric(
    "precision of the top 10 %", unit="share", better="higher", columns=POINT, ranked=True,
    task="binary", classes=truth, shown=False,
    definition="share of class 1 among the tenth of the rows with the highest P",
    note="What a screen finds that can afford a tenth of its list.",
)  # fmt: skip
def precision_top_10(draw: Draw) -> F8:
    """Share of class 1 among the tenth of the materials with the highest probability of it."""
    rows = draw.rows
    return draw.kept_mean(rows.of(_best_first), rows.target, share=0.1)


@metric(
    "wrong in the surest 80 %", unit="share", better="lower", columns=POINT, ranked=True,
    task="binary", shown=False,
    definition="share of wrong answers among the 80 % of the rows with the largest |P − ½|",
    note="Compare with 1 minus `accuracy`.",
)  # fmt: skip
def wrong_at_80(draw: Draw) -> F8:
    """Share of wrong answers once the least sure fifth is left out."""
    rows = draw.rows
    return draw.kept_mean(rows.of(_surest_first), rows.mistake, share=0.8)


@metric(
    "Brier score", unit="plain", better="lower", columns=POINT, terms=(square,), mean=True,
    task="binary", definition="mean of (y − P)²",
    note="Proper: calibration and ranking in one; 0.25 is P = ½ throughout.",
    source="Brier, Mon. Weather Rev. 78, 1 (1950)",
)  # fmt: skip
def brier(draw: Draw) -> F8:
    """Mean squared difference between probability and outcome."""
    return draw[square]


@metric(
    "log loss", unit="plain", better="lower", columns=POINT, terms=(surprise,), mean=True,
    task="binary", definition="mean of −ln P(class that came)",
    note="Proper; a certain and wrong P is expensive.",
)  # fmt: skip
def log_loss(draw: Draw) -> F8:
    """Negative log-likelihood of the outcomes under the probabilities."""
    return draw[surprise]


@metric(
    "calibration error", unit="plain", better="lower", columns=POINT, terms=(gaps,), task="binary",
    definition="ten bins of P; mean over rows of |share of class 1 − mean P|",
    note="A constant P can be calibrated too.", source="Naeini et al., AAAI (2015), eq. 1",
)  # fmt: skip
def ece(draw: Draw) -> F8:
    """Mean gap between the stated probability and the observed share, over bins."""
    return np.asarray(np.sum([np.abs(gap) for gap in draw[gaps].T], axis=0))


@metric(
    "ROC AUC", unit="plain", better="higher", columns=POINT, ranked=True, task="binary",
    classes=truth, definition="area under the ROC curve of P, ties half",
    note="Ranks only. Matbench's leaderboard takes it of *labels*, which is `balanced_accuracy`.",
)  # fmt: skip
def roc_auc(draw: Draw) -> F8:
    """Chance that a random member of class 1 is ranked above one of class 0; 0.5 is guessing."""
    return draw.auroc(draw.rows.mean, draw.rows.target)


Mask = Callable[[F8], npt.NDArray[np.bool_]]
ENDS: dict[str, tuple[str, Mask]] = {
    "below_1": ("P ≤ 0.01", lambda p: p <= 0.01),
    "1_to_5": ("0.01 < P ≤ 0.05", lambda p: (p > 0.01) & (p <= 0.05)),
    "95_to_99": ("0.95 ≤ P < 0.99", lambda p: (p >= 0.95) & (p < 0.99)),
    "above_99": ("P ≥ 0.99", lambda p: p >= 0.99),
    "certain": ("P = 0 or 1 exactly", lambda p: (p == 0) | (p == 1)),
}
"""Ends of the scale of P, closed toward 0 and 1."""


def _at(rows: MetricRows, mask: Mask) -> F8 | None:
    there = mask(rows.mean)
    return there.astype(np.float64) if there.any() else None


def _stated(rows: MetricRows, mask: Mask) -> F8:
    return np.where(mask(rows.mean), np.minimum(rows.mean, 1 - rows.mean), 0.0)


def _wrong(rows: MetricRows, mask: Mask) -> F8:
    return mask(rows.mean) * rows.mistake


def _end(name: str, words: str, mask: Mask) -> list[Metric]:
    """Return the share of rows at an end, and there P of the other class as stated and as found.

    Near 0 the other class is class 1, near 1 it is class 0.
    """
    at, stated, wrong = (partial(own, mask=mask) for own in (_at, _stated, _wrong))
    common: dict[str, Any] = {
        "better": "neither", "columns": POINT, "task": "binary", "shown": False,
    }  # fmt: skip
    return [
        Metric(
            f"p_{name}_share", label=f"share with {words}", unit="share", terms=(at,),
            meaning=f"Share of materials with {words}.",
            definition=f"share of all rows with {words}", **common,
        ),
        Metric(
            f"p_{name}_stated", label=f"stated with {words}", unit="plain", terms=(at, stated),
            meaning=f"Probability of the other class that is stated where {words}.",
            definition=f"mean of P, near 1 of 1 − P, of the rows with {words}",
            compute=lambda draw: ratio(draw[stated], draw[at]), **common,
        ),
        Metric(
            f"p_{name}_wrong", label=f"wrong with {words}", unit="share", terms=(at, wrong),
            meaning=f"Share of the other class where {words}; it should be what is stated.",
            definition=f"share of the other class among the rows with {words}",
            compute=lambda draw: ratio(draw[wrong], draw[at]), among=at, **common,
        ),
    ]  # fmt: skip


def probability_ends(_config: Any = None) -> list[Metric]:
    """Stated and found probabilities near 0 and 1, where an average over all P hides them."""
    return [one for name, (words, mask) in ENDS.items() for one in _end(name, words, mask)]
