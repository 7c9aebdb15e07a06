"""Forests, and what they tell of the rows that they drew. Heavy: scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._iforest import _average_path_length

from atlas_estimators.parts import MOST_ROWS, made, plain, require, whole
from atlas_estimators.trees import BoundTree

COMPUTED = ("_decision_path_lengths", "_average_path_length_per_tree")
"""What an isolation forest knows of its trees: two arrays of each, made from its nodes."""


def describe(forest: Any) -> tuple[type, dict[str, Any]]:
    """Return the attributes of a forest, its trees among them."""
    state = plain(forest).items()
    return type(forest), {name: one for name, one in state if name not in COMPUTED}


def rebuild(cls: type, state: Mapping[str, Any]) -> Any:
    """Return the forest.

    Raises:
        DataError: a part is not what it must be.
    """
    forest = made(cls, state)
    if "estimators_" not in state:
        return forest
    trees = [one.tree_ for one in forest.estimators_]
    require(len(trees) and all(type(one) is BoundTree for one in trees), "its trees are none")
    require([one.n_features == forest.n_features_in_ for one in trees], "its trees are others")
    if isinstance(forest, IsolationForest):
        whole(state, "_max_samples", 1, MOST_ROWS)
        forest._decision_path_lengths = tuple(one.compute_node_depths() for one in trees)
        forest._average_path_length_per_tree = tuple(
            _average_path_length(one.n_node_samples) for one in trees
        )
    elif isinstance(forest, BaseForest):
        require([one.n_outputs == forest.n_outputs_ for one in trees], "its outputs are others")
        counts = np.atleast_1d(getattr(forest, "n_classes_", 1)).tolist()
        require([one.n_classes.tolist() == counts for one in trees], "its classes are others")
        # rows are drawn again from the seeds: more than the trees have seen would only fill memory
        seen = int(trees[0].n_node_samples[0])
        most = min(MOST_ROWS, 64 * (seen + 1))
        whole(state, "_n_samples", seen, most)
        if state.get("_n_samples_bootstrap") is not None:
            whole(state, "_n_samples_bootstrap", 1, most)
    return forest
