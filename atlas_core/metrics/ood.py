"""How well a score separates held-out materials from in-domain ones; higher score = held-out.

All are areas and rates of the ROC and precision-recall curves of one binary question, with equal
scores treated as one threshold (ranks averaged). Light: numpy only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8
from atlas_core.metrics import weighted

TPR = 0.95
"""Share of held-out materials that must be found in :func:`fpr95`."""


def _joined(inside: npt.ArrayLike, outside: npt.ArrayLike) -> tuple[weighted.Ranking, F8, F8]:
    a, b = np.asarray(inside, dtype=np.float64), np.asarray(outside, dtype=np.float64)
    if a.ndim != 1 or b.ndim != 1 or not len(a) or not len(b):
        raise ValueError("expected at least one in-domain and one held-out score")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a score is not finite")
    positive = np.concatenate([np.zeros(len(a)), np.ones(len(b))])
    scores = np.concatenate([a, b])
    return weighted.Ranking(scores), positive, weighted.unit_weights(len(scores))


def auroc(inside: npt.ArrayLike, outside: npt.ArrayLike) -> float:
    """Return P(score of a held-out material > of an in-domain one), ties half; 0.5 is chance level.

    Source: Hanley & McNeil, Radiology 143, 29 (1982).

    Args:
        inside: (a,) scores of in-domain materials.
        outside: (b,) scores of held-out materials.

    Raises:
        ValueError: one of them is empty, or a score is not finite.
    """
    ranking, positive, ones = _joined(inside, outside)
    return float(weighted.auroc(ranking, positive, ones)[0])


def aupr(inside: npt.ArrayLike, outside: npt.ArrayLike) -> float:
    """Return the average precision with held-out as the positive class.

    A random order gives the share of held-out rows. Sum over thresholds of (R_k - R_(k-1)) P_k,
    without interpolation. Source: Davis & Goadrich, ICML (2006), on why not to interpolate.
    """
    ranking, positive, ones = _joined(inside, outside)
    return float(weighted.aupr(ranking, positive, ones)[0])


def fpr95(inside: npt.ArrayLike, outside: npt.ArrayLike) -> float:
    """Return the share of in-domain materials flagged where 95 % of the held-out are found.

    Source: Hendrycks et al., ICLR (2019), section 4.
    """
    ranking, positive, ones = _joined(inside, outside)
    return float(weighted.fpr_at(ranking, positive, ones, tpr=TPR)[0])


def roc_curve(inside: npt.ArrayLike, outside: npt.ArrayLike) -> tuple[F8, F8]:
    """Return the ROC curve from (0, 0) to (1, 1), one point a distinct score.

    Returns:
        fpr: (g + 1,) share of in-domain materials flagged, ascending.
        tpr: (g + 1,) share of held-out materials flagged.
    """
    ranking, positive, ones = _joined(inside, outside)
    hits = ranking.sums(ones * positive)[0, ::-1]
    misses = ranking.sums(ones)[0, ::-1] - hits
    fpr = np.concatenate([[0.0], np.cumsum(misses) / misses.sum()])
    tpr = np.concatenate([[0.0], np.cumsum(hits) / hits.sum()])
    return fpr, tpr
