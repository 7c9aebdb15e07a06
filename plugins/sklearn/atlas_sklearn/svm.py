"""Support-vector machine with a Gaussian kernel (Cortes & Vapnik 1995)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC, SVR

from atlas_core.api import F8, DataError, Features, FitContext
from atlas_sklearn._columns import Columns, seed32, two_classes

if TYPE_CHECKING:
    from atlas_sklearn.hooks import SVMConfig

FOLDS = 5
"""Folds for Platt's sigmoid; fewer where a class has fewer rows."""


class SVM:
    """Fit support vectors."""

    def __init__(self, config: SVMConfig) -> None:
        self._config = config

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Fit; see ``Model.fit``.

        Raises:
            DataError: a binary target has fewer than two rows of a class.
        """
        self._columns = Columns(features, "svm", scale=True)
        self._binary = context.task == "binary"
        table = self._columns(features)
        kernel = {"C": self._config.C, "gamma": self._config.gamma or 1 / table.shape[1]}
        if not self._binary:
            self._mean, self._unit = float(target.mean()), float(target.std()) or 1.0
            machine = SVR(**kernel, epsilon=self._config.epsilon)
            # libsvm asks numpy's global generator for a seed otherwise, though it needs none
            machine.random_state = seed32(context.seed)
            self.estimator = machine.fit(table, (target - self._mean) / self._unit)
            return
        labels = two_classes(target, "svm")
        folds = min(FOLDS, int(np.bincount(labels).min()))
        if folds < 2:
            raise DataError("svm: one training row only of a class; its probabilities need two")
        # Platt (1999): a sigmoid of the distance to the border, fitted out of fold
        self.estimator = CalibratedClassifierCV(
            SVC(**kernel, random_state=seed32(context.seed)),
            method="sigmoid",
            ensemble=False,
            n_jobs=max(context.n_jobs, 1),
            cv=StratifiedKFold(folds, shuffle=True, random_state=seed32(context.seed)),
        ).fit(table, labels)

    def predict(self, features: Features) -> F8:
        """Return (n,) predictions; P(1) for a binary task."""
        table = self._columns(features)
        if self._binary:
            return np.asarray(self.estimator.predict_proba(table)[:, 1], dtype=np.float64)
        return np.asarray(self.estimator.predict(table) * self._unit + self._mean)
