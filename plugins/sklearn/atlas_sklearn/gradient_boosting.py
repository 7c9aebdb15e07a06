"""Gradient boosting on binned features (Friedman 2001)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from atlas_core.api import F8, Features, FitContext, TargetScale
from atlas_sklearn._columns import Columns, seed32, threads, two_classes

if TYPE_CHECKING:
    from atlas_sklearn.hooks import GradientBoostingConfig


class GradientBoosting:
    """Fit boosted trees; a NaN is a value of its own to them, so nothing is filled in."""

    def __init__(self, config: GradientBoostingConfig) -> None:
        self._config = config

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Boost; see ``Model.fit``.

        Raises:
            DataError: a binary target has one class only.
        """
        self._columns = Columns(features, "gradient_boosting", impute=False, scale=False)
        self._jobs = max(context.n_jobs, 1)
        self._binary = context.task == "binary"
        boosting = HistGradientBoostingClassifier if self._binary else HistGradientBoostingRegressor
        estimator = boosting(
            max_iter=self._config.trees,
            learning_rate=self._config.learning_rate,
            max_leaf_nodes=self._config.max_leaves,
            min_samples_leaf=self._config.min_samples_leaf,
            l2_regularization=self._config.l2,
            max_features=self._config.max_features,
            early_stopping=False,  # it would hide rows from training without being asked
            random_state=seed32(context.seed),
        )
        if self._binary:
            labels = two_classes(target, "gradient_boosting")
        else:
            # gradients are summed as float32: in another unit they would round to other cuts
            self._scale = TargetScale.of(target)
            labels = self._scale.standard(target)
        # OpenMP takes every core otherwise: on a busy machine a fit then takes 20 times as long
        with threadpool_limits(threads(self._jobs)):
            self.estimator = estimator.fit(self._columns(features), labels)

    def predict(self, features: Features) -> F8:
        """Return (n,) predictions; P(1) for a binary task."""
        table = self._columns(features)
        with threadpool_limits(threads(self._jobs)):
            if self._binary:
                return np.asarray(self.estimator.predict_proba(table)[:, 1], dtype=np.float64)
            return self._scale.back(np.asarray(self.estimator.predict(table), dtype=np.float64))
