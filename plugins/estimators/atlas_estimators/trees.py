"""Compiled trees: their nodes, and a look at every index in them. Heavy: scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.tree._tree import NODE_DTYPE, Tree

from atlas_core.api import I8, Bool, DataError
from atlas_estimators.parts import MOST_COLUMNS, array, require, whole


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


def describe(tree: Any) -> tuple[type, dict[str, Any]]:
    """Return the nodes of a tree, field by field, and their values."""
    state = tree.__getstate__()
    return Tree, {
        "columns": int(tree.n_features),
        "classes": np.array(tree.n_classes, dtype=np.int64),
        "values": state["values"],
        **fields_of(state["nodes"], NODE_DTYPE.names),
    }


def rebuild(cls: type, state: Mapping[str, Any]) -> Tree:
    """Return the tree, after a look at every index that it follows.

    Raises:
        DataError: a part is not what it must be.
    """
    require(cls is Tree, f"a {cls.__qualname__} is no plain tree")
    nodes = nodes_of(state, NODE_DTYPE, NODE_DTYPE.names)
    columns = whole(state, "columns", 1, MOST_COLUMNS)
    classes = array(state, "classes", np.int64, (None,))
    require(len(classes) and (classes >= 1) & (classes <= MOST_COLUMNS), "it has no classes")
    values = array(state, "values", np.float64, (len(nodes), len(classes), int(classes.max())))
    inner = nodes["left_child"] != -1
    require((nodes["right_child"] != -1) == inner, "a node has one child")
    depth = depths_of(nodes["left_child"], nodes["right_child"], inner)
    feature = nodes["feature"][inner]
    require((feature >= 0) & (feature < columns), "a tree asks for a column beyond its table")
    require(~np.isnan(nodes["threshold"][inner]), "a threshold is no number")
    require(nodes["n_node_samples"] >= 0, "a node has fewer than no rows")
    tree = BoundTree(columns, classes.astype(np.intp), len(classes))
    tree.__setstate__(
        {
            "max_depth": int(depth.max()),
            "node_count": len(nodes),
            "nodes": nodes,
            "values": np.ascontiguousarray(values),
        }
    )
    return tree


def fields_of(nodes: npt.NDArray[Any], names: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    """Return the named fields of nodes, each an array of its own: no bytes between them."""
    return {name: np.ascontiguousarray(nodes[name]) for name in names}


def nodes_of(
    state: Mapping[str, Any], dtype: np.dtype[Any], names: tuple[str, ...]
) -> npt.NDArray[Any]:
    """Return (n,) nodes of these fields; others are 0.

    Raises:
        DataError: a field has another type or length, or there is no node.
    """
    total = len(array(state, names[0], dtype[names[0]], (None,), finite=False))
    require(total, "a tree has no nodes")
    nodes = np.zeros(total, dtype=dtype)
    for name in names:
        nodes[name] = array(state, name, dtype[name], (total,), finite=False)
    return nodes


def depths_of(left: I8, right: I8, inner: Bool) -> I8:
    """Return (n,) how deep each node of a tree lies, after a check that it is one.

    Children stand behind their parent; every node but the first has one parent. So no index leaves
    the tree, and no path goes round or is counted twice.

    Raises:
        DataError: an index leads out of the tree, or a node has not one parent.
    """
    n = len(left)
    number = np.arange(n)
    for child in (left[inner], right[inner]):
        require((child > number[inner]) & (child < n), "an index leads out of a tree")
    parents = np.bincount(np.concatenate([left[inner], right[inner]]), minlength=n)
    require(parents == (number > 0), "a node of a tree has not one parent")
    depth = np.zeros(n, dtype=np.int64)
    level, below = np.zeros(1, dtype=np.int64), 0
    while len(level := level[inner[level]]):
        below += 1
        level = np.concatenate([left[level], right[level]])
        depth[level] = below
    return depth
