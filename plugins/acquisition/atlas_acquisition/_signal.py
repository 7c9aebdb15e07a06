"""What acquisition functions read of a request: signed mean and sigma. Light: numpy only."""

from __future__ import annotations

import numpy as np

from atlas_core.api import F8, I8, AcquisitionRequest, DataError, Goal


def signed(values: F8, goal: Goal) -> F8:
    """Return ``values`` so that higher is better: as they are, or negated to minimize."""
    return np.asarray(values if goal == "maximize" else -values, dtype=np.float64)


def sigma(request: AcquisitionRequest, name: str) -> F8:
    """Return (n,) the total std of the predictions, in the target's unit.

    Raises:
        DataError: the predictions carry no std.
    """
    std = request.prediction.std
    if std is None:
        raise DataError(
            f"acquisition {name}: the predictions carry no std; use a uq method that gives one"
        )
    return std


def rank_by_id(request: AcquisitionRequest) -> I8:
    """Return (n,) the place of each row when ids are sorted: ties chance to ids."""
    rank = np.empty(len(request.ids), dtype=np.int64)
    rank[np.argsort(request.ids, kind="stable")] = np.arange(len(request.ids))
    return rank
