"""What the 95 % interval of a figure excludes: all that a verdict may rest on.

A threshold that is held against an estimate flips with the next random split; held against the ends
of its interval it does not, as what lies between them is called neither.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from atlas_statistics.binomial import binomial_below, no_nearer, wilson

Side = Literal["below", "above", ""]
Kept = Literal["reached", "abstained", "below", "missed"]

ENOUGH_TRUSTED = 10  # predictions that a share means something of; with fewer, a class is refused
FEW_ROWS = 30  # below it an interval of a mean is too rough to rest a judgment on
SLACK = 0.05  # of a nominal share: five points short, or half as many misses more, is no matter
SIGNIFICANT = 0.05  # probability below which a share is significantly too low
DOUBT = 0.1  # a share that may be this far short, or miss twice as often, is not called attained


@dataclass(frozen=True)
class Figure:
    """One metric with its 95 % interval, low <= value <= high."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, entry: Mapping[str, float]) -> Figure:
        """Return a figure of ``metrics.json``; one without an interval excludes nothing."""
        low, high = entry.get("low", -math.inf), entry.get("high", math.inf)
        return cls(float(entry["value"]), float(low), float(high))

    @property
    def known(self) -> bool:
        """Return whether it has an interval: without one nothing is known of other materials."""
        return math.isfinite(self.high - self.low)

    def over(self, honest: float) -> Figure:
        """Return the figure in units of what it should be."""
        return Figure(self.value / honest, self.low / honest, self.high / honest)

    def side(self, honest: float) -> Side:
        """Return on which side of ``honest`` the whole interval lies, "" where it holds it."""
        return "above" if self.low > honest else "below" if self.high < honest else ""


def slack(level: float) -> float:
    """Return how far a share may fall short of the nominal one, 0 to 1, and matter to nobody.

    Of a nominal 99 % five points are five times the misses, so it shrinks with these.
    """
    return min(SLACK, round((1 - level) / 2, 12))


def doubt(level: float) -> float:
    """Return how far short a share may be at most that is called attained."""
    return min(DOUBT, round(1 - level, 12))


def of_share(figure: Figure, n: int) -> Figure:
    """Return a share with an interval that is never narrower than n rows allow.

    Resampling rows that are all inside gives [1, 1], whatever their number is.
    """
    return Figure(figure.value, *no_nearer(figure.value, figure.low, figure.high, n))


def ratio(first: Figure, second: Figure) -> Figure | None:
    """Return first / second of two independent figures >= 0; None where both are 0.

    The interval is recovered from those of both logarithms.
    Source: Zou & Donner, Stat. Med. 27, 1693 (2008), eq. (4).
    """
    if first.value <= 0 and second.value <= 0:
        return None
    if min(first.low, second.low) <= 0:  # no logarithm: the widest that both intervals allow
        value, low, high = (
            over / under if under > 0 else math.inf
            for over, under in (
                (first.value, second.value),
                (max(first.low, 0.0), second.high),
                (first.high, second.low),
            )
        )
        return Figure(value, low, high)
    middle = math.log(first.value / second.value)
    down = math.hypot(math.log(first.value / first.low), math.log(second.high / second.value))
    up = math.hypot(math.log(first.high / first.value), math.log(second.value / second.low))
    return Figure(math.exp(middle), math.exp(middle - down), math.exp(middle + up))


@dataclass(frozen=True)
class Reliability:
    """Whether the predictions labeled trust reach a target reliability.

    Attributes:
        grade: ``reached``; ``abstained``: too few are labeled trust to tell; ``below``: fewer are
            within tolerance than targeted, which may be chance or within the slack; ``missed``:
            significantly fewer.
        by_chance: whether a method that reaches it may have so few within tolerance.
        shown: whether there are enough to say that it is reached.
    """

    grade: Kept
    by_chance: bool
    shown: bool


def reliability_of(hits: int, n: int, target: float) -> Reliability:
    """Judge how many of n predictions labeled trust are within tolerance.

    Args:
        hits: those within tolerance.
        n: predictions labeled trust.
        target: the share that is targeted.
    """
    wanted = target - slack(target)
    by_chance = binomial_below(hits, n, target) >= SIGNIFICANT
    least = wilson(hits / n, n)[0] if n else 0.0
    few = n < ENOUGH_TRUSTED
    held = not few and hits / n >= wanted and (by_chance or least >= wanted)
    significant = binomial_below(hits, n, wanted) < SIGNIFICANT
    grade: Kept = (
        "abstained" if few else "reached" if held else "missed" if significant else "below"
    )
    return Reliability(grade, by_chance, held and least >= target - doubt(target))
