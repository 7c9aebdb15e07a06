"""Nearest neighbors: their index is a function of the rows, and made anew. Heavy: scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.neighbors._base import NeighborsBase

from atlas_core.api import ContractError
from atlas_estimators.parts import array, made, require


def describe(neighbors: NeighborsBase) -> tuple[type, dict[str, Any]]:
    """Return options, rows and targets.

    Raises:
        ContractError: it was not fitted, or the distance is a function, a table or has parameters.
    """
    if not isinstance(neighbors.metric, str) or neighbors.metric == "precomputed":
        raise ContractError("nearest neighbors are saved with a distance that has a name")
    if neighbors.metric_params or not isinstance(getattr(neighbors, "_fit_X", None), np.ndarray):
        raise ContractError("nearest neighbors are saved of a table, without parameters")
    state = {**neighbors.get_params(deep=False), "_fit_X": np.array(neighbors._fit_X, np.float64)}
    if hasattr(neighbors, "_y"):
        known = getattr(neighbors, "classes_", None)
        state["_y"] = neighbors._y if known is None else np.asarray(known)[neighbors._y]
    return type(neighbors), state


def rebuild(cls: type, state: Mapping[str, Any]) -> NeighborsBase:
    """Return the neighbors, fitted to their rows: scikit-learn checks options and rows.

    Raises:
        DataError: a part is not what it must be.
    """
    rows = array(state, "_fit_X", np.float64, (None, None))
    options = {name: one for name, one in state.items() if name not in ("_fit_X", "_y")}
    neighbors = made(cls, options)
    named = type(neighbors.metric) is str and neighbors.metric != "precomputed"
    require(named and neighbors.metric_params is None, "its distance is not read")
    require(len(rows), "it has no rows")
    require(neighbors.n_neighbors is None or neighbors.n_neighbors <= len(rows), "it has few rows")
    return neighbors.fit(rows, state["_y"]) if "_y" in state else neighbors.fit(rows)
