"""Mahalanobis distance to the nearest class less that to all (Ren et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans

from atlas_chemistry import families_of
from atlas_core.api import F8, I8, Detector, FitContext, Inputs
from atlas_domain._representation import Scaling
from atlas_domain._spread import class_means
from atlas_domain._verdict import Fitted, Verdict
from atlas_domain.mahalanobis import whitening
from atlas_domain.options import RelativeMahalanobisConfig


@dataclass(frozen=True)
class RelativeDistance:
    """Measure min_k d_k^2 - d_0^2 (Ren et al. 2021, eq. 3).

    d_k is the Mahalanobis distance to the mean of class k by the covariance within classes, d_0
    that to the mean of all by the covariance of all: what is unusual of a row in directions that
    have nothing to do with the classes cancels.

    Attributes:
        scaling: what is read, its mean and scale.
        within, overall: (d, d) W with W W^T = inverse covariance.
        centers: (k, d) means of the classes, whitened by ``within``.
    """

    scaling: Scaling
    within: F8
    overall: F8
    centers: F8

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) relative squared distances."""
        offset = self.scaling.apply(rows)
        inner = offset @ self.within
        nearest = np.min([((inner - c) ** 2).sum(axis=1) for c in self.centers], axis=0)
        return np.asarray(nearest - ((offset @ self.overall) ** 2).sum(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class RelativeMahalanobis:
    """Measure whether a row is of no class, rather than how unusual it is at all."""

    config: RelativeMahalanobisConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Find the classes, from ``seed`` where they are clusters, and fit both covariances.

        Raises:
            DataError: fewer than two training rows, or they vary too little.
        """
        scaling = Scaling.of(train, self.config.representation)
        values = scaling.apply(train)
        place = self._classes(train, values, context.seed)
        means = class_means(values, place)
        within = whitening(values - means[place])
        distance = RelativeDistance(scaling, within, whitening(values), means @ within)
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=distance,
            training_scores=lambda: distance(train),
        )
        return Fitted(distance, verdict)

    def _classes(self, train: Inputs, values: F8, seed: int) -> I8:
        """Return (t,) the class of each training row, numbered from 0 without a gap."""
        named: np.ndarray = families_of(train.fractions)
        if self.config.classes == "clusters":
            k = min(self.config.clusters, len(np.unique(values, axis=0)))
            named = KMeans(k, n_init=1, random_state=seed % 2**32).fit_predict(values)
        return np.unique(named, return_inverse=True)[1].astype(np.int64)
