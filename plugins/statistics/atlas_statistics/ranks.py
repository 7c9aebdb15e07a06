"""How well one score separates two groups of rows. Light: numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.metrics import weighted


def auroc(inside: npt.ArrayLike, outside: npt.ArrayLike) -> float:
    """Return P(score of a held-out material > of an in-domain one), ties half; 0.5 is chance level.

    Source: Hanley & McNeil, Radiology 143, 29 (1982).

    Args:
        inside: (a,) scores of in-domain materials.
        outside: (b,) scores of held-out materials.

    Raises:
        ValueError: one of them is empty, or a score is not finite.
    """
    a, b = np.asarray(inside, dtype=np.float64), np.asarray(outside, dtype=np.float64)
    if a.ndim != 1 or b.ndim != 1 or not len(a) or not len(b):
        raise ValueError("expected at least one in-domain and one held-out score")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a score is not finite")
    scores, positive = np.concatenate([a, b]), np.repeat([0.0, 1.0], [len(a), len(b)])
    ranking = weighted.Ranking(scores)
    return float(weighted.auroc(ranking, positive, weighted.unit_weights(len(scores)))[0])
