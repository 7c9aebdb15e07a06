"""From scores on many scales to one: how improbable a score is in domain. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_core.api import F8

TAIL = 0.1
"""The share of the reference scores that the tail beyond the largest is fitted to."""


@dataclass(frozen=True)
class Surprisal:
    """-log of the conformal p-value of a score among reference scores, made continuous.

    The p-value of a score is (1 + the number of reference scores as large) / (n + 1) (Vovk et
    al. 2005, section 2.2): it is uniform in domain, and never below 1 / (n + 1), however far a
    row lies. Ranking goes on beyond: between reference scores -log p is interpolated, and beyond
    the largest, where p = 2 / (n + 1), it grows as the tail of an exponential distribution
    does, by (score - largest) / (mean excess over the 90 % quantile). That end is extrapolated
    and no longer a p-value with a guarantee.

    Attributes:
        scores: (u,) ascending, distinct.
        minus_log_p: (u,) of each.
        beyond: -log p just beyond the largest.
        rate: what each unit beyond it adds.
    """

    scores: F8
    minus_log_p: F8
    beyond: float
    rate: float

    @classmethod
    def of(cls, reference: F8) -> Surprisal:
        """Learn from n >= 1 reference scores."""
        ordered = np.sort(reference)
        n = len(ordered)
        scores, first = np.unique(ordered, return_index=True)
        at = ordered[max(0, n - 1 - max(5, round(TAIL * n)))]
        excess = ordered[ordered > at] - at
        return cls(
            scores=scores,
            minus_log_p=-np.log((1 + n - first) / (n + 1)),
            beyond=float(-np.log(2 / (n + 1))),
            rate=1.0 / float(excess.mean()) if excess.size else 0.0,
        )

    def __call__(self, scores: F8) -> F8:
        """Return (n,) -log p, rising in the score."""
        inside = np.interp(scores, self.scores, self.minus_log_p)
        excess = scores - self.scores[-1]
        outside = self.beyond + self.rate * excess
        return np.asarray(np.where(excess > 0, outside, inside), dtype=np.float64)


@dataclass(frozen=True)
class CountedSurprisal:
    """-log of the conformal p-value of a score that is 0 for nearly all reference rows.

    A fact is there or not: nothing is interpolated or extrapolated. Without the fact p = 1.

    Attributes:
        scores: (n,) ascending.
    """

    scores: F8

    @classmethod
    def of(cls, reference: F8) -> CountedSurprisal:
        """Learn from n reference scores."""
        return cls(np.sort(reference))

    def __call__(self, scores: F8) -> F8:
        """Return (n,) -log p."""
        n = len(self.scores)
        as_large = n - np.searchsorted(self.scores, scores, side="left")
        return np.asarray(-np.log((1 + as_large) / (n + 1)), dtype=np.float64)
