"""Check the nodes of many binary trees at once. Light: numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.estimators.fields import Fields

I8 = npt.NDArray[np.int64]


def sizes_of(fields: Fields, name: str, total: int) -> I8:
    """Return (k,) how many nodes each tree has; together they have ``total``.

    Raises:
        DataError: they are something else.
    """
    sizes: I8 = fields.array(name, np.int64, (None,))
    # each is bounded before they are summed: a sum of huge ones would go round
    fields.require((sizes >= 1) & (sizes <= total), f"{name} do not fit the nodes")
    fields.require(len(sizes) >= 1 and int(sizes.sum()) == total, f"{name} do not fit the nodes")
    return sizes


def depths_of(fields: Fields, sizes: I8, left: I8, right: I8, inner: npt.NDArray[np.bool_]) -> I8:
    """Return (n,) how deep each node lies, after a check that they are trees.

    Children are numbered within their tree and stand behind their parent; every node but the first
    has one parent. So no index leaves a tree, and no path goes round or is counted twice.

    Raises:
        DataError: an index leads out of its tree, or a node has not one parent.
    """
    start = np.repeat(np.cumsum(sizes) - sizes, sizes)
    size = np.repeat(sizes, sizes)
    number = np.arange(len(left)) - start
    for child in (left[inner], right[inner]):
        inside = (child > number[inner]) & (child < size[inner])
        fields.require(inside, "an index leads out of a tree")
    children = np.concatenate([(left + start)[inner], (right + start)[inner]])
    parents = np.bincount(children, minlength=len(left))
    fields.require(parents == (number > 0), "a node of a tree has not one parent")
    depth = np.zeros(len(left), dtype=np.int64)
    level = np.flatnonzero(number == 0)
    below = 0
    while len(level := level[inner[level]]):
        below += 1
        level = np.concatenate([left[level], right[level]]) + np.tile(start[level], 2)
        depth[level] = below
    return depth
