"""Histogram gradient boosting and its trees. Heavy: scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from atlas_core.api import ContractError, DataError
from atlas_estimators.parts import MOST_COLUMNS, array, made, plain, require, whole
from atlas_estimators.trees import depths_of, fields_of, nodes_of

# a cut by categories follows indices of its own: it is neither written nor read
NODES = tuple(
    name for name in PREDICTOR_RECORD_DTYPE.names if name not in {"is_categorical", "bitset_idx"}
)
COMPUTED = ("_bin_mapper", "_label_encoder", "_loss", "_preprocessor", "_scorer")
"""What the options decide, or only a fit asks."""


class BoundPredictor(TreePredictor):  # type: ignore[misc]  # without types
    """A tree that refuses a table with fewer columns than it asks for: compiled code does not."""

    def predict(self, X: Any, *args: Any, **options: Any) -> Any:
        """Return (n,) the value of each row's leaf."""
        inner = self.nodes["is_leaf"] == 0
        wanted = int(self.nodes["feature_idx"][inner].max(initial=-1)) + 1
        if X.ndim != 2 or X.shape[1] < wanted:
            raise DataError(
                f"a tree for {wanted} columns was asked about a table of shape {X.shape}; use the"
                " same featurizer, or fit anew"
            )
        return super().predict(X, *args, **options)


def describe(boosted: Any) -> tuple[type, dict[str, Any]]:
    """Return what boosted trees predict from, or the nodes of one of them.

    Raises:
        ContractError: it cuts by categories.
    """
    if isinstance(boosted, TreePredictor):
        if boosted.nodes["is_categorical"].any():
            raise ContractError("boosting by categories is not saved")
        return TreePredictor, fields_of(boosted.nodes, NODES)
    state = plain(boosted)
    if not isinstance(boosted, BaseHistGradientBoosting) or state.get("_preprocessor") is not None:
        raise ContractError(f"a {type(boosted).__name__} by categories is not saved")
    return type(boosted), {name: one for name, one in state.items() if name not in COMPUTED}


def rebuild(cls: type, state: Mapping[str, Any]) -> Any:
    """Return the boosted trees, or one of them.

    Raises:
        DataError: a part is not what it must be.
    """
    if cls is TreePredictor:
        return _tree(state)
    require(issubclass(cls, BaseHistGradientBoosting), f"a {cls.__qualname__} is not read")
    boosted = made(cls, {**state, "is_categorical_": None, "_preprocessor": None})
    if "_predictors" not in state:
        return boosted
    outputs = whole(state, "n_trees_per_iteration_", 1, MOST_COLUMNS)
    array(state, "_baseline_prediction", np.float64, (1, outputs))
    columns = whole(state, "n_features_in_", 1, MOST_COLUMNS)
    for tree in (tree for trees in boosted._predictors for tree in trees):
        require(type(tree) is BoundPredictor, "its trees are none")
    boosted._loss = boosted._get_loss(sample_weight=None)
    boosted._bin_mapper = _BinMapper()  # asked for its categories alone
    boosted._bin_mapper.is_categorical_ = np.zeros(columns, dtype=np.uint8)
    boosted._bin_mapper.bin_thresholds_ = []
    return boosted


def _tree(state: Mapping[str, Any]) -> TreePredictor:
    """Return a tree, after a look at every index that it follows."""
    nodes = nodes_of(state, PREDICTOR_RECORD_DTYPE, NODES)
    require(nodes["is_leaf"] <= 1, "a node is neither leaf nor cut")
    inner = nodes["is_leaf"] == 0
    depths_of(nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), inner)
    feature = nodes["feature_idx"]
    require((feature >= 0) & (feature < MOST_COLUMNS), "a tree asks for a column of no table")
    require(~np.isnan(nodes["num_threshold"][inner]), "a threshold is no number")
    require(np.isfinite(nodes["value"]), "a value is not finite")
    none = np.zeros((0, 8), dtype=np.uint32)
    return BoundPredictor(nodes, none, none)
