"""Say whether P(1) can be read as a probability, also near 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from atlas_core.answers import ENOUGH_OF_CLASS
from atlas_core.binomial import BY_CHANCE, binomial_below, wilson
from atlas_core.judgement import Figure
from atlas_core.metrics import digits
from atlas_core.metrics.shares import holm

HONEST_ECE = 0.05  # mean gap between P(1) and what happens: five points
ECE_BINS = 10  # of the calibration error; each has a gap by chance
ROUGH = 2 * HONEST_ECE  # a gap that chance gives honest probabilities, from which nothing is shown
END_BY_CHANCE = 0.01  # of both sides; one of five honest ends is called off in 5 % of all tests
OFF = 2.0  # times the probability stated; less is no matter in use

Probabilities = Literal["honest", "unclear", "rough", "off at the ends", "off in between", "off"]
Reliability = Mapping[str, Sequence[float]]
"""Of each bin of P(1) in use: ``predicted`` and ``observed`` shares, ``materials``."""

ENDS: Mapping[str, tuple[str, str]] = {
    "below_1": ("of 1 % or less", "class 1"),
    "1_to_5": ("of 1 to 5 %", "class 1"),
    "95_to_99": ("of 95 to 99 %", "class 0"),
    "above_99": ("of 99 % or more", "class 0"),
    "certain": ("of exactly 0 or 1", "the other class"),
}
"""Ends of the scale: the probability of class 1 that was given, and what then is a surprise."""


@dataclass(frozen=True)
class End:
    """Hold what came of the probabilities near 0 or 1.

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
    def sentence(self) -> str:
        """Say how many surprises there were against how many were stated."""
        given, surprise = ENDS[self.name]
        are = "is" if self.wrong == 1 else "are"
        stated = "" if self.name == "certain" else f" where {_percent(self.stated)} was stated"
        return (
            f"Of {self.rows} in-domain materials given a probability {given} for class 1,"
            f" {self.wrong} ({_percent(self.wrong / self.rows)}) {are} of {surprise}{stated}."
        )


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
    """Hold what came of the probabilities between two tenths.

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

    @property
    def sentence(self) -> str:
        """Say what was stated and what came."""
        return (
            f"Of {self.n} in-domain materials given a probability of about"
            f" {_percent(self.stated)}, {_percent(self.ones / self.n)} are of class 1."
        )


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
    """Hold the mean gap of P(1), that of honest ones of as many materials, and twice its spread."""

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
        return "off in between"
    if any(end.off for end in ends_of(metrics, n)):
        return "off at the ends"
    if chance > ROUGH:
        return "unclear"
    if gap.value <= HONEST_ECE and gap.beyond + gap.noise <= HONEST_ECE:
        return "honest"
    return "unclear" if gap.value <= chance else "rough"


def probability_sentences(
    metrics: Mapping[str, Figure], n: int, reliability: Reliability
) -> list[str]:
    """Say how far P(1) is off on average beyond chance, and which end or bin is off.

    Args:
        metrics: of the part.
        n: its materials.
        reliability: what came of P(1), bin by bin; {} where it is not known.
    """
    gap, judged = _gap_of(metrics, n, reliability), probabilities_of(metrics, n, reliability)
    if gap is None or judged is None:
        return []
    are = digits.counted(n, "material is", "materials are")
    text = (
        f"Its probabilities are off by {_points(gap.beyond)} on average in-domain beyond what"
        f" chance gives honest ones ({_points(gap.value)} less {_points(gap.by_chance)}): "
    )
    text += {
        "honest": "they can be read as probabilities",
        "unclear": f"{are} too few to tell whether they can be read as probabilities",
        "rough": "read them as rough probabilities",
        "off at the ends": "do not read those near 0 and 1 as probabilities",
        "off in between": "do not read all of them as probabilities",
        "off": "do not read them as probabilities",
    }[judged]
    told = [end.sentence for end in ends_of(metrics, n) if end.off]
    return [f"{text}.", *told, *(one.sentence for one in bins_off(reliability))]


def _points(share: float) -> str:
    """Return a difference of shares in points of a percent."""
    points = round(100 * share)
    if not points:
        return "less than a point"
    return f"{points} point{'' if points == 1 else 's'}"


@dataclass(frozen=True)
class WrongAnswers:
    """Hold how well sigma tells wrong answers from right ones.

    Attributes:
        area: AUROC of sigma for wrong answers.
        wrong: wrong answers.
        n: all of them.
    """

    area: Figure
    wrong: int
    n: int

    @property
    def few(self) -> str:
        """Return what there are too few of to tell, "" where there are enough."""
        right = self.n - self.wrong
        fewer, kind = min((self.wrong, "wrong answer"), (right, "right answer"))
        if fewer >= ENOUGH_OF_CLASS and self.area.known:
            return ""
        return digits.counted(fewer, f"{kind} is", f"{kind}s are")


def wrong_answer_sentences(
    inside: WrongAnswers | None, outside: WrongAnswers | None, others: str
) -> list[str]:
    """Say whether a larger sigma goes with wrong answers.

    Args:
        inside: in-domain.
        outside: of the held-out class, where there is one.
        others: the held-out class in words.
    """
    if inside is None:
        return []
    unknown = "too few to tell whether sigma finds them"
    if inside.few:
        text = f"In-domain {inside.few} {unknown}"
    else:
        area = inside.area
        text = (
            f"In-domain sigma {_finds(area)} (AUROC {_area(area)}, 95 % interval"
            f" {area.interval}; 0.5 is chance level)"
        )
    if outside is not None and outside.few:
        text += f"; among {others} {outside.few} {unknown}"
    elif outside is not None:
        area = outside.area
        text += f"; among {others} sigma {_finds(area)} ({_area(area)}, {area.interval})"
    return [f"{text}."]


def _finds(area: Figure) -> str:
    if area.low > 0.5:
        return "is larger where an answer is wrong"
    if area.high < 0.5:
        return "is smaller where an answer is wrong"
    if area.low == area.high:
        return "is the same where an answer is wrong"
    return "may or may not tell wrong answers from right ones"


def _area(area: Figure) -> str:
    return digits.auroc({"value": area.value, "low": area.low, "high": area.high})


def _percent(share: float) -> str:
    return f"{digits.percentage(share)} %"
