"""Forests whose trees are read in one pass. Heavy: scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from atlas_core.api import F8, I8, DataError, Features, FitContext, TargetScale
from atlas_sklearn._columns import Columns, seed32, threads

if TYPE_CHECKING:
    from atlas_sklearn.hooks import ExtraTreesConfig, QuantileForestConfig, RandomForestConfig

FORESTS: dict[str, dict[str, Any]] = {
    "best": {"regression": RandomForestRegressor, "binary": RandomForestClassifier},
    "random": {"regression": ExtraTreesRegressor, "binary": ExtraTreesClassifier},
}
"""Estimators by how a cut is placed: the best of all, or the best of some drawn at random."""


class Forest:
    """Fit a forest; ``members`` are its trees.

    Args:
        config: its options.
        name: the component's.
        cuts: a key of ``FORESTS``.
        bootstrap: each tree learns from rows drawn with replacement, not from all.
    """

    def __init__(
        self,
        config: RandomForestConfig | ExtraTreesConfig | QuantileForestConfig,
        *,
        name: str,
        cuts: Literal["best", "random"],
        bootstrap: bool = True,
    ) -> None:
        self._name, self._cuts, self._bootstrap = name, cuts, bootstrap
        # as scikit-learn names them
        self._grown = {
            "n_estimators": config.trees,
            "max_features": config.max_features,
            "min_samples_leaf": config.min_samples_leaf,
            "max_depth": config.max_depth,
            "bootstrap": bootstrap,
        }

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Grow the trees; see ``Model.fit``."""
        self._columns = Columns(features, self._name, scale=False)
        self._jobs = max(context.n_jobs, 1)
        self._rows = len(target)
        # trees stop at an impurity of 2e-16, whatever the target's unit
        self._scale = TargetScale.of(target) if context.task == "regression" else None
        learned = target if self._scale is None else self._scale.standard(target)
        self.estimator = FORESTS[self._cuts][context.task](
            **self._grown,
            n_jobs=self._jobs,
            random_state=seed32(context.seed),
        ).fit(self._columns(features), learned)
        # a tree's value is one number, or the shares of the classes present in training
        self._value: int | None = 0
        if context.task == "binary":
            at = np.flatnonzero(self.estimator.classes_ == 1)
            self._value = int(at[0]) if len(at) else None

    def members(self, features: Features) -> F8:
        """Return (k, n) predictions of the trees; P(1) of each for a binary task."""
        draws = np.zeros((len(features), len(self.estimator.estimators_)))
        if (value := self._value) is not None:

            def column(i: int, tree: Any, table: Any) -> None:
                draws[:, i] = tree.predict(table).reshape(len(table), -1)[:, value]

            self._ask(column, features)
        return draws.T if self._scale is None else self._scale.back(draws).T

    def predict(self, features: Features) -> F8:
        """Return (n,) the mean over the trees, summed in one order whatever the threads."""
        # (n, k) with k last: numpy then sums a row alike, alone or in a batch
        return np.asarray(np.ascontiguousarray(self.members(features).T).mean(axis=1))

    def leaves(self, features: Features) -> I8:
        """Return (n, k) the leaf of each tree, by its number among the tree's nodes."""
        found = np.zeros((len(features), len(self.estimator.estimators_)), dtype=np.int64)

        def column(i: int, tree: Any, table: Any) -> None:
            found[:, i] = tree.apply(table)

        self._ask(column, features)
        return found

    def sizes(self) -> I8:
        """Return (k,) how many nodes each tree has: its leaves are numbered below that."""
        return np.array([one.tree_.node_count for one in self.estimator.estimators_])

    def inbag(self) -> I8:
        """Return (k, n) how often each tree drew each training row.

        Raises:
            DataError: no tree drew rows, because ``bootstrap`` is off.
        """
        if not self._bootstrap:
            raise DataError(f"{self._name}: bootstrap is off, so no tree drew rows; set it to true")
        drawn = self.estimator.estimators_samples_
        return np.stack([np.bincount(rows, minlength=self._rows) for rows in drawn])

    def _ask(self, ask: Callable[[int, Any, Any], None], features: Features) -> None:
        """Call ``ask(i, tree, table)`` for every compiled tree, in threads where there are some.

        The compiled tree is asked directly: the estimator around it would check and convert the
        table anew for every tree.
        """
        table = self._columns(features).astype(np.float32)
        trees = [estimator.tree_ for estimator in self.estimator.estimators_]
        # a compiled tree reads beside a table that has fewer columns than it was grown on
        if any(tree.n_features != table.shape[1] for tree in trees):
            raise DataError(
                f"{self._name}: its trees were grown on another number of columns than the "
                f"{table.shape[1]} of the table; use the same featurizer, or fit anew"
            )
        if (jobs := threads(self._jobs)) == 1:
            for i, tree in enumerate(trees):
                ask(i, tree, table)
        else:
            with ThreadPoolExecutor(jobs) as pool:
                list(pool.map(lambda i: ask(i, trees[i], table), range(len(trees))))
