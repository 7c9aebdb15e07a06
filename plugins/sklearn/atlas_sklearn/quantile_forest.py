"""Quantile forest: the spread of the targets in the leaves (Meinshausen 2006)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from atlas_core.api import F8, I8, DataError, Features, FitContext
from atlas_sklearn._forest import Forest

if TYPE_CHECKING:
    from atlas_sklearn.hooks import QuantileForestConfig

NUMBERS_AT_ONCE = 2**23
"""Weights that are held at once: rows, each with one of every training row."""

ROUNDING = 1e-9
"""How far a sum of weights may miss a level by rounding alone."""


class QuantileForest:
    """Weigh training rows by the leaves that they share with a row."""

    def __init__(self, config: QuantileForestConfig) -> None:
        self._forest = Forest(
            config, name="quantile_forest", cuts=config.cuts, bootstrap=config.bootstrap
        )

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Grow the trees and keep which training row lies in which leaf; see ``Model.fit``.

        Raises:
            DataError: the task is not regression.
        """
        if context.task != "regression":
            raise DataError("quantile_forest: needs a regression target, this one is binary")
        self._forest.fit(features, target, context)
        order = np.argsort(target, kind="stable")
        self._sorted = np.array(target[order], dtype=np.float64)
        self._leaves: I8 = self._forest.leaves(features)[order]

    def predict(self, features: Features) -> F8:
        """Return (n,) the mean over the trees."""
        return self._forest.predict(features)

    def members(self, features: Features) -> F8:
        """Return (k, n) predictions of the trees."""
        return self._forest.members(features)

    def leaves(self, features: Features) -> I8:
        """Return (n, k) the leaf of each tree."""
        return self._forest.leaves(features)

    def inbag(self) -> I8:
        """Return (k, n) how often each tree drew each training row."""
        return self._forest.inbag()

    def quantiles(self, features: Features, levels: F8) -> F8:
        """Return (l, n) the smallest training target whose summed weight reaches each level.

        A training row weighs the mean over the trees of 1 / (rows in the leaf) where it shares the
        leaf (eq. 4 to 6). Those that the tree did not draw count too: all n stand in eq. 4.
        """
        last = self._last()
        starts = np.concatenate([[0], np.cumsum(last)[:-1]])
        shared = _indicators(self._leaves + starts, int(last.sum()))
        size = np.maximum(np.asarray(shared.sum(axis=0)).ravel(), 1.0)
        new = self._forest.leaves(features)
        trees = new.shape[1]
        if (new >= last).any():
            raise DataError("quantile_forest: a leaf holds no training row; fit anew")
        found = np.empty((len(levels), len(new)))
        wanted = np.asarray(levels, dtype=np.float64) - ROUNDING
        at_once = max(1, NUMBERS_AT_ONCE // len(self._sorted))
        for i in range(0, len(new), at_once):
            here = _indicators(new[i : i + at_once] + starts, int(last.sum()))
            here.data /= size[here.indices] * trees
            for row, reached in enumerate(np.cumsum((here @ shared.T).toarray(), axis=1)):
                first = np.searchsorted(reached, wanted)
                found[:, i + row] = self._sorted[np.minimum(first, len(self._sorted) - 1)]
        return found

    def _last(self) -> I8:
        """Return (k,) one more than the last leaf of each tree that holds a training row.

        The leaves become indices of a sparse table, which follows them without a look.

        Raises:
            DataError: they are not leaves of the trees.
        """
        known = self._leaves
        shape = (len(self._sorted), len(self._forest.sizes()))
        if known.dtype != np.int64 or known.shape != shape or not len(known):
            raise DataError("quantile_forest: its leaves do not fit its trees; fit anew")
        if (known < 0).any() or (known >= self._forest.sizes()).any():
            raise DataError("quantile_forest: a leaf is none of its tree; fit anew")
        return np.asarray(known.max(axis=0) + 1)


def _indicators(leaves: I8, width: int) -> csr_array:
    """Return the (n, width) table that is 1 where a row lies in a leaf."""
    n, k = leaves.shape
    offsets = np.arange(0, n * k + 1, k)
    return csr_array((np.ones(n * k), leaves.ravel(), offsets), shape=(n, width))
