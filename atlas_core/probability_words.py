"""Say whether P(1) can be read as a probability, also near 0 and 1. Light: pure Python."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from atlas_core.binomial import binomial_below, wilson
from atlas_core.judgement import Figure
from atlas_core.metrics import digits

HONEST_ECE = 0.05  # mean gap between P(1) and what happens: five points
ECE_BINS = 10  # of the calibration error; each has a gap by chance
ROUGH = 2 * HONEST_ECE  # a gap that chance gives honest probabilities, from which nothing is shown
BY_CHANCE = 0.01  # of both sides; one of five honest ends is called off in 5 % of all tests
OFF = 2.0  # times the probability stated; less is no matter in use

Probabilities = Literal["honest", "unclear", "rough", "off at the ends", "off"]

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
        if 1.0 - binomial_below(self.wrong - 1, self.rows, self.stated) < BY_CHANCE / 2:
            return high > OFF * self.stated
        few = binomial_below(self.wrong, self.rows, self.stated) < BY_CHANCE / 2
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


def probabilities_of(metrics: Mapping[str, Figure], n: int) -> Probabilities | None:
    """Judge P(1): on average, beyond what chance alone gives honest ones, and at both ends.

    Of n honest probabilities in k bins the gaps add up to about sqrt(2 k v / (pi n)) or less, with
    v the mean of p (1 - p), which the Brier score then equals (mean of a half-normal variable per
    bin, then Cauchy-Schwarz over the bins), with a standard deviation of sqrt((1 - 2/pi) v / n).
    """
    ece, brier = metrics.get("ece"), metrics.get("brier")
    if ece is None or brier is None or not n:
        return None
    noise = 2 * math.sqrt((1 - 2 / math.pi) * brier.value / n)
    chance = math.sqrt(2 * ECE_BINS * brier.value / (math.pi * n)) + noise
    if ece.value > chance and ece.value - noise > HONEST_ECE:
        return "off"
    if any(end.off for end in ends_of(metrics, n)):
        return "off at the ends"
    if chance > ROUGH:
        return "unclear"
    if ece.value <= HONEST_ECE:
        return "honest"
    return "unclear" if ece.value <= chance else "rough"


def probability_sentences(metrics: Mapping[str, Figure], n: int) -> list[str]:
    """Say how far P(1) is off on average, whether it can be read so, and which end is off."""
    ece, judged = metrics.get("ece"), probabilities_of(metrics, n)
    if ece is None or judged is None:
        return []
    points = round(100 * ece.value)
    off = f"{points} point{'' if points == 1 else 's'}" if points else "less than a point"
    text = f"Its probabilities are off by {off} on average in-domain: "
    text += {
        "honest": "they can be read as probabilities",
        "unclear": f"{n} materials are too few to tell whether they can be read as probabilities",
        "rough": "read them as rough probabilities",
        "off at the ends": "do not read those near 0 and 1 as probabilities",
        "off": "do not read them as probabilities",
    }[judged]
    return [f"{text}.", *(end.sentence for end in ends_of(metrics, n) if end.off)]


def wrong_answer_sentences(inside: Figure | None, outside: Figure | None, others: str) -> list[str]:
    """Say whether a larger sigma goes with wrong answers.

    Args:
        inside: AUROC of sigma for wrong answers in-domain.
        outside: of the held-out class, where there is one.
        others: the held-out class in words.
    """
    if inside is None:
        return []
    if not inside.known:
        few = "Too few answers are wrong, or right, in-domain to tell whether sigma finds the wrong"
        return [f"{few} ones."]
    text = (
        f"In-domain sigma {_finds(inside)} (AUROC {_area(inside)}, 95 % interval"
        f" {inside.interval}; 0.5 is chance level)"
    )
    if outside is not None and outside.known:
        text += f"; among {others} it {_finds(outside)} ({_area(outside)}, {outside.interval})"
    return [f"{text}."]


def _finds(area: Figure) -> str:
    if area.low > 0.5:
        return "is larger where an answer is wrong"
    if area.high < 0.5:
        return "is smaller where an answer is wrong"
    return "may or may not tell wrong answers from right ones"


def _area(area: Figure) -> str:
    return digits.auroc({"value": area.value, "low": area.low, "high": area.high})


def _percent(share: float) -> str:
    return f"{digits.percentage(share)} %"
