"""Right and wrong answers of P(1) at a threshold of one half. Light: numpy only."""

from __future__ import annotations

import numpy as np

from atlas_core.arrays import F8, Bool
from atlas_core.kinds.metric import THRESHOLD


def confusion_rows(target: F8, probability: F8) -> F8:
    """Return (4, n) indicators of true positive, false positive, false and true negative."""
    truth, called = target == 1, probability > THRESHOLD
    cells = (truth & called, ~truth & called, truth & ~called, ~truth & ~called)
    return np.stack(cells).astype(np.float64)


def wrong(target: F8, probability: F8) -> Bool:
    """Return (n,) whether a row is called the other class."""
    return np.asarray((probability > THRESHOLD) != (target == 1), dtype=np.bool_)
