"""How the difference of two arms moves when they are trained anew. Light: scipy where needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlas_core.printing import counted
from atlas_pages.formatting import decimals, fixed
from atlas_statistics.bootstrap import CONFIDENCE


@dataclass(frozen=True)
class TrainingDifference:
    """One figure of A and of B over trainings, each training one observation.

    Attributes:
        trainings_a: of A.
        trainings_b: of B.
        difference: mean over the trainings of B less that of A.
        low: lower end of its 95 % interval.
        high: upper end.
        spread: standard deviation of the difference between one training of each.
    """

    trainings_a: int
    trainings_b: int
    difference: float
    low: float
    high: float
    spread: float

    def supports(self, difference: float) -> bool:
        """Return whether a difference found in one training holds for trainings in general.

        The interval must leave out 0 on the same side, and the mean difference must be larger than
        what training anew moves it by: else another training may well reverse it.
        """
        sign = math.copysign(1.0, difference)
        nearer = self.low if sign > 0 else -self.high
        return nearer > 0 and abs(self.difference) > self.spread

    @property
    def counted(self) -> str:
        """Return of which trainings it is, in words."""
        if self.trainings_a == self.trainings_b:
            return f"{counted(self.trainings_a, 'training')} of each"
        return f"{counted(self.trainings_a, 'training')} of one and {self.trainings_b} of the other"

    def in_words(self, unit: str = "") -> str:
        """Return mean difference and interval, and why it is no difference where it is none."""
        places = decimals(self.difference or self.spread, digits=2)
        ends = f"{fixed(self.low, places)} to {fixed(self.high, places)}"
        text = f"{fixed(self.difference, places)}{f' {unit}' if unit else ''} ({ends})"
        if self.low <= 0 <= self.high:
            return f"{text}, which includes 0"
        if abs(self.difference) <= self.spread:
            moved = fixed(self.spread, places)
            return f"{text}, less than the {moved} by which training anew moves it"
        return text


def training_difference(a: Sequence[float], b: Sequence[float]) -> TrainingDifference | None:
    """Return how a figure of B differs from A's over trainings; None of one training of each.

    Welch's t interval of the difference of both means. Of an arm that was trained once it is not
    known how far its figure moves: the other's deviation stands in for it.
    Source: Welch, Biometrika 34, 28 (1947).

    Args:
        a: figure of each training of A.
        b: likewise of B.
    """
    from scipy import stats

    sizes = len(a), len(b)
    if max(sizes) < 2:
        return None
    known = [float(np.var(own, ddof=1)) for own in (a, b) if len(own) > 1]
    both = known if len(known) == 2 else known * 2
    shares = [own / n for own, n in zip(both, sizes, strict=True)]
    error = math.sqrt(sum(shares))
    freedom = float(max(sizes) - 1)
    if len(known) == 2 and error > 0:
        terms = [own**2 / (n - 1) for own, n in zip(shares, sizes, strict=True)]
        freedom = sum(shares) ** 2 / sum(terms)
    half = float(stats.t.ppf(1 - (1 - CONFIDENCE) / 2, freedom)) * error
    middle = float(np.mean(b)) - float(np.mean(a))
    return TrainingDifference(*sizes, middle, middle - half, middle + half, math.sqrt(sum(both)))
