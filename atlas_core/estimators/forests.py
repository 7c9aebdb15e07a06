"""Schemas of forests. Heavy: scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.ensemble._iforest import _average_path_length
from sklearn.tree import ExtraTreeRegressor
from sklearn.tree._tree import NODE_DTYPE, Tree

from atlas_core.errors import ContractError, DataError
from atlas_core.estimators.fields import Fields, options_of
from atlas_core.estimators.nodes import depths_of, sizes_of

CLASSES: Mapping[str, Any] = {
    one.__name__: one
    for one in (
        RandomForestRegressor,
        RandomForestClassifier,
        ExtraTreesRegressor,
        ExtraTreesClassifier,
        IsolationForest,
    )
}
_CLASSIFIERS = (RandomForestClassifier, ExtraTreesClassifier)
_NODES = tuple(NODE_DTYPE.names)
_MOST_ROWS = 2**31 - 1
_TREES = {"options", "columns", "sizes", "seeds", "values", *_NODES}


class BoundTree(Tree):  # type: ignore[misc]  # compiled, without types
    """A compiled tree that refuses a table with other columns than it has features.

    The compiled one reads beside such a table; estimators look first, but not all who ask do.
    """

    def apply(self, X: Any) -> Any:
        """Return (n,) the leaf of each row."""
        self._look(X)
        return super().apply(X)

    def decision_path(self, X: Any) -> Any:
        """Return (n, nodes) where each row comes by."""
        self._look(X)
        return super().decision_path(X)

    def _look(self, table: Any) -> None:
        if table.ndim != 2 or table.shape[1] != self.n_features:
            raise DataError(
                f"a tree for {self.n_features} columns was asked about a table of shape"
                f" {table.shape}; use the same featurizer, or fit anew"
            )


def describe(forest: Any) -> dict[str, Any]:
    """Return the nodes of all trees, one after another.

    Raises:
        ContractError: it has several outputs or classes, or its trees look at some columns only.
    """
    states = [tree.tree_.__getstate__() for tree in forest.estimators_]
    nodes = np.concatenate([state["nodes"] for state in states])
    values = np.concatenate([state["values"] for state in states])
    state: dict[str, Any] = {
        "options": options_of(forest),
        "columns": int(forest.n_features_in_),
        "sizes": np.array([len(state["nodes"]) for state in states], dtype=np.int64),
        "seeds": np.array([tree.random_state for tree in forest.estimators_], dtype=np.int64),
        "values": np.ascontiguousarray(values[:, 0, :]),
        **{name: np.ascontiguousarray(nodes[name]) for name in _NODES},
    }
    if values.shape[1] != 1 or values.shape[2] > 2:
        raise ContractError("a forest of several outputs or more than two classes is not saved")
    if isinstance(forest, IsolationForest):
        if forest._max_features != forest.n_features_in_:
            raise ContractError("an IsolationForest with max_features below 1 is not saved")
        return {**state, "rows": int(forest._max_samples), "offset": float(forest.offset_)}
    if forest.max_samples is not None or forest.warm_start:
        raise ContractError("a forest with max_samples or warm_start is not saved")
    state["rows"] = int(forest._n_samples)
    if isinstance(forest, _CLASSIFIERS):
        state["classes"] = forest.classes_
    return state


def rebuild(name: str, state: Mapping[str, Any]) -> Any:
    """Return the forest.

    Raises:
        DataError: a part is not what it must be.
    """
    cls = CLASSES[name]
    extra = {"classes"} if cls in _CLASSIFIERS else set()
    if cls is IsolationForest:
        extra = {"offset"}
    fields = Fields(name, state, {*_TREES, "rows", *extra})
    options = fields.options(cls)
    columns = fields.columns()
    classes = fields.classes("classes") if cls in _CLASSIFIERS else None
    compiled = _trees(fields, columns, 1 if classes is None else len(classes))
    seeds = fields.array("seeds", np.int64, (len(compiled),))
    fields.require((seeds >= 0) & (seeds < 2**32), "a seed is none of a tree")
    forest = cls(**options)
    fields.require(
        forest.n_estimators == len(compiled), "it has another number of trees than it says"
    )
    forest.n_features_in_ = columns
    if cls is IsolationForest:
        return _isolation(fields, forest, compiled, seeds)
    fields.require(forest.max_samples is None and not forest.warm_start, "its options are not read")
    forest.n_outputs_ = 1
    # rows are drawn again from the seeds: more than the trees have seen would only fill memory
    seen = int(fields.array("n_node_samples", np.int64, (None,))[0])
    forest._n_samples = fields.whole("rows", seen, min(_MOST_ROWS, 64 * (seen + 1)))
    forest._n_samples_bootstrap = forest._n_samples if forest.bootstrap else None
    forest._sample_weight = None
    if classes is not None:
        forest.classes_, forest.n_classes_ = classes, len(classes)
    own = {one: getattr(forest, one) for one in forest.estimator_params if one != "random_state"}
    kind = type(forest.estimator)
    forest.estimator_ = kind(**own)
    forest.estimators_ = [
        _around(kind(**own, random_state=int(seed)), tree, columns, classes)
        for seed, tree in zip(seeds, compiled, strict=True)
    ]
    return forest


def _around(estimator: Any, tree: Tree, columns: int, classes: npt.NDArray[Any] | None) -> Any:
    estimator.tree_, estimator.n_features_in_ = tree, columns
    estimator.n_outputs_, estimator.max_features_ = 1, columns
    if classes is not None:
        # a tree in a forest knows its classes by number
        estimator.classes_ = np.arange(len(classes), dtype=np.float64)
        estimator.n_classes_ = np.int64(len(classes))
    return estimator


def _isolation(
    fields: Fields, forest: IsolationForest, compiled: list[Tree], seeds: npt.NDArray[Any]
) -> IsolationForest:
    rows = fields.whole("rows", 1, _MOST_ROWS)
    forest.max_samples_ = forest._max_samples = rows
    forest._max_features = forest.n_features_in_
    forest._sample_weight = None
    forest.offset_ = fields.number("offset")
    deepest = int(np.ceil(np.log2(max(rows, 2))))
    forest.estimators_ = [
        _around(
            ExtraTreeRegressor(max_depth=deepest, max_features=1, random_state=int(seed)),
            tree,
            forest.n_features_in_,
            None,
        )
        for seed, tree in zip(seeds, compiled, strict=True)
    ]
    forest.estimators_features_ = [np.arange(forest.n_features_in_)] * len(compiled)
    forest._decision_path_lengths = tuple(tree.compute_node_depths() for tree in compiled)
    forest._average_path_length_per_tree = tuple(
        _average_path_length(tree.n_node_samples) for tree in compiled
    )
    return forest


def _trees(fields: Fields, columns: int, width: int) -> list[Tree]:
    """Return the compiled trees, after a look at every index that they follow."""
    parts = {name: fields.array(name, NODE_DTYPE[name], (None,), finite=False) for name in _NODES}
    total = len(parts["left_child"])
    for name in _NODES:
        fields.array(name, NODE_DTYPE[name], (total,), finite=False)
    sizes = sizes_of(fields, "sizes", total)
    values = fields.array("values", np.float64, (total, width))
    inner = parts["left_child"] != -1
    fields.require((parts["right_child"] != -1) == inner, "a node has one child")
    depth = depths_of(fields, sizes, parts["left_child"], parts["right_child"], inner)
    feature = parts["feature"][inner]
    fields.require(
        (feature >= 0) & (feature < columns), "a tree asks for a column beyond its table"
    )
    fields.require(~np.isnan(parts["threshold"][inner]), "a threshold is no number")
    fields.require(parts["n_node_samples"] >= 0, "a node has fewer than no rows")
    nodes = np.zeros(total, dtype=NODE_DTYPE)
    for name, content in parts.items():
        nodes[name] = content
    found, start = [], 0
    for size in sizes.tolist():
        own = slice(start, start + size)
        start += size
        tree = BoundTree(columns, np.array([width], dtype=np.intp), 1)
        tree.__setstate__(
            {
                "max_depth": int(depth[own].max()),
                "node_count": size,
                "nodes": np.ascontiguousarray(nodes[own]),
                "values": np.ascontiguousarray(values[own])[:, None, :],
            }
        )
        found.append(tree)
    return found
