"""Mean distance to the nearest training rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from atlas_core.api import F8, Detector, Inputs, OODScore
from atlas_domain._representation import Representation, Scaling
from atlas_domain._verdict import Verdict


@dataclass(frozen=True)
class _Distance:
    scaling: Scaling
    index: NearestNeighbors
    neighbours: int

    def __call__(self, rows: Inputs) -> F8:
        if not len(rows):
            return np.zeros(0)
        near, _ = self.index.kneighbors(self.scaling.apply(rows), self.neighbours)
        return np.asarray(near.mean(axis=1), dtype=np.float64)

    def without_self(self, train: Inputs) -> F8:
        """Return the training rows' scores: the nearest row of each is itself, and is dropped."""
        near, _ = self.index.kneighbors(self.scaling.apply(train), self.neighbours + 1)
        return np.asarray(near[:, 1:].mean(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class _Fitted:
    distance: _Distance
    verdict: Verdict

    def score(self, rows: Inputs) -> OODScore:
        return self.verdict.judge(self.distance(rows), rows.materials)


@dataclass(frozen=True)
class KNNDistance:
    """Measure how empty the neighbourhood of a row is."""

    neighbours: int
    representation: Representation
    quantile: float

    def fit(self, train: Inputs, calibration: Inputs, seed: int) -> Detector:
        """Index the training rows; the seed is not needed.

        Where there are fewer other training rows than ``neighbours``, all of them count.

        Raises:
            DataError: fewer than two training rows.
        """
        scaling = Scaling.of(train, self.representation)
        index = NearestNeighbors(n_jobs=1).fit(scaling.apply(train))
        distance = _Distance(scaling, index, min(self.neighbours, len(train) - 1))
        verdict = Verdict.of(
            train,
            calibration,
            self.quantile,
            score=distance,
            training_scores=lambda: distance.without_self(train),
        )
        return _Fitted(distance, verdict)
