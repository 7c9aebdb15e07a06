"""Bring a regression target to one scale, so that its unit decides nothing. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_core.arrays import F8

GRID = 2.0**-30
"""Standardized targets are rounded to multiples of this.

Two columns may cut the same rows apart; which of them a tree takes must not depend on the order in
which rows are added up. Sums of such multiples are exact in double precision (up to about four
million rows), and the same numbers in another unit, each rounded anew, become the same multiples.
The price is an error of 5e-10 of the usual deviation."""


@dataclass(frozen=True)
class TargetScale:
    """Subtract a center and divide by a deviation.

    Attributes:
        center: in the target's unit.
        unit: the same, > 0.
    """

    center: float
    unit: float

    @classmethod
    def of(cls, target: F8) -> TargetScale:
        """Learn the median, and the median of the deviations from it that are not 0.

        One extreme value moves neither, so that it does not push the others below ``GRID``.
        """
        center = float(np.median(target))
        deviation = np.abs(target - center)
        deviation = deviation[deviation > 0]
        return cls(center, float(np.median(deviation)) if len(deviation) else 1.0)

    @classmethod
    def by_std(cls, target: F8) -> TargetScale:
        """Learn mean and std instead, for a method that is written for a variance of 1."""
        return cls(float(target.mean()), float(target.std()) or 1.0)

    def standard(self, target: F8) -> F8:
        """Return (n,) standardized targets, on the grid."""
        return np.asarray(np.round((target - self.center) / self.unit / GRID) * GRID)

    def back(self, standard: F8) -> F8:
        """Return standardized values in the target's unit."""
        return np.asarray(standard * self.unit + self.center)
