"""Local outlier factor: density relative to that around its neighbors (Breunig et al. 2000)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_core.api import F8, Detector, FitContext, Inputs
from atlas_domain._neighbors import nearest
from atlas_domain._representation import Representation, Scaling
from atlas_domain._verdict import Fitted, Verdict
from atlas_domain.options import LOFConfig

FLOOR = 1e-3
"""Distances below this share of the usual one count as this share.

Rows that occur many times over would have an infinite density, and rounding would decide."""
ROUNDING = 1e-6
"""Distances below this share of the rows' own length are rounding."""


@dataclass(frozen=True)
class OutlierFactor:
    """Score rows by log LOF (Breunig et al. 2000, definitions 5 to 7).

    Attributes:
        scaling: what is read and how it is scaled.
        reference: (t, d) the training rows.
        reach: (t,) distance of each to its k-th neighbor.
        density: (t,) local reachability density of each.
        floor: least distance that counts.
        neighbors: k.
    """

    scaling: Scaling
    reference: F8
    reach: F8
    density: F8
    floor: float
    neighbors: int

    @classmethod
    def of(cls, train: Inputs, representation: Representation, neighbors: int) -> OutlierFactor:
        """Measure the density around each training row, itself left out.

        Raises:
            DataError: fewer than two training rows.
        """
        scaling = Scaling.of(train, representation)
        values = scaling.apply(train)
        k = min(neighbors, len(values) - 1)
        distance, place = _others(values, k)
        reach = distance[:, -1]
        length = float(np.sqrt((values**2).sum(axis=1).mean()))
        # rows that are all alike have no length: theirs is that of a scaled column
        floor = max(FLOOR * float(np.median(reach)), ROUNDING * (length or 1.0))
        mean_reach = np.maximum(np.maximum(distance, reach[place]), floor).mean(axis=1)
        return cls(scaling, values, reach, 1.0 / mean_reach, floor, k)

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) log LOF: 0 where it is as dense as around the neighbors, above: emptier."""
        distance, place = nearest(self.reference, self.scaling.apply(rows), self.neighbors)
        return self._factor(distance, place)

    def without_self(self) -> F8:
        """Return the training rows' own log LOF, each without itself."""
        return self._factor(*_others(self.reference, self.neighbors))

    def _factor(self, distance: F8, place: np.ndarray) -> F8:
        mean_reach = np.maximum(np.maximum(distance, self.reach[place]), self.floor).mean(axis=1)
        return np.asarray(np.log(self.density[place].mean(axis=1) * mean_reach), dtype=np.float64)


def _others(values: F8, k: int) -> tuple[F8, np.ndarray]:
    """Return distances and places of each row's k nearest other rows."""
    distance, place = nearest(values, values, k + 1)
    own = place == np.arange(len(values))[:, None]
    own[~own.any(axis=1), -1] = True  # among many copies of a row it may not be in the list
    n = len(values)
    return distance[~own].reshape(n, k), place[~own].reshape(n, k)


@dataclass(frozen=True)
class LOF:
    """Measure the emptiness around a row relative to that around its neighbors."""

    config: LOFConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Measure the training rows' densities; the seed is not needed.

        Raises:
            DataError: fewer than two training rows.
        """
        factor = OutlierFactor.of(train, self.config.representation, self.config.neighbors)
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=factor,
            training_scores=factor.without_self,
        )
        return Fitted(factor, verdict)
