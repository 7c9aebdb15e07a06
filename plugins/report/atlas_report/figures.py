"""Draw values and their uncertainty from arrays, in the colors of the palette.

Every function returns a finished figure. Points beyond a limit are sampled by a fixed seed, never
by taking the head, and ``Drawn.note`` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.data.predictions import Predictions
from atlas_core.metrics.rows import THRESHOLD
from atlas_pages.formatting import count, fixed
from atlas_pages.palette import PART_COLOR, SENTINELS
from atlas_pages.panels import Drawn, legend, new_figure
from atlas_report.source import IN_DOMAIN, PART_LABEL
from atlas_report.ticks import percent_ticks, plain_log

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 3000  # a series; a dot costs 15 bytes
LAYERS = 12  # overlapping dots of one path do not darken; dots of several paths do
CURVE = 200  # vertices of a curve
FEWEST = 10  # rows whose mean error is drawn
MARKED = np.arange(0.1, 0.95, 0.2)  # shares kept at which a curve has a mark
CORNER = 0.7  # of the width of the axes: how far text in a corner reaches

Parts = Mapping[str, Predictions]


def sampled(n: int, limit: int = POINTS) -> I8:
    """Return row numbers of a fixed random sample, ascending; all n where they are few enough."""
    if n <= limit:
        return np.arange(n, dtype=np.int64)
    return np.sort(np.random.default_rng(0).choice(n, size=limit, replace=False))


def _dots(axes: Axes, x: F8, y: F8, part: str, *, label: str) -> str:
    """Draw points as lines of no length; return a note where they were sampled.

    Their caps make them discs in-domain and squares held out.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    color = SENTINELS[PART_COLOR[part]]
    chosen = sampled(len(x))
    size = float(np.interp(len(chosen), [30, 300, 3000], [5.0, 3.6, 2.4]))
    size *= 1.0 if part == IN_DOMAIN else 0.9  # a square is larger than its disc
    layers = min(LAYERS, max(1, len(chosen) // 20))
    for layer in range(layers):
        rows = chosen[layer::layers]
        vertices = np.repeat(np.column_stack([x[rows], y[rows]]), 2, axis=0)
        path = Path(vertices, np.tile([Path.MOVETO, Path.LINETO], len(rows)))
        path.should_simplify = False
        axes.add_patch(
            PathPatch(
                path,
                facecolor="none",
                edgecolor=color,
                linewidth=size,
                capstyle="round" if part == IN_DOMAIN else "projecting",
                alpha=0.55,
            )
        )
    marker = "o" if part == IN_DOMAIN else "s"
    handle = Line2D([], [], marker=marker, linestyle="", markersize=4.5, color=color, label=label)
    axes.add_line(handle)
    if len(chosen) == len(x):
        return ""
    return f"{len(chosen)} of {len(x)} {PART_LABEL[part]} points drawn, a random sample."


def _join(notes: Sequence[str]) -> str:
    return " ".join(note for note in notes if note)


def ends_of(arms: Iterable[Parts]) -> tuple[float, float]:
    """Return the ends of the axes on which all arms lie."""
    rows = [own for parts in arms for own in parts.values()]
    values = np.concatenate([v for own in rows for v in (own.target, own.mean)])
    low, high = float(values.min()), float(values.max())
    pad = 0.04 * ((high - low) or 1.0)
    return low - pad, high + pad


def parity(
    parts: Parts,
    *,
    target: str,
    unit: str,
    ends: tuple[float, float] | None = None,
    biases: Mapping[str, str] | None = None,
) -> Drawn:
    """Draw predicted against true values, and by how much each part is off on average.

    Args:
        parts: rows by part.
        target: what is predicted, in words.
        unit: of it.
        ends: of both axes; None: those of these rows.
        biases: the mean error of each part with its interval, in words; None where it is not known.
    """
    figure, axes = new_figure()
    ends = ends_of([parts]) if ends is None else ends
    axes.plot(ends, ends, color=SENTINELS["ref"], linewidth=0.9, zorder=1.5)
    notes = [
        _dots(
            axes,
            rows.target,
            rows.mean,
            part,
            label=f"{PART_LABEL[part]}, n = {fixed(len(rows), 0)}",
        )
        for part, rows in parts.items()
    ]
    for part, rows in parts.items():
        off = float((rows.mean - rows.target).mean())
        color = SENTINELS[PART_COLOR[part]]
        axes.plot(
            ends, [end + off for end in ends], color=color, linewidth=1.1, linestyle=(0, (4, 2))
        )
    axes.set_xlim(ends)
    axes.set_ylim(ends)
    axes.set_aspect("equal", adjustable="box")
    suffix = f" ({unit})" if unit else ""
    axes.set_xlabel(f"true {target}{suffix}")
    axes.set_ylabel(f"predicted{suffix}")
    legend(axes)
    if biases:
        lines = (f"{PART_LABEL[part]} {text}" for part, text in biases.items())
        _in_a_corner(axes, "\n".join((f"mean signed error{suffix}", *lines)), parts.values())
    return Drawn(figure, _join(notes), places=True)


def _in_a_corner(axes: Axes, text: str, rows: Iterable[Predictions]) -> None:
    """Write text into the corner off the diagonal, left above or right below, with fewer dots."""
    (low, high), own = axes.get_xlim(), list(rows)
    x, y = (
        (np.concatenate(values) - low) / (high - low)
        for values in ([one.target for one in own], [one.mean for one in own])
    )
    tall = 0.03 + 0.06 * (text.count("\n") + 1)
    above = ((x < CORNER) & (y > 1 - tall)).sum() < ((x > 1 - CORNER) & (y < tall)).sum()
    axes.text(
        *((0.02, 0.985) if above else (0.985, 0.02)),
        text,
        transform=axes.transAxes,
        horizontalalignment="left" if above else "right",
        verticalalignment="top" if above else "bottom",
        linespacing=1.25,
        zorder=4,
        bbox={"facecolor": SENTINELS["bg"], "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )


def calibration(parts: Parts) -> Drawn:
    """Draw observed against expected coverage of Gaussian intervals, and of the stored ones."""
    from scipy.special import erf

    figure, axes = new_figure()
    axes.plot((0, 1), (0, 1), color=SENTINELS["ref"], linewidth=0.9)
    grid = np.linspace(0, 1, 101)
    for part, rows in parts.items():
        color = SENTINELS[PART_COLOR[part]]
        known = np.isfinite(rows.std)
        if known.any():
            error, std = rows.error[known], rows.std[known]
            z = np.divide(error, std, out=np.where(error > 0, np.inf, 0.0), where=std > 0)
            reached = np.sort(erf(z / np.sqrt(2)))
            observed = np.searchsorted(reached, grid, side="right") / len(reached)
            style = "-" if part == IN_DOMAIN else (0, (5, 1.5))
            axes.plot(
                grid, observed, color=color, linestyle=style, label=f"{PART_LABEL[part]}, sigma"
            )
        points = []
        for level in sorted(rows.lower):
            lower, upper = rows.lower[level], rows.upper[level]
            usable = ~(np.isnan(lower) | np.isnan(upper))
            if usable.any():
                inside = (lower <= rows.target) & (rows.target <= upper)
                points.append((level, float(inside[usable].mean())))
        if points:
            x, y = np.array(points).T
            axes.plot(
                x,
                y,
                color=color,
                linestyle="",
                marker="D" if part == IN_DOMAIN else "s",
                markersize=5,
                label=f"{PART_LABEL[part]}, intervals",
                clip_on=False,
                zorder=3,
            )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlabel("nominal coverage")
    axes.set_ylabel("observed coverage")
    legend(axes)
    return Drawn(figure)


def error_against_sigma(parts: Parts, *, unit: str) -> Drawn:
    """Draw |error| against sigma, with the RMS error of bins of equal count, on log axes."""
    figure, axes = new_figure()
    usable = {
        part: rows.take(np.isfinite(rows.std) & (rows.std > 0)) for part, rows in parts.items()
    }
    usable = {part: rows for part, rows in usable.items() if len(rows)}
    std = np.concatenate([rows.std for rows in usable.values()])
    error = np.concatenate([rows.error for rows in usable.values()])
    left, right = float(np.quantile(std, 0.01)) / 1.3, float(std.max()) * 1.15
    left = max(left, float(std.min()) / 1.3)  # a few vanishing sigmas would squeeze the rest
    top = max(float(error.max()), float(std.max())) * 1.3
    bottom = min(float(np.quantile(error, 0.02)), left)
    bottom = max(bottom, top / 1e5, 1e-300)
    axes.set_xscale("log")
    axes.set_yscale("log")
    notes = []
    for part, rows in usable.items():
        notes.append(_dots(axes, rows.std, rows.error, part, label=PART_LABEL[part]))
    for part, rows in usable.items():
        x, y = rms_bins(rows.std, rows.error)
        _outlined(axes, x, y, SENTINELS[PART_COLOR[part]], marker="o" if part == IN_DOMAIN else "s")
    ends = np.array([min(left, bottom), max(right, top)])
    axes.plot(ends, ends, color=SENTINELS["ref"], linewidth=0.9, zorder=1.5)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    plain_log(axes.xaxis, left, right)
    plain_log(axes.yaxis, bottom, top)
    suffix = f" ({unit})" if unit else ""
    axes.set_xlabel(f"predicted sigma{suffix}")
    axes.set_ylabel(f"absolute error{suffix}")
    legend(axes)
    if outside := int(((error < bottom) | (std < left)).sum()):
        notes.append(
            f"{count(outside, 'smaller value lies', 'smaller values lie')} outside the plot."
        )
    lost = sum(len(rows) for rows in parts.values()) - len(std)
    notes.append(f"{count(lost, 'row')} without a sigma above 0 left out." if lost else "")
    return Drawn(figure, _join(notes))


def rms_bins(std: F8, error: F8, bins: int = 10) -> tuple[F8, F8]:
    """Return RMS sigma and RMS error of bins of equal count along sigma, 10 rows or more each."""
    groups = max(1, min(bins, len(std) // 10))
    order = np.argsort(std, kind="stable")
    chunks = np.array_split(order, groups)
    x = np.array([np.sqrt(np.mean(std[chunk] ** 2)) for chunk in chunks])
    y = np.array([np.sqrt(np.mean(error[chunk] ** 2)) for chunk in chunks])
    return x, y


def _outlined(axes: Axes, x: F8, y: F8, color: str, *, marker: str) -> None:
    axes.plot(x, y, color=SENTINELS["bg"], linewidth=3.4, zorder=3)
    axes.plot(
        x,
        y,
        color=color,
        linewidth=1.6,
        marker=marker,
        markersize=5.5,
        markeredgecolor=SENTINELS["bg"],
        markeredgewidth=1.0,
        zorder=3.1,
    )


@dataclass(frozen=True, eq=False)
class Risk:
    """The error of the kept rows of one part, the least certain dropped first.

    Attributes:
        part: of the rows.
        kept: (k,) shares of the rows, ascending.
        by_sigma: (k,) error of the kept ones, the most confident first.
        ideal: (k,) the same in the order of the true errors.
        all_rows: error of all, which is that of any share in a random order.
    """

    part: str
    kept: F8
    by_sigma: F8
    ideal: F8
    all_rows: float

    @property
    def top(self) -> float:
        """Return the largest error of a share that is worth a look."""
        return float(max(line[self.kept >= 0.05].max() for line in (self.by_sigma, self.ideal)))


def risks(parts: Parts, *, binary: bool) -> list[Risk]:
    """Return the curve of each part that has a sigma."""
    found = []
    for part, rows in parts.items():
        known = np.isfinite(rows.std)
        if not known.any():
            continue
        held = rows.take(known)
        error = held.error
        if binary:
            error = ((held.mean > THRESHOLD) != (held.target == 1)).astype(np.float64)
        at = curve_points(len(error))
        at = at[at >= min(FEWEST, len(error)) - 1]  # the mean of a handful is noise
        by_sigma, ideal = (
            (np.cumsum(error[np.argsort(order, kind="stable")]) / np.arange(1, len(error) + 1))[at]
            for order in (held.std, error)
        )
        found.append(Risk(part, (at + 1) / len(error), by_sigma, ideal, float(error.mean())))
    return found


def risk_coverage(curves: Sequence[Risk], *, unit: str, binary: bool, top: float) -> Drawn:
    """Draw the error of the kept rows while the least certain ones are handed back.

    Args:
        curves: of one arm.
        unit: of the error.
        binary: whether the error is a share of wrong answers.
        top: end of the vertical axis, common to all arms.
    """
    figure, axes = new_figure()
    for shift, one in enumerate(curves):
        color = SENTINELS[PART_COLOR[one.part]]
        marked: dict[str, Any] = {
            "color": color,
            "marker": "o" if one.part == IN_DOMAIN else "s",
            "markersize": 4.5,
            "markevery": [int(np.argmin(abs(one.kept - at))) for at in MARKED + 0.1 * shift],
            "markeredgewidth": 1.0,
        }
        named = PART_LABEL[one.part]
        axes.plot(one.kept, one.by_sigma, **marked, linewidth=1.7, label=f"{named}, by sigma")
        axes.plot(
            one.kept, one.ideal, **marked, linewidth=1.2, linestyle=":",
            markerfacecolor=SENTINELS["bg"], label=f"{named}, ideal",
        )  # fmt: skip
        axes.plot(
            [0.0, 0.03 + 0.04 * shift, 1.0], [one.all_rows] * 3,
            **marked | {"markevery": [1]},
            linewidth=0.9, linestyle=(0, (4, 3)), label=f"{named}, random",
        )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(0, (top or 1.0) * 1.08)
    percent_ticks(axes.xaxis)
    axes.set_xlabel("share of materials kept, most confident first")
    suffix = f" ({unit})" if unit else ""
    axes.set_ylabel("share misclassified" if binary else f"MAE of the kept ones{suffix}")
    legend(axes)
    return Drawn(figure)


def curve_points(n: int) -> I8:
    """Return at most ``CURVE`` row numbers of ``n``, both ends among them."""
    return np.unique(np.linspace(0, n - 1, min(n, CURVE)).round().astype(np.int64))
