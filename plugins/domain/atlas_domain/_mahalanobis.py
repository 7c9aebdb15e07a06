"""Mahalanobis distance with a shrunk covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.covariance import LedoitWolf

from atlas_core.api import F8, DataError, Detector, Inputs
from atlas_domain._representation import Representation, Scaling
from atlas_domain._verdict import Fitted, Verdict


@dataclass(frozen=True)
class Distance:
    """Measure the distance to the training mean.

    Attributes:
        scaling: what is read, its mean and scale.
        whiten: (d, d) W with W W^T = inverse covariance.
    """

    scaling: Scaling
    whiten: F8

    @classmethod
    def of(cls, train: Inputs, representation: Representation) -> Distance:
        """Fit mean and covariance.

        The covariance is that of Ledoit & Wolf 2004: shrunk towards a multiple of the identity,
        so it can be inverted, and a column that is constant in training gets a small variance
        instead of none. Constant columns are kept on purpose: that is how an element that was
        never seen becomes far.

        Raises:
            DataError: fewer than two training rows, or they vary too little.
        """
        scaling = Scaling.of(train, representation)
        values = scaling.apply(train)
        covariance = LedoitWolf(store_precision=False, assume_centered=True).fit(values).covariance_
        variance, axes = np.linalg.eigh(covariance)
        if variance[0] <= 1e-12 * variance[-1]:
            raise DataError(
                f"ood mahalanobis: {len(train)} training rows vary too little to measure a"
                " distance; give more rows or use knn_distance"
            )
        return cls(scaling, axes / np.sqrt(variance))

    def __call__(self, rows: Inputs) -> F8:
        offset = self.scaling.apply(rows)
        return np.asarray(np.sqrt(((offset @ self.whiten) ** 2).sum(axis=1)), dtype=np.float64)


@dataclass(frozen=True)
class Mahalanobis:
    """Measure the distance to the training mean in units of the training spread."""

    representation: Representation
    quantile: float

    def fit(self, train: Inputs, calibration: Inputs, seed: int) -> Detector:
        """Fit mean and covariance; the seed is not needed.

        Raises:
            DataError: fewer than two training rows, or they vary too little.
        """
        distance = Distance.of(train, self.representation)
        verdict = Verdict.of(
            train,
            calibration,
            self.quantile,
            score=distance,
            training_scores=lambda: distance(train),
        )
        return Fitted(distance, verdict)
