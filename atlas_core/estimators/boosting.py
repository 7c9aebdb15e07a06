"""Schemas of histogram gradient boosting. Heavy: scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from atlas_core.errors import ContractError
from atlas_core.estimators.fields import Fields, options_of
from atlas_core.estimators.nodes import depths_of, sizes_of

CLASSES: Mapping[str, Any] = {
    one.__name__: one for one in (HistGradientBoostingRegressor, HistGradientBoostingClassifier)
}
_LINKS = ("squared_error", "absolute_error", "quantile", "log_loss")
# a cut by categories follows indices of its own: it is neither written nor read
_NODES = tuple(
    name for name in PREDICTOR_RECORD_DTYPE.names if name not in {"is_categorical", "bitset_idx"}
)


def describe(boosted: Any) -> dict[str, Any]:
    """Return the nodes of all trees, one after another.

    Raises:
        ContractError: it has several outputs, cuts by categories, or another link function.
    """
    if boosted.n_trees_per_iteration_ != 1 or boosted.is_categorical_ is not None:
        raise ContractError("boosting of several outputs or by categories is not saved")
    if boosted.loss not in _LINKS:
        raise ContractError(f"boosting with the loss {boosted.loss!r} is not saved")
    trees = [tree.nodes for (tree,) in boosted._predictors]
    nodes = np.concatenate([*trees, np.zeros(0, dtype=PREDICTOR_RECORD_DTYPE)])
    state = {
        "options": options_of(boosted),
        "columns": int(boosted.n_features_in_),
        "baseline": float(boosted._baseline_prediction[0, 0]),
        "sizes": np.array([len(tree) for tree in trees], dtype=np.int64),
        **{name: np.ascontiguousarray(nodes[name]) for name in _NODES},
    }
    if isinstance(boosted, HistGradientBoostingClassifier):
        state["classes"] = boosted.classes_
    return state


def rebuild(name: str, state: Mapping[str, Any]) -> Any:
    """Return the boosted trees.

    Raises:
        DataError: a part is not what it must be.
    """
    cls = CLASSES[name]
    classifies = cls is HistGradientBoostingClassifier
    extra = {"classes"} if classifies else set()
    fields = Fields(name, state, {"options", "columns", "baseline", "sizes", *_NODES, *extra})
    boosted = cls(**fields.options(cls))
    fields.require(boosted.loss in _LINKS, "its loss is not read")
    columns = fields.columns()
    if classifies:
        boosted.classes_ = fields.classes("classes")
        fields.require(len(boosted.classes_) == 2, "it has one class")
    boosted.n_features_in_ = boosted._n_features = columns
    boosted.n_trees_per_iteration_ = 1
    boosted.is_categorical_ = boosted._preprocessor = boosted._is_categorical_remapped = None
    boosted.do_early_stopping_ = False
    boosted.train_score_ = boosted.validation_score_ = np.zeros(0)
    boosted._baseline_prediction = np.array([[fields.number("baseline")]])
    boosted._loss = boosted._get_loss(sample_weight=None)
    boosted._bin_mapper = _BinMapper()  # asked for its categories alone
    boosted._bin_mapper.is_categorical_ = np.zeros(columns, dtype=np.uint8)
    boosted._bin_mapper.bin_thresholds_ = []
    boosted._predictors = [[tree] for tree in _trees(fields, columns)]
    return boosted


def _trees(fields: Fields, columns: int) -> list[TreePredictor]:
    """Return the trees, after a look at every index that they follow."""
    total = len(fields.array("value", np.float64, (None,)))
    nodes = np.zeros(total, dtype=PREDICTOR_RECORD_DTYPE)
    for name in _NODES:
        nodes[name] = fields.array(name, PREDICTOR_RECORD_DTYPE[name], (total,), finite=False)
    sizes = sizes_of(fields, "sizes", total)
    fields.require(nodes["is_leaf"] <= 1, "a node is neither leaf nor cut")
    inner = nodes["is_leaf"] == 0
    left, right = (nodes[side].astype(np.int64) for side in ("left", "right"))
    depths_of(fields, sizes, left, right, inner)
    feature = nodes["feature_idx"]
    fields.require(
        (feature >= 0) & (feature < columns), "a tree asks for a column beyond its table"
    )
    fields.require(~np.isnan(nodes["num_threshold"][inner]), "a threshold is no number")
    none = np.zeros((0, 8), dtype=np.uint32)
    ends = np.cumsum(sizes)
    return [
        TreePredictor(nodes[end - size : end].copy(), none, none)
        for size, end in zip(sizes.tolist(), ends.tolist(), strict=True)
    ]
