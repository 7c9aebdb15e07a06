"""Mean distance to the nearest training materials (Ramaswamy et al. 2000)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_core.api import F8, Detector, FitContext, Inputs
from atlas_domain._neighbors import nearest
from atlas_domain._representation import Representation, Scaling
from atlas_domain._verdict import Fitted, Verdict
from atlas_domain.options import KNNDistanceConfig


@dataclass(frozen=True)
class NeighborDistance:
    """Measure the mean distance to the nearest training rows.

    Attributes:
        scaling: what is read and how it is scaled.
        reference: (t, d) the training rows.
        neighbors: how many distances are averaged.
    """

    scaling: Scaling
    reference: F8
    neighbors: int

    @classmethod
    def of(cls, train: Inputs, representation: Representation, neighbors: int) -> NeighborDistance:
        """Note the training rows.

        Raises:
            DataError: fewer than two training rows.
        """
        scaling = Scaling.of(train, representation)
        return cls(scaling, scaling.apply(train), min(neighbors, len(train) - 1))

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) mean distances."""
        near, _ = nearest(self.reference, self.scaling.apply(rows), self.neighbors)
        return np.asarray(near.mean(axis=1), dtype=np.float64)

    def without_self(self) -> F8:
        """Return the training rows' scores: the nearest row of each is itself, and is dropped."""
        near, _ = nearest(self.reference, self.reference, self.neighbors + 1)
        return np.asarray(near[:, 1:].mean(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class KNNDistance:
    """Measure how empty the neighborhood of a row is."""

    config: KNNDistanceConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Index the training rows; the seed is not needed.

        Where there are fewer other training rows than ``neighbors``, all of them count.

        Raises:
            DataError: fewer than two training rows.
        """
        distance = NeighborDistance.of(train, self.config.representation, self.config.neighbors)
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=distance,
            training_scores=distance.without_self,
        )
        return Fitted(distance, verdict)
