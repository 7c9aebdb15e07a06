"""A forest whose trees are read in one pass. Heavy: scikit-learn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from atlas_core.api import F8, Features, FitContext
from atlas_sklearn._columns import Columns, seed32

if TYPE_CHECKING:
    from atlas_sklearn.random_forest import RandomForestConfig


class RandomForest:
    """Fit a forest; ``members`` are its trees."""

    def __init__(self, config: RandomForestConfig) -> None:
        self._config = config

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Grow the trees; see ``Model.fit``."""
        self._columns = Columns(features, "random_forest", scale=False)
        self._jobs = max(context.n_jobs, 1)
        forest = RandomForestRegressor if context.task == "regression" else RandomForestClassifier
        self.estimator = forest(
            n_estimators=self._config.trees,
            max_features=self._config.max_features,
            min_samples_leaf=self._config.min_samples_leaf,
            max_depth=self._config.max_depth,
            n_jobs=self._jobs,
            random_state=seed32(context.seed),
        ).fit(self._columns(features), target)
        # a tree's value is one number, or the shares of the classes present in training
        self._value: int | None = 0
        if context.task == "binary":
            at = np.flatnonzero(self.estimator.classes_ == 1)
            self._value = int(at[0]) if len(at) else None

    def members(self, features: Features) -> F8:
        """Return (k, n) predictions of the trees; P(1) of each for a binary task.

        The compiled tree is asked directly: the estimator around it would check and convert the
        table anew for every tree.
        """
        table = self._columns(features).astype(np.float32)
        draws = np.zeros((len(table), self._config.trees))
        if (value := self._value) is not None:
            trees = [estimator.tree_ for estimator in self.estimator.estimators_]

            def column(i: int) -> None:
                draws[:, i] = trees[i].predict(table).reshape(len(table), -1)[:, value]

            if self._jobs == 1:
                for i in range(len(trees)):
                    column(i)
            else:
                with ThreadPoolExecutor(self._jobs) as pool:
                    list(pool.map(column, range(len(trees))))
        return draws.T

    def predict(self, features: Features) -> F8:
        """Return (n,) the mean over the trees, summed in one order whatever the threads."""
        # (n, k) with k last: numpy then sums a row alike, alone or in a batch
        return np.asarray(np.ascontiguousarray(self.members(features).T).mean(axis=1))
