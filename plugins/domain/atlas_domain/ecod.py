"""Empirical tails of every column, added up (ECOD, Li et al. 2022; COPOD, Li et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from atlas_core.api import F8, Detector, FitContext, Inputs
from atlas_domain._representation import Scaling
from atlas_domain._verdict import Fitted, Verdict
from atlas_domain.options import ECODConfig


@dataclass(frozen=True)
class Tails:
    """Add up -log of the tails of all columns.

    PyOD ranks new rows among themselves too, so that its score of a row depends on what else is
    scored; here a row is ranked among the training rows and itself.

    Attributes:
        scaling: what is read, and how gaps are filled.
        ordered: (t, d) each column of the training rows, ascending.
        skew: (d,) -1, 0 or 1: the sign of each column's skewness.
        tails: which tails count.
    """

    scaling: Scaling
    ordered: F8
    skew: F8
    tails: Literal["ecod", "copod"]

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) scores."""
        return self._score(self.scaling.apply(rows), own=1)

    def of_training(self, train: Inputs) -> F8:
        """Return the training rows' scores; they are among the ranked ones already."""
        return self._score(self.scaling.apply(train), own=0)

    def _score(self, values: F8, *, own: int) -> F8:
        total = np.zeros(len(values))
        n = len(self.ordered)
        for column, skew in enumerate(self.skew):
            ordered, value = self.ordered[:, column], values[:, column]
            at_most = np.searchsorted(ordered, value, side="right") + own
            at_least = n - np.searchsorted(ordered, value, side="left") + own
            left, right = -np.log(at_most / (n + own)), -np.log(at_least / (n + own))
            # the tail that the skewness points to, or both for a symmetric column
            pointed = left if skew < 0 else right if skew > 0 else left + right
            other = np.maximum(left, right) if self.tails == "ecod" else (left + right) / 2
            total += np.maximum(pointed, other)
        return total


@dataclass(frozen=True)
class ECOD:
    """Measure how far out a row lies in its columns, one by one."""

    config: ECODConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Order the columns (Li et al. 2022, algorithm 1); the seed is not needed.

        Raises:
            DataError: fewer than two training rows.
        """
        scaling = Scaling.of(train, self.config.representation)
        values = scaling.apply(train)
        centered = values - values.mean(axis=0)
        third = (centered**3).mean(axis=0)
        # what rounding leaves of a symmetric column points nowhere
        level = 1e-9 * (centered**2).mean(axis=0) ** 1.5
        skew = np.where(np.abs(third) > level, np.sign(third), 0.0)
        tails = Tails(scaling, np.sort(values, axis=0), skew, self.config.tails)
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=tails,
            training_scores=lambda: tails.of_training(train),
        )
        return Fitted(tails, verdict)
