"""Ridge regression; logistic regression for a binary target (Hoerl & Kennard 1970)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sklearn.linear_model
from scipy.special import expit
from threadpoolctl import threadpool_limits

from atlas_core.api import F8, Features, FitContext
from atlas_sklearn._columns import Columns, two_classes

if TYPE_CHECKING:
    from atlas_sklearn.hooks import RidgeConfig


class Ridge:
    """Fit a line, or the log odds of class 1."""

    def __init__(self, config: RidgeConfig) -> None:
        self._config = config

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Solve for the coefficients; see ``Model.fit``.

        Raises:
            DataError: a binary target has one class only.
        """
        self._columns = Columns(features, "ridge", scale=True)
        self._binary = context.task == "binary"
        table = self._columns(features)
        with threadpool_limits(1):  # sums in one order, whatever the machine
            if self._binary:
                self.estimator = sklearn.linear_model.LogisticRegression(
                    C=1 / self._config.alpha, max_iter=10_000
                ).fit(table, two_classes(target, "ridge"))
            else:
                self.estimator = sklearn.linear_model.Ridge(self._config.alpha).fit(table, target)
        self._weights: F8 = np.ravel(self.estimator.coef_)
        self._offset = float(np.ravel(self.estimator.intercept_)[0])

    def predict(self, features: Features) -> F8:
        """Return (n,) predictions; P(1) for a binary task."""
        # no matrix product: BLAS rounds a row differently in another batch
        line = (self._columns(features) * self._weights).sum(axis=1) + self._offset
        return np.asarray(expit(line) if self._binary else line, dtype=np.float64)
