"""Values with their intervals on one axis, as a table that CSS draws. Light.

``strip.html.j2`` writes a :class:`Strip`; a template of another table may place its own marks on an
:class:`Axis`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

ROOM = 0.04
"""Share of the axis beyond its largest value."""


@dataclass(frozen=True)
class Axis:
    """A linear axis from its first to its last value."""

    first: float
    last: float

    def place(self, value: float) -> float:
        """Return where a value lies, in percent of the width; outside the axis, at its end."""
        share = (value - self.first) / (self.last - self.first)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    def ticks(self, written: Callable[[float], str]) -> tuple[tuple[float, str], ...]:
        """Return the places of about five round values, and these in words."""
        from matplotlib.ticker import MaxNLocator

        found = MaxNLocator(nbins=5).tick_values(self.first, self.last)
        kept = (float(at) for at in found if self.first <= at <= self.last)
        return tuple((self.place(at), written(at)) for at in kept)


def axis_from_zero(values: Iterable[float]) -> Axis:
    """Return an axis from 0 to a little beyond the largest finite value."""
    return Axis(0.0, max(v for v in values if math.isfinite(v)) * (1 + ROOM) or 1.0)


@dataclass(frozen=True)
class Mark:
    """One error on the strip chart: places in percent of its width, and the same in words.

    Attributes:
        arm: whose it is.
        part: in words.
        held_out: whether it is of the held-out class.
        value: the error, as precise as its interval allows.
        interval: the ends of its 95 % interval in words, "" where it has none.
        at: its place.
        low: place of the lower end.
        high: place of the upper end.
        baseline: place of the trivial baseline, None where it is not known.
        trivial: the baseline in words.
        repeats: places of the other trainings' errors.
        trainings: between what the errors of all trainings lie, in words; "" of one.
    """

    arm: str
    part: str
    held_out: bool
    value: str
    interval: str
    at: float
    low: float
    high: float
    baseline: float | None
    trivial: str
    repeats: tuple[float, ...] = ()
    trainings: str = ""


@dataclass(frozen=True)
class Strip:
    """The errors of all arms on one axis.

    Attributes:
        title: what is shown, with its unit.
        marks: a row each.
        ticks: places in percent and their labels.
        tolerance: place of the error tolerance; None without one.
        tolerated: it in words.
        baseline: what the trivial baseline is, in words.
        together: whether the parts of an arm share one row, as for many arms.
    """

    title: str
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    tolerance: float | None
    tolerated: str
    baseline: str
    together: bool = False

    @property
    def rows(self) -> tuple[tuple[Mark, ...], ...]:
        """Return the marks of each row."""
        if not self.together:
            return tuple((mark,) for mark in self.marks)
        return tuple(tuple(own) for _, own in groupby(self.marks, key=lambda mark: mark.arm))

    @property
    def parts(self) -> tuple[tuple[str, bool], ...]:
        """Return the parts in words, and whether each is held out."""
        return tuple(dict.fromkeys((mark.part, mark.held_out) for mark in self.marks))

    @property
    def compared(self) -> bool:
        """Return whether the trivial baseline of some row is known."""
        return any(mark.baseline is not None for mark in self.marks)

    @property
    def repeated(self) -> bool:
        """Return whether some error has those of other trainings beside it."""
        return any(mark.repeats for mark in self.marks)
