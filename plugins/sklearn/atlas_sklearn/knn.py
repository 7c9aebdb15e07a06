"""k nearest neighbors: mean of the most similar training rows (Cover & Hart 1967)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.neighbors import KNeighborsRegressor

from atlas_core.api import F8, Features, FitContext
from atlas_sklearn._columns import Columns

if TYPE_CHECKING:
    from atlas_sklearn.hooks import KNNConfig


class KNN:
    """Average neighbors; of labels 0 and 1 the average is P(1)."""

    def __init__(self, config: KNNConfig) -> None:
        self._config = config

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Index the training rows; see ``Model.fit``."""
        self._columns = Columns(features, "knn", scale=True)
        self.estimator = KNeighborsRegressor(
            n_neighbors=min(self._config.k, len(target)),
            weights=self._config.weights,
            # brute force takes distances from a matrix product: equal rows (polymorphs) then are
            # not at distance 0, and which of them is taken depends on the batch
            algorithm="kd_tree",
            n_jobs=max(context.n_jobs, 1),
        ).fit(self._columns(features), target)

    def predict(self, features: Features) -> F8:
        """Return (n,) weighted means over the neighbors; P(1) for a binary task."""
        return np.asarray(self.estimator.predict(self._columns(features)), dtype=np.float64)
