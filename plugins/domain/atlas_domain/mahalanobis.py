"""Mahalanobis distance to the training data, Ledoit-Wolf covariance (Ledoit & Wolf 2004)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.covariance import LedoitWolf, ShrunkCovariance

from atlas_core.api import F8, I8, DataError, Detector, FitContext, Inputs
from atlas_domain._representation import Representation, Scaling
from atlas_domain._spread import compared, elements, flat, group, sizes
from atlas_domain._verdict import Fitted, Verdict
from atlas_domain.options import MahalanobisConfig


def whitening(values: F8, shrinkage: float | None = None) -> F8:
    """Return (d, d) W with W W^T = the inverse covariance of centered rows.

    The covariance is shrunk toward a multiple of the identity, so it can be inverted, and a
    column that is constant gets a small variance instead of none.

    Args:
        values: (n, d) rows, centered.
        shrinkage: share of the identity; None: that of Ledoit & Wolf 2004.

    Raises:
        DataError: the rows are alike, or the covariance cannot be inverted.
    """
    if why := flat(values, shrunk=shrinkage is not None):
        raise DataError(f"ood: {why}")
    if shrinkage is None:
        method = LedoitWolf(store_precision=False, assume_centered=True)
    else:
        method = ShrunkCovariance(shrinkage=shrinkage, store_precision=False, assume_centered=True)
    variance, axes = np.linalg.eigh(method.fit(values).covariance_)
    if variance[0] <= 1e-12 * variance[-1]:
        raise DataError(
            f"ood: the covariance of {len(values)} training rows cannot be inverted; use"
            " knn_distance, or more data"
        )
    return np.asarray(axes / np.sqrt(variance), dtype=np.float64)


@dataclass(frozen=True)
class Distance:
    """Measure the distance to the training mean.

    Attributes:
        scaling: what is read, its mean and scale.
        sizes: (k,) ascending numbers of elements; a row belongs to the largest not above its own.
        centers: (k, d) means of the training rows of each size.
        whiten: (k, d, d) W with W W^T = inverse covariance, of each size.
    """

    scaling: Scaling
    sizes: I8
    centers: F8
    whiten: F8

    @classmethod
    def of(
        cls,
        train: Inputs,
        representation: Representation,
        *,
        shrinkage: float | None = None,
        per_size: bool = False,
    ) -> Distance:
        """Fit mean and covariance, of all rows or of those of each number of elements.

        Constant columns are kept on purpose: that is how an element that was never seen becomes
        far.

        Raises:
            DataError: fewer than two training rows, or they vary too little.
        """
        scaling = Scaling.of(train, representation)
        values = scaling.apply(train)
        found, place = sizes(train, per_size=per_size)
        own = [values[place == k] for k in range(len(found))]
        centers = np.stack([rows.mean(axis=0) for rows in own])
        whiten = [
            whitening(rows - center, shrinkage) for rows, center in zip(own, centers, strict=True)
        ]
        return cls(scaling, found, centers, np.stack(whiten))

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) distances."""
        offset, distance = self.scaling.apply(rows), np.zeros(len(rows))
        place = group(elements(rows), self.sizes)
        for k, (center, whiten) in enumerate(zip(self.centers, self.whiten, strict=True)):
            chosen = place == k
            distance[chosen] = np.sqrt((((offset[chosen] - center) @ whiten) ** 2).sum(axis=1))
        return distance


@dataclass(frozen=True)
class Farthest:
    """Measure the largest of several distances, each in units of its own threshold.

    Attributes:
        distances: in the representations that count.
        thresholds: (k,) a quantile of each distance over the reference rows.
    """

    distances: tuple[Distance, ...]
    thresholds: F8

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) distances; above 1, a row is beyond one of the thresholds."""
        found = [distance(rows) for distance in self.distances]
        return np.asarray((np.stack(found, axis=1) / self.thresholds).max(axis=1))


@dataclass(frozen=True)
class Mahalanobis:
    """Measure the distance to the training mean in units of the training spread."""

    config: MahalanobisConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Fit mean and covariance; the seed is not needed.

        Raises:
            DataError: fewer than two training rows, or they vary too little.
        """
        own = compared(train, self.config.representation)
        distances = tuple(
            Distance.of(
                train,
                representation,
                shrinkage=self.config.shrinkage,
                per_size=self.config.center == "size",
            )
            for representation in own
        )
        reference = calibration if len(calibration) else train
        measure = distances[0] if len(own) == 1 else self._farthest(distances, reference)
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=measure,
            training_scores=lambda: measure(train),
        )
        return Fitted(measure, verdict)

    def _farthest(self, distances: tuple[Distance, ...], reference: Inputs) -> Farthest:
        thresholds = [
            float(np.quantile(distance(reference), self.config.quantile, method="higher"))
            for distance in distances
        ]
        return Farthest(distances, np.maximum(thresholds, np.finfo(np.float64).tiny))
