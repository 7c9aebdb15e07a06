"""Mahalanobis distance with a shrunk covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.covariance import LedoitWolf, ShrunkCovariance

from atlas_core.api import F8, I8, DataError, Detector, Inputs
from atlas_domain._representation import Representation, Scaling
from atlas_domain._verdict import Fitted, Verdict

LEAST = 30
"""Training rows of one size that make a centre of their own."""


def whitening(values: F8, shrinkage: float | None = None) -> F8:
    """Return (d, d) W with W W^T = the inverse covariance of centred rows.

    The covariance is shrunk towards a multiple of the identity, so it can be inverted, and a
    column that is constant gets a small variance instead of none.

    Args:
        values: (n, d) rows, centred.
        shrinkage: share of the identity; None: that of Ledoit & Wolf 2004.

    Raises:
        DataError: the rows vary too little.
    """
    if shrinkage is None:
        method = LedoitWolf(store_precision=False, assume_centered=True)
    else:
        method = ShrunkCovariance(shrinkage=shrinkage, store_precision=False, assume_centered=True)
    variance, axes = np.linalg.eigh(method.fit(values).covariance_)
    if variance[0] <= 1e-12 * variance[-1]:
        raise DataError(
            f"ood mahalanobis: {len(values)} training rows vary too little to measure a"
            " distance; give more rows or use knn_distance"
        )
    return np.asarray(axes / np.sqrt(variance), dtype=np.float64)


@dataclass(frozen=True)
class Distance:
    """Measure the distance to the training mean.

    Attributes:
        scaling: what is read, its mean and scale.
        whiten: (d, d) W with W W^T = inverse covariance.
        centres: (k, d) means of the training rows of each size; (1, d) zeros for one centre.
        sizes: (k,) ascending numbers of elements; a row belongs to the largest not above its own.
    """

    scaling: Scaling
    whiten: F8
    centres: F8
    sizes: I8

    @classmethod
    def of(
        cls,
        train: Inputs,
        representation: Representation,
        *,
        shrinkage: float | None = None,
        per_size: bool = False,
    ) -> Distance:
        """Fit mean and covariance.

        Constant columns are kept on purpose: that is how an element that was never seen becomes
        far.

        Raises:
            DataError: fewer than two training rows, or they vary too little.
        """
        scaling = Scaling.of(train, representation)
        values = scaling.apply(train)
        if not per_size:
            whiten = whitening(values, shrinkage)
            return cls(scaling, whiten, np.zeros((1, values.shape[1])), np.array([1]))
        elements = _elements(train)
        sizes, counts = np.unique(elements, return_counts=True)
        sizes = sizes[counts >= min(LEAST, counts.max())]
        place = _group(elements, sizes)
        centres = np.stack([values[place == k].mean(axis=0) for k in range(len(sizes))])
        return cls(scaling, whitening(values - centres[place], shrinkage), centres, sizes)

    def __call__(self, rows: Inputs) -> F8:
        offset = self.scaling.apply(rows)
        if len(self.sizes) > 1:
            offset = offset - self.centres[_group(_elements(rows), self.sizes)]
        return np.asarray(np.sqrt(((offset @ self.whiten) ** 2).sum(axis=1)), dtype=np.float64)


def _elements(rows: Inputs) -> I8:
    """Return (n,) the number of elements of each material."""
    return np.asarray((rows.materials.element_fractions() > 0).sum(axis=1), dtype=np.int64)


def _group(elements: I8, sizes: I8) -> I8:
    """Return (n,) the place in ``sizes`` of each row."""
    found = np.searchsorted(sizes, elements, side="right") - 1
    return np.asarray(np.maximum(found, 0), dtype=np.int64)


@dataclass(frozen=True)
class Mahalanobis:
    """Measure the distance to the training mean in units of the training spread."""

    representation: Representation
    quantile: float
    shrinkage: float | None = None
    centre: Literal["all", "size"] = "all"

    def fit(self, train: Inputs, calibration: Inputs, seed: int) -> Detector:
        """Fit mean and covariance; the seed is not needed.

        Raises:
            DataError: fewer than two training rows, or they vary too little.
        """
        distance = Distance.of(
            train,
            self.representation,
            shrinkage=self.shrinkage,
            per_size=self.centre == "size",
        )
        verdict = Verdict.of(
            train,
            calibration,
            self.quantile,
            score=distance,
            training_scores=lambda: distance(train),
        )
        return Fitted(distance, verdict)
