"""Draw observed coverage beside the nominal level, and how much intervals and label sets say.

The constant interval is the trivial baseline of every error bar: the mean plus or minus one width
for all materials, just wide enough for the calibration part of the fold. That of a label set is the
set of both labels: it always contains the true class, and says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atlas_pages.formatting import percent_of_level
from atlas_pages.palette import PART_COLOR, SENTINELS
from atlas_pages.panels import HEIGHT, WIDTH, Drawn, legend
from atlas_report.source import IN_DOMAIN, PART_LABEL, SHOWN_PARTS, Json, Source
from atlas_report.ticks import percent_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Levels that are drawn, or of those that a run has the nearest ones."""
BAR = 0.34  # of the distance of two levels


@dataclass(frozen=True)
class Bar:
    """Coverage of the intervals of one part at one level.

    Attributes:
        level: nominal.
        part: of the rows.
        covered: observed share.
        ends: of its 95 % interval; None where it has none.
        width: mean width, in the target's unit; None where it is not known.
        constant: (width, observed share) of the constant interval; None where it is not known.
        single: of label sets the share that hold one label and the ends of its 95 % interval, which
            are the share itself where it has none; None of intervals.
    """

    level: float
    part: str
    covered: float
    ends: tuple[float, float] | None
    width: float | None
    constant: tuple[float, float] | None
    single: tuple[float, float, float] | None = None


def bars_of(source: Source, arm: str) -> tuple[Bar, ...]:
    """Return the bars of an arm, by level and part; none without intervals."""
    parts = source.metrics["arms"][arm].get("parts") or {}
    found = {p: (parts.get(p) or {}).get("metrics") or {} for p in SHOWN_PARTS}
    names = {n.removeprefix("picp_") for own in found.values() for n in own if n[:5] == "picp_"}
    known = {text: float(text) for text in names if _number(text)}
    chosen = {min(known, key=lambda t: (abs(known[t] - at), known[t])) for at in LEVELS if known}
    return tuple(
        Bar(
            level=known[text],
            part=part,
            covered=float(entry["value"]),
            ends=(float(entry["low"]), float(entry["high"])) if "low" in entry else None,
            width=_finite(own.get(f"mpiw_{text}")),
            constant=constant_interval(source, arm, part, known[text]),
            single=one_label(own.get(f"mpiw_{text}")) if source.task == "binary" else None,
        )
        for text in sorted(chosen, key=lambda t: known[t])
        for part, own in found.items()
        if (entry := own.get(f"picp_{text}")) is not None
    )


def _number(text: str) -> bool:
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False


def _finite(entry: object) -> float | None:
    value = entry.get("value") if isinstance(entry, dict) else None
    return float(value) if value is not None and math.isfinite(value) else None


def one_label(width: Json | None) -> tuple[float, float, float] | None:
    """Return the share of label sets with one label and the ends of its interval.

    A set of both labels is the interval from 0 to 1, of width 1; one of a single label has width 0.
    """
    if width is None or _finite(width) is None:
        return None
    value = float(width["value"])
    low, high = (float(width.get(end, value)) for end in ("low", "high"))
    return 1 - value, 1 - high, 1 - low


def constant_interval(
    source: Source, arm: str, part: str, level: float
) -> tuple[float, float] | None:
    """Return the mean width of an interval that is as wide for all materials, and its coverage.

    In each fold half its width is the k-th smallest error of the n calibration materials, k =
    ceil((n + 1) level), the split conformal interval without a sigma; None where a fold has too few
    of them or the arm's task has no errors with a size.
    Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005).
    """
    if source.task == "binary":
        return None
    calibration, rows = source.rows[arm].part("calibration"), source.rows[arm].part(part)
    half = np.full(len(rows), np.nan)
    for fold in dict.fromkeys(rows.fold.tolist()):
        errors = np.sort(calibration.error[calibration.fold == fold])
        k = math.ceil((len(errors) + 1) * level - 1e-9)
        if not 1 <= k <= len(errors):
            return None
        half[rows.fold == fold] = errors[k - 1]
    return (2 * float(half.mean()), float((rows.error <= half).mean())) if len(rows) else None


def widest(bars: Sequence[Bar]) -> float:
    """Return the largest width of some bars, their constant intervals included; 0 without any."""
    known = [bar.width for bar in bars] + [bar.constant and bar.constant[0] for bar in bars]
    return max((width for width in known if width), default=0.0)


def coverage_bars(bars: Sequence[Bar], *, unit: str, top: float) -> Drawn:
    """Draw coverage as bars with intervals, and below it mean widths or shares of one label.

    Args:
        bars: of one arm; at least one.
        unit: of the widths.
        top: end of the axis of widths, common to all arms; 0 leaves them out.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    sets = any(bar.single for bar in bars)
    if top or sets:
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
    else:
        axes, below = figure.subplots(), None
    levels = list(dict.fromkeys(bar.level for bar in bars))
    parts = [part for part in SHOWN_PARTS if any(bar.part == part for bar in bars)]
    label = _Once()
    for bar in bars:
        x = levels.index(bar.level) + BAR * (parts.index(bar.part) - (len(parts) - 1) / 2)
        _observed(axes, bar, x, label)
        if below is not None:
            _said(below, bar, x)
    for place, level in enumerate(levels):
        ends = [place - 0.48, place + 0.48]
        axes.plot(
            ends, [level, level], color=SENTINELS["ink"], linewidth=1.6, zorder=3.1,
            label=label("nominal"),
        )  # fmt: skip
    if sets:
        axes.axhline(1.0, **_CONSTANT, label=label("always both labels"))
    _frame(axes, below, levels, unit=unit, top=top)
    return Drawn(figure)


class _Once:
    """A legend names a thing once."""

    def __init__(self) -> None:
        self._named: set[str] = set()

    def __call__(self, text: str) -> str:
        """Return the text the first time, then what a legend leaves out."""
        new = text not in self._named
        self._named.add(text)
        return text if new else "_"


_CONSTANT: dict[str, Any] = {
    "color": SENTINELS["arm3"],
    "linewidth": 2,
    "linestyle": (0, (1.2, 0.6)),
    "zorder": 3.2,
}


def _observed(axes: Axes, bar: Bar, x: float, label: Callable[[str], str]) -> None:
    """Draw the coverage of one bar, with its interval and the constant one's coverage."""
    color, square = SENTINELS[PART_COLOR[bar.part]], bar.part != IN_DOMAIN
    text = label(PART_LABEL[bar.part])
    axes.bar(
        x, bar.covered, 0.9 * BAR, facecolor=color, alpha=0.3 if square else 0.75,
        label="_" if square else text,
    )  # fmt: skip
    if square:
        axes.bar(
            x, bar.covered, 0.9 * BAR, facecolor="none", edgecolor=color, linewidth=0.8,
            hatch="////", label=text,
        )  # fmt: skip
    if bar.ends is not None:
        axes.plot([x, x], bar.ends, color=SENTINELS["ink"], linewidth=1.3, zorder=3)
    if bar.constant is not None:
        ends = [x - 0.45 * BAR, x + 0.45 * BAR]
        axes.plot(ends, [bar.constant[1]] * 2, **_CONSTANT, label=label("constant width"))


def _said(below: Axes, bar: Bar, x: float) -> None:
    """Draw how much the intervals or label sets of one bar say."""
    color, marker = SENTINELS[PART_COLOR[bar.part]], "o" if bar.part == IN_DOMAIN else "s"
    value = bar.width
    if bar.single is not None:
        value, *ends = bar.single
        below.plot([x, x], ends, color=SENTINELS["ink"], linewidth=1.3)
    if value is not None:
        below.plot(x, value, color=color, marker=marker, markersize=4.5, linestyle="", zorder=3.3)
    if bar.constant is not None:
        below.plot([x - 0.45 * BAR, x + 0.45 * BAR], [bar.constant[0]] * 2, **_CONSTANT)


def _frame(
    axes: Axes, below: Axes | None, levels: Sequence[float], *, unit: str, top: float
) -> None:
    axes.set_ylim(0, 1.03)
    axes.set_ylabel("observed coverage")
    percent_ticks(axes.yaxis)
    last = axes if below is None else below
    for one in (axes,) if below is None else (axes, below):
        one.grid(visible=False, axis="x")
    last.set_xticks(range(len(levels)), [percent_of_level(level) for level in levels])
    last.set_xlim(-0.6, len(levels) - 0.4)
    last.set_xlabel("nominal coverage")
    if below is not None and top:
        below.set_ylim(0, top * 1.12)
        below.set_ylabel(f"width\n({unit})" if unit else "width")
    elif below is not None:
        below.set_ylim(-0.06, 1.06)
        below.axhline(0.0, **_CONSTANT)
        percent_ticks(below.yaxis)
        below.set_ylabel("one label")
    legend(axes)
