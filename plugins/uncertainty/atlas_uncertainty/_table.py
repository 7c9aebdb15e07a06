"""Rows that can be compared or multiplied: filled and scaled as in training. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_core.api import F8


@dataclass(frozen=True)
class Table:
    """Fill and scale rows as in training: a NaN takes its column's mean, a constant column is 0.

    Attributes:
        mean: (d,) of each column over the training rows, where it has a number.
        scale: (d,) its std there; infinite where it does not vary.
    """

    mean: F8
    scale: F8

    @classmethod
    def of(cls, values: F8) -> Table:
        """Learn from (n, d) training rows."""
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        std = np.where(known, values, mean).std(axis=0)
        constant = std <= 1e-12 * np.maximum(np.abs(mean), 1e-300)
        return cls(mean, np.where(constant, np.inf, std))

    def __call__(self, values: F8) -> F8:
        """Return (n, d) rows without NaN, in stds of the training rows."""
        filled = np.where(np.isnan(values), self.mean, values)
        return np.asarray((filled - self.mean) / self.scale, dtype=np.float64)
