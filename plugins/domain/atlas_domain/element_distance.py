"""Element mover's distance to the nearest training compositions (Hargreaves et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.neighbors import NearestNeighbors

from atlas_core.api import ATOMIC_NUMBER, F8, I8, MAX_Z, DataError, Detector, FitContext, Inputs
from atlas_domain._verdict import Fitted, Verdict
from atlas_domain.options import ElementDistanceConfig

Scale = Literal["pettifor", "atomic_number"]

PETTIFOR = (
    "He Ne Ar Kr Xe Rn Fr Cs Rb K Na Li Ra Ba Sr Ca Eu Yb Lu Tm Y Er Ho Dy Tb Gd Sm Pm Nd Pr Ce La"
    " Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Sc Zr Hf Ti Ta Nb V Cr Mo W Re Tc Os Ru Ir Rh Pt"
    " Pd Au Ag Cu Ni Co Fe Mn Mg Zn Cd Hg Be Al Ga In Tl Pb Sn Ge Si B C N P As Sb Bi Po Te Se S O"
    " At I Br Cl F H"
)
"""The modified Pettifor scale (Glawe et al. 2016, New J. Phys. 18, 093011)."""
_HOMOLOG = 32
"""Elements beyond lawrencium are not on that scale: each stands beside the one a row above."""


def _places(scale: Scale) -> F8:
    """Return (118,) the place of each element on the line; column z - 1 is atomic number z."""
    if scale == "atomic_number":
        return np.arange(1, MAX_Z + 1, dtype=np.float64)
    places = np.zeros(MAX_Z)
    order = PETTIFOR.split()
    for place, symbol in enumerate(order):
        places[ATOMIC_NUMBER[symbol] - 1] = place
    for z in range(len(order) + 1, MAX_Z + 1):
        places[z - 1] = places[z - 1 - _HOMOLOG]
    return places


@dataclass(frozen=True)
class Line:
    """Turn compositions into vectors whose L1 distance is the element mover's distance.

    On a line the least work that moves one distribution into another is the area between their
    cumulative distributions (Vallender 1974), so nothing needs to be optimized.

    Attributes:
        order: (118,) columns of elements along the line.
        gaps: (117,) distances from each place to the next.
    """

    order: I8
    gaps: F8

    @classmethod
    def of(cls, scale: Scale) -> Line:
        """Order the elements."""
        places = _places(scale)
        order = np.argsort(places, kind="stable")
        return cls(order, np.diff(places[order]))

    def areas(self, fractions: F8) -> F8:
        """Return (n, 117) cumulative fractions times gaps."""
        share = np.cumsum(fractions[:, self.order], axis=1)
        return np.asarray(share[:, :-1] * self.gaps, dtype=np.float64)


@dataclass(frozen=True)
class MeanDistance:
    """Measure the mean element mover's distance to the nearest training rows.

    Attributes:
        line: along which atoms are moved.
        reference: (t, 117) areas of the training rows.
        neighbors: how many distances are averaged.
    """

    line: Line
    reference: F8
    neighbors: int

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) mean distances."""
        return self._nearest(self.line.areas(rows.fractions), self.neighbors).mean(axis=1)

    def without_self(self) -> F8:
        """Return the training rows' scores: the nearest row of each is itself, and is dropped."""
        return self._nearest(self.reference, self.neighbors + 1)[:, 1:].mean(axis=1)

    def _nearest(self, areas: F8, k: int) -> F8:
        index = NearestNeighbors(algorithm="brute", metric="manhattan", n_jobs=1)
        distance, _ = index.fit(self.reference).kneighbors(areas, k)
        return np.asarray(distance, dtype=np.float64)


@dataclass(frozen=True)
class ElementDistance:
    """Measure how much must change to make a training composition of a row."""

    config: ElementDistanceConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Note the training compositions; the seed is not needed.

        Raises:
            DataError: fewer than two training rows.
        """
        if len(train) < 2:
            raise DataError(f"ood: {len(train)} training rows; a detector needs at least 2")
        line = Line.of(self.config.scale)
        areas = line.areas(train.fractions)
        distance = MeanDistance(line, areas, min(self.config.neighbors, len(train) - 1))
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=distance,
            training_scores=distance.without_self,
        )
        return Fitted(distance, verdict)
