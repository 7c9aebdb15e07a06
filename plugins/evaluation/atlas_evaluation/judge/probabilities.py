"""Whether P(1) can be read as a probability, also near 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from atlas_evaluation.judge.figures import Figure
from atlas_evaluation.judge.finding import Finding
from atlas_evaluation.scoring.shares import holm
from atlas_statistics.binomial import BY_CHANCE, binomial_below, wilson

HONEST_ECE = 0.05  # mean gap between P(1) and what happens: five points
ECE_BINS = 10  # of the calibration error; each has a gap by chance
ROUGH = 2 * HONEST_ECE  # a gap that chance gives honest probabilities, from which nothing is shown
END_BY_CHANCE = 0.01  # of both sides; one of five honest ends is called off in 5 % of all tests
OFF = 2.0  # times the probability stated; less is no matter in use

Probabilities = Literal["calibrated", "unclear", "rough", "off_at_ends", "off_in_between", "off"]
Reliability = Mapping[str, Sequence[float]]
"""Of each bin of P(1) in use: ``predicted`` and ``observed`` shares, ``materials``."""

ENDS = ("below_1", "1_to_5", "95_to_99", "above_99", "certain")
"""Ends of the scale, by the probability of class 1 in percent; certain: exactly 0 or 1."""


@dataclass(frozen=True)
class End:
    """What came of the probabilities near 0 or 1.

    Attributes:
        name: which end.
        rows: that were given such a probability.
        stated: mean probability of a surprise, as stated.
        wrong: surprises.
    """

    name: str
    rows: int
    stated: float
    wrong: int

    @property
    def off(self) -> bool:
        """Return whether so many or so few surprises are no chance, and off by what matters.

        The test is the exact binomial one: a Wilson interval of one surprise among a few rows
        excludes a stated probability of a few per mille far more often than it says.
        """
        low, high = wilson(self.wrong / self.rows, self.rows)
        if 1.0 - binomial_below(self.wrong - 1, self.rows, self.stated) < END_BY_CHANCE / 2:
            return high > OFF * self.stated
        few = binomial_below(self.wrong, self.rows, self.stated) < END_BY_CHANCE / 2
        return few and low < self.stated / OFF

    @property
    def finding(self) -> Finding:
        """Return how many surprises there were against how many were stated."""
        stated = None if self.name == "certain" else self.stated
        return Finding.of(
            "probabilities_off_at_end", end=self.name, n=self.rows, surprises=self.wrong,
            share=self.wrong / self.rows, stated=stated,
        )  # fmt: skip


def ends_of(metrics: Mapping[str, Figure], n: int) -> list[End]:
    """Return the ends of the scale at which some row of n is."""
    found = []
    for name in ENDS:
        figures = [metrics.get(f"p_{name}_{what}") for what in ("share", "stated", "wrong")]
        share, stated, wrong = figures
        if share is None or stated is None or wrong is None:
            continue
        rows = round(share.value * n)
        if rows:
            found.append(End(name, rows, stated.value, round(wrong.value * rows)))
    return found


@dataclass(frozen=True)
class Bin:
    """What came of the probabilities between two tenths.

    Attributes:
        n: materials.
        stated: mean probability of class 1, as stated.
        ones: materials of class 1.
    """

    n: int
    stated: float
    ones: int

    @property
    def p_value(self) -> float:
        """Return the exact binomial p-value of what came, twice that of the smaller tail."""
        below = binomial_below(self.ones, self.n, self.stated)
        above = 1.0 - binomial_below(self.ones - 1, self.n, self.stated)
        return min(1.0, 2.0 * min(below, above))

    @property
    def by_chance(self) -> float:
        """Return the mean gap between stated and observed share of honest ones (half-normal)."""
        return math.sqrt(2 * self.stated * (1 - self.stated) / (math.pi * self.n))


def bins_of(reliability: Reliability) -> list[Bin]:
    """Return the bins of P(1) that hold some material."""
    names = ("predicted", "observed", "materials")
    columns = [reliability.get(name, ()) for name in names]
    return [
        Bin(int(n), stated, round(observed * n))
        for stated, observed, n in zip(*columns, strict=True)
    ]


def bins_off(reliability: Reliability) -> list[Bin]:
    """Return the bins whose share of class 1 is no chance, and off by five points or more.

    The p-values are corrected for the number of bins (Holm, Scand. J. Stat. 6, 65 (1979)).
    """
    bins = bins_of(reliability)
    return [
        one
        for one, p in zip(bins, holm([one.p_value for one in bins]), strict=True)
        if p < BY_CHANCE and abs(one.ones / one.n - one.stated) >= HONEST_ECE
    ]


@dataclass(frozen=True)
class _Gap:
    """The mean gap of P(1), that of honest ones of as many materials, and twice its spread."""

    value: float
    by_chance: float
    noise: float

    @property
    def beyond(self) -> float:
        """Return the gap that chance does not give."""
        return max(0.0, self.value - self.by_chance)


def _gap_of(metrics: Mapping[str, Figure], n: int, reliability: Reliability) -> _Gap | None:
    """Return the mean gap of P(1), None where it is not known.

    Of n honest probabilities in k bins the gaps add up to about sqrt(2 k v / (pi n)) or less, with
    v the mean of p (1 - p), which the Brier score then equals (mean of a half-normal variable per
    bin, then Cauchy-Schwarz over the bins), with a standard deviation of sqrt((1 - 2/pi) v / n);
    where the bins are known their own sum takes the place of that bound.
    """
    ece, brier = metrics.get("ece"), metrics.get("brier")
    if ece is None or brier is None or not n:
        return None
    noise = 2 * math.sqrt((1 - 2 / math.pi) * brier.value / n)
    bins = bins_of(reliability)
    if bins:
        total = sum(one.n for one in bins)
        by_chance = sum(one.n * one.by_chance for one in bins) / total
    else:
        by_chance = math.sqrt(2 * ECE_BINS * brier.value / (math.pi * n))
    return _Gap(ece.value, by_chance, noise)


def probabilities_of(
    metrics: Mapping[str, Figure], n: int, reliability: Reliability
) -> Probabilities | None:
    """Judge P(1): on average, beyond what chance alone gives honest ones, at both ends, by bins.

    Args:
        metrics: of the part.
        n: its materials.
        reliability: what came of P(1), bin by bin; {} where it is not known.
    """
    gap = _gap_of(metrics, n, reliability)
    if gap is None:
        return None
    chance = gap.by_chance + gap.noise
    if gap.value > chance and gap.value - gap.noise > HONEST_ECE:
        return "off"
    if bins_off(reliability):
        return "off_in_between"
    if any(end.off for end in ends_of(metrics, n)):
        return "off_at_ends"
    if chance > ROUGH:
        return "unclear"
    if gap.value <= HONEST_ECE and gap.beyond + gap.noise <= HONEST_ECE:
        return "calibrated"
    return "unclear" if gap.value <= chance else "rough"


def probability_findings(
    metrics: Mapping[str, Figure], n: int, reliability: Reliability
) -> Iterator[Finding]:
    """Yield how far P(1) is off on average beyond chance, and which end or bin is off.

    Args:
        metrics: of the part.
        n: its materials.
        reliability: what came of P(1), bin by bin; {} where it is not known.
    """
    gap, judged = _gap_of(metrics, n, reliability), probabilities_of(metrics, n, reliability)
    if gap is None or judged is None:
        return
    yield Finding.of(
        f"probabilities_{judged}", n=n, gap=gap.value, by_chance=gap.by_chance, beyond=gap.beyond
    )
    for end in ends_of(metrics, n):
        if end.off:
            yield end.finding
    for one in bins_off(reliability):
        yield Finding.of(
            "probabilities_off_in_bin", n=one.n, stated=one.stated, share=one.ones / one.n
        )
