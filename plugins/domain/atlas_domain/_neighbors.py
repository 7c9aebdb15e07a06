"""The nearest training rows, by brute force: what every detector by distance shares."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

from atlas_core.api import F8, I8


def nearest(reference: F8, rows: F8, k: int) -> tuple[F8, I8]:
    """Return (n, k) ascending Euclidean distances and the places of the k nearest.

    Nothing is kept but the reference rows themselves: a tree would not help in a hundred
    dimensions, and an array can be stored and read again.
    """
    if not len(rows):
        return np.zeros((0, k)), np.zeros((0, k), dtype=np.int64)
    index = NearestNeighbors(algorithm="brute", n_jobs=1).fit(reference)
    distance, place = index.kneighbors(rows, k)
    return np.asarray(distance, dtype=np.float64), np.asarray(place, dtype=np.int64)
