"""Say whether intervals or label sets keep their word, and where they say nothing.

An infinite interval, one over all that the target can be, and a set of both classes hold the truth
whatever it is: coverage bought so is no merit. Light: pure Python.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from atlas_core.judgement import Figure, doubt, of_share, slack
from atlas_core.metrics import digits

MANY_INFINITE = 0.1  # share of infinite intervals worth a sentence
MOSTLY_INFINITE = 0.5  # share from which coverage is no merit: most intervals say nothing
TINY = 1e-9  # a share that is 0 but for rounding

State = Literal["kept", "short", "unclear", "nothing"]


@dataclass(frozen=True)
class Bars:
    """Hold the intervals, or the label sets, of one part at one level.

    Attributes:
        level: as the metrics are named by it.
        covered: share that holds the truth, with an interval that n materials allow.
        empty: share that says nothing, with the same; None where it is not known.
        n: materials.
        binary: whether these are label sets.
        bounded: whether the target has stated bounds.
    """

    level: str
    covered: Figure
    empty: Figure | None
    n: int
    binary: bool
    bounded: bool = False

    @property
    def promised(self) -> float:
        """Return the level as a number."""
        return float(self.level)

    @property
    def state(self) -> State:
        """Say whether the promise is kept; ``nothing`` where half may say nothing at all."""
        level = self.promised
        if self.covered.high < level and self.covered.low < level - slack(level):
            return "short"
        if self.empty is not None and self.empty.high >= MOSTLY_INFINITE:
            return "nothing"
        return "kept" if self.covered.low >= level - doubt(level) else "unclear"

    @property
    def below(self) -> bool:
        """Return whether coverage is surely below the promise, by however little."""
        return self.covered.high < self.promised

    @property
    def too_wide(self) -> bool:
        """Return whether they are surely larger than need be; a set of one class cannot be."""
        if self.covered.low <= self.promised + slack(self.promised):
            return False
        return not self.binary or (self.empty is not None and self.empty.low > 0)

    @property
    def many_empty(self) -> bool:
        """Return whether enough say nothing for a sentence."""
        return self.empty is not None and self.empty.value >= MANY_INFINITE

    @property
    def told(self) -> Figure | None:
        """Return the coverage of those that say something; None where hardly one does."""
        if not self.many_empty or self.empty is None:
            return self.covered
        rest = 1 - self.empty.value
        rows = round(rest * self.n)
        if not rows:
            return None
        share = min(1.0, max(0.0, (self.covered.value - self.empty.value) / rest))
        return of_share(Figure(share, share, share), rows)

    @property
    def nothing(self) -> str:
        """Say how many say nothing, as a headline has it."""
        share = 0.0 if self.empty is None else self.empty.value
        surely = self.empty is not None and self.empty.low >= MOSTLY_INFINITE
        whole = share >= 1 - TINY
        many = "mostly " if surely and not whole else ""
        of_some = "" if surely else f" for {_percent(share)}"
        if self.binary:
            return f"{many}hold both classes{of_some}, which says nothing"
        what = "infinite or the whole range of the target" if self.bounded else "infinite"
        return f"are {many}{what}{of_some} and say nothing"


def bars_of(
    metrics: Mapping[str, Figure], n: int, level: str, *, binary: bool, bounded: bool = False
) -> Bars | None:
    """Return the intervals of a part at a level; None where there are none.

    Args:
        metrics: of the part.
        n: its materials.
        level: "" for none.
        binary: whether these are label sets; one of both classes has the width 1.
        bounded: whether the target has stated bounds.
    """
    covered = metrics.get(f"picp_{level}") if level else None
    if covered is None:
        return None
    empty = metrics.get(f"{'mpiw' if binary else 'infinite_share'}_{level}")
    known = None if empty is None else of_share(empty, n)
    return Bars(level, of_share(covered, n), known, n, binary, bounded)


def coverage_sentences(
    inside: Bars, outside: Bars | None, others: str, *, whose: str, end: str
) -> list[str]:
    """Say how often they hold the truth, and where they say nothing.

    Args:
        inside: in-domain.
        outside: of the held-out class, where there is one.
        others: the held-out class in words.
        whose: begins the sentence.
        end: what follows from it, of those parts of which a coverage is told.
    """
    kind = "label sets" if inside.binary else "intervals"
    parts = [(inside, "in-domain materials"), *([] if outside is None else [(outside, others)])]
    told = [
        f"{_share(bars.told)} of {where}{_said(bars)}"
        for bars, where in parts
        if bars.state != "nothing" and bars.told is not None
    ]
    sentences = []
    if told:
        sentences.append(
            f"{whose} {100 * inside.promised:.12g} % {kind} hold the truth for"
            f" {' and '.join(told)}: {end}."
        )
    empty = "set holds both classes" if inside.binary else "interval is infinite"
    if inside.bounded:
        empty += " or the whole range of the target"
    many = [
        f"{_percent(bars.empty.value)} of {where}"
        for bars, where in parts
        if bars.empty is not None and bars.many_empty
    ]
    if many:
        sentences.append(f"For {' and '.join(many)} the {empty}: it says nothing there.")
    return sentences


def _said(bars: Bars) -> str:
    """Say of which materials coverage is told, where it is not of all."""
    if not bars.many_empty:
        return ""
    return " whose set holds one class" if bars.binary else " whose interval says something"


def rows_needed(level: str) -> int:
    """Return how many calibration rows an interval at ``level`` needs to be finite, n.

    The largest of n errors bounds the next one with the probability n / (n + 1) (Vovk, Gammerman
    & Shafer 2005), so n >= level / (1 - level); reckoned in decimals, as 0.9 / 0.1 is 9.
    """
    exact = Fraction(level)
    return math.ceil(exact / (1 - exact))


def unbounded_sentences(
    parts: Sequence[Mapping[str, Figure]], kept: Sequence[int], *, binary: bool, bounded: bool
) -> list[str]:
    """Say how many calibration rows the levels with infinite intervals need, and how many are.

    Args:
        parts: metrics of each part.
        kept: calibration rows of each fold; () where they are not known.
        binary: whether these are label sets.
        bounded: whether the target has stated bounds: an interval over all of it may come of large
            errors alone.
    """
    levels = _unbounded_levels(parts, binary=binary)
    if not levels or not kept:
        return []
    few, many = min(kept), max(kept)
    enough = few >= rows_needed(levels[-1])
    if enough and bounded:
        return []
    needs = [
        f"{rows_needed(level)} for {100 * float(level):.12g} %"
        for level in (levels if len(levels) <= 3 else [levels[0], levels[-1]])
    ]
    joined = " up to " if len(levels) > 3 else " and " if len(needs) == 2 else ", "
    there = f"there {'was' if few == 1 else 'were'} {few}"
    if few != many:
        there = f"the folds had {few} to {many}"
    elif len(kept) > 1:
        there = f"each fold had {few}"
    if enough:
        there += ", too few where they are split into groups or weighted"
    end = "say something" if binary else "be finite"
    one = "A label set" if binary else "An interval"
    return [
        f"{one} needs level / (1 − level) calibration rows to {end}: {joined.join(needs)}; {there}."
    ]


def _unbounded_levels(parts: Sequence[Mapping[str, Figure]], *, binary: bool) -> list[str]:
    """Return the levels at which some interval is infinite; every set holding both classes."""
    name = "mpiw_" if binary else "infinite_share_"
    found = {
        metric.removeprefix(name)
        for metrics in parts
        for metric, figure in metrics.items()
        if metric.startswith(name) and figure.value > (1 - TINY if binary else TINY)
    }
    return sorted(found, key=float)


def _share(figure: Figure) -> str:
    return f"{_percent(figure.value)} ({_percent(figure.low)} to {_percent(figure.high)})"


def _percent(share: float) -> str:
    return f"{digits.percentage(share)} %"
