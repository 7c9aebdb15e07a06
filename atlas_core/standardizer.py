"""Bring columns to one scale and fill their gaps, as learned from training rows. Light: numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_core.arrays import F8


@dataclass(frozen=True, eq=False)
class Standardizer:
    """Map columns to mean 0 and std 1 over the training rows; a gap becomes 0.

    Attributes:
        mean: (d,) of the numbers of each column; 0 for a column without any.
        scale: (d,) what each column is divided by: its std, or what stands for that of a constant.
    """

    mean: F8
    scale: F8

    @classmethod
    def of(
        cls,
        values: F8,
        *,
        relative: float = 1e-9,
        absolute: float = 1e-9,
        constant: float = 1.0,
        filled: bool = False,
    ) -> Standardizer:
        """Learn from (n, d) training rows, NaN where there is no number.

        Args:
            values: the rows.
            relative: a std up to so many times the mean's size is rounding: the column is constant.
            absolute: so is one up to this.
            constant: the scale of a constant column; infinite: it becomes 0, whatever comes later.
            filled: the std is that of all rows, with gaps at the mean; else that of the numbers.
        """
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        if filled:
            std = np.where(known, values, mean).std(axis=0)
        else:
            std = np.sqrt(np.where(known, (values - mean) ** 2, 0.0).sum(axis=0) / count)
        flat = std <= np.maximum(relative * np.abs(mean), absolute)
        return cls(mean, np.where(flat, constant, std))

    def fill(self, values: F8) -> F8:
        """Return (n, d) rows with the training mean in each gap."""
        return np.where(np.isnan(values), self.mean, values)

    def __call__(self, values: F8) -> F8:
        """Return (n, d) rows without gaps, in std of the training rows."""
        return np.asarray((self.fill(values) - self.mean) / self.scale, dtype=np.float64)
