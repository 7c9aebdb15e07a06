"""Does the interval hold? Light: numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.api import F8, Draw, MetricRows, metric, ratio

INTERVAL = ("target", "lower", "upper")


def inside(rows: MetricRows) -> npt.NDArray[np.bool_]:
    """Whether the interval holds y, ends counted."""
    return np.asarray((rows.lower <= rows.target) & (rows.target <= rows.upper))


def finite(rows: MetricRows) -> npt.NDArray[np.bool_]:
    """Whether the interval says something: it is finite, and not over all that y may be."""
    least, most = rows.bounds
    over_all = (rows.lower <= least) & (rows.upper >= most)
    return np.asarray(np.isfinite(rows.upper - rows.lower) & ~over_all)


def width(rows: MetricRows) -> F8:
    """Width of the intervals that say something, 0 for the others."""
    return np.where(finite(rows), rows.upper - rows.lower, 0.0)


def score(rows: MetricRows) -> F8 | None:
    """Interval score; None where an interval is infinite, for which it would be."""
    low, high = rows.lower, rows.upper
    if not np.isfinite(high - low).all() or rows.level is None:
        return None
    missed = np.maximum(low - rows.target, 0) + np.maximum(rows.target - high, 0)
    return (high - low) + 2 / (1 - rows.level) * missed


@metric(
    "coverage", unit="share", better="level", columns=INTERVAL, terms=(inside,), mean=True,
    definition="share of rows with l ≤ y ≤ u",
    note="Below p on `ood_test` is the rule. Read its `low` and `high`.",
)  # fmt: skip
def picp(draw: Draw) -> F8:
    """Share of true values inside the interval; it should equal the nominal level."""
    return draw[inside]


@metric(
    "interval width", unit="target", better="neither", columns=INTERVAL, terms=(finite, width),
    definition="mean of u − l over the intervals that say something",
)  # fmt: skip
def mpiw(draw: Draw) -> F8:
    """Mean full width of the interval; narrow is useful only when the coverage is right."""
    return ratio(draw.total(width), draw.total(finite))


@metric(
    "intervals that say nothing", unit="share", better="lower", columns=INTERVAL, terms=(finite,),
    shown=False,
    definition="share of intervals that are infinite, or over the whole range that the data set"
    " states for its target (`bounds`)",
    note="Coverage bought so is worth nothing.",
)  # fmt: skip
def infinite_share(draw: Draw) -> F8:
    """Share of intervals that say nothing: the method declines to answer there."""
    return 1 - draw[finite]


@metric(
    "interval score", unit="target", better="lower", columns=INTERVAL, terms=(score,), mean=True,
    task="regression", shown=False,
    definition="mean of (u − l) + 2/(1 − p) · distance of y outside",
    source="Gneiting & Raftery, J. Am. Stat. Assoc. 102, 359 (2007), eq. 43",
)  # fmt: skip
def interval_score(draw: Draw) -> F8:
    """Width of the interval plus what it misses by: one proper number of both."""
    return draw[score]
