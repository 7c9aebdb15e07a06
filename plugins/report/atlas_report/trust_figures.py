"""Draw how much a trust method labels trust, and how reliable that is, class by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_pages.palette import SENTINELS
from atlas_pages.panels import Drawn, legend, new_figure
from atlas_report.ticks import percent_log, percent_ticks, plain_log

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Point:
    """A labeled mark, and the ends of its interval along y."""

    label: str
    x: float
    y: float
    ends: tuple[float, float]


MANY_LABELS = 14
"""More marks of one series than this go without labels."""
LEAST_SPAN = 6.0
"""Least ratio of the ends of the axis of shares: two of the ticks 1, 2 and 5 lie between."""


def _marks(
    axes: Axes, points: Sequence[Point], color: str, marker: str, *, label: str, bold: bool
) -> None:
    """Draw marks with upright intervals."""
    for point in points:
        axes.plot(
            [point.x] * 2, point.ends, color=color, linewidth=1.0, alpha=0.55 if bold else 0.35
        )
    axes.plot(
        [point.x for point in points],
        [point.y for point in points],
        color=color,
        linestyle="",
        marker=marker,
        markersize=6.0 if bold else 4.5,
        markerfacecolor=color if bold else SENTINELS["bg"],
        markeredgewidth=1.2,
        label=label,
        clip_on=False,
        zorder=3 if bold else 2.5,
    )


def _name(axes: Axes, points: Sequence[Point]) -> None:
    """Write each mark's label beside it, where it covers no other; the axes' limits are final."""
    if len(points) > MANY_LABELS:
        return
    scale = 72.0 / axes.figure.dpi
    places = np.asarray(axes.transData.transform([(p.x, p.y) for p in points])) * scale
    box = axes.get_window_extent()
    taken = [(x - 4.0, y - 4.0, x + 4.0, y + 4.0) for x, y in places]
    for (x, y), point in zip(places, points, strict=True):
        width, height = 5.0 * len(point.label) + 1.0, 8.5
        right, left, above, below = 5.0, -5.0 - width, 3.0, -3.0 - height
        choices = [
            (right, above), (right, below), (left, above), (left, below),
            (-width / 2, 6.0), (-width / 2, -6.0 - height), (right, -height / 2),
        ]  # fmt: skip
        boxes = [(x + dx, y + dy, x + dx + width, y + dy + height) for dx, dy in choices]
        best = min(
            range(len(boxes)),
            key=lambda i: (
                sum(_overlap(boxes[i], other) for other in taken)
                + 50.0 * (boxes[i][3] > box.y1 * scale)
                + 50.0 * (boxes[i][2] > box.x1 * scale + 12.0),
                i,
            ),
        )
        taken.append(boxes[best])
        axes.annotate(
            point.label,
            (point.x, point.y),
            xytext=choices[best],
            textcoords="offset points",
            fontsize=8.7,
            color=SENTINELS["ink"],
            zorder=4,
        )


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the common area of two boxes (left, bottom, right, top)."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def reached_reliability(
    methods: Mapping[str, Sequence[Point]], *, target_reliability: float, slack: float
) -> Drawn:
    """Draw, for each class and method, the share within tolerance against the share trusted.

    Args:
        methods: points of each method, the deciding one first.
        target_reliability: the share that is targeted.
        slack: how far below it still counts as reached.
    """
    figure, axes = new_figure()
    axes.axhline(target_reliability, color=SENTINELS["ref"], linewidth=1.1, zorder=1.5)
    axes.axhspan(
        target_reliability - slack,
        target_reliability,
        color=SENTINELS["ref"],
        alpha=0.13,
        linewidth=0,
    )
    for place, (method, points) in enumerate(methods.items()):
        color = SENTINELS[("arm2", "arm1", "arm3", "arm4", "arm5", "arm0")[place % 6]]
        _marks(axes, points, color, "osD^vP"[place % 6], label=method, bold=place == 0)
    everything = [point for points in methods.values() for point in points]
    left = min(point.x for point in everything) / 1.4
    right = min(1.0, max(point.x for point in everything) * 1.6)
    left = min(left, right / LEAST_SPAN)
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    percent_log(axes.xaxis, left, right)
    low = min([target_reliability - slack, *(point.ends[0] for point in everything)])
    axes.set_ylim(max(0.0, low - 0.04), 1.01)
    percent_ticks(axes.yaxis)
    axes.set_xlabel("share of the class labeled trust")
    axes.set_ylabel("share of these within tolerance")
    legend(axes, 3)
    _name(axes, everything if len(everything) <= MANY_LABELS else next(iter(methods.values())))
    return Drawn(figure)


def labels(bars: Mapping[str, tuple[float, float, float]]) -> Drawn:
    """Draw the shares trusted, to be verified and deferred as bars, one per class.

    Args:
        bars: {class: (trusted, deferred, usable at best)}, from the top down; NaN for unknown.
    """
    figure, axes = new_figure()
    names = list(bars)
    trusted, deferred, best = np.array(list(bars.values())).T
    y = np.arange(len(names))[::-1]
    parts = (
        ("trust", "good", "", 0 * trusted, trusted),
        ("verify", "fair", "///", trusted, 1.0 - trusted - deferred),
        ("defer", "poor", "|||", 1.0 - deferred, deferred),
    )
    for name, color, hatch, left, width in parts:
        axes.barh(
            y, width, 0.66, left, linewidth=0, label=name, facecolor=SENTINELS[color],
            edgecolor=SENTINELS["bg"], hatch=hatch,
        )  # fmt: skip
    known = np.isfinite(best)
    axes.plot(
        best[known],
        y[known],
        color=SENTINELS["ink"],
        linestyle="",
        marker="|",
        markersize=13,
        markeredgewidth=1.8,
        label="at best",
    )
    axes.set_yticks(y, names)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0, labelcolor=SENTINELS["ink"])
    percent_ticks(axes.xaxis)
    axes.set_xlabel("share of the predictions")
    legend(axes, 4)
    return Drawn(figure)


def forecasts(points: Sequence[Point], *, in_domain: float | None, unit: str) -> Drawn:
    """Draw the forecast of each class's mean error against the true one, on log axes.

    Args:
        points: one per class.
        in_domain: mean error in-domain, drawn as a line; None for none.
        unit: of the errors.
    """
    figure, axes = new_figure()
    values = [v for point in points for v in (point.x, point.y, *point.ends) if v > 0]
    values += [in_domain] if in_domain else []
    low, high = min(values) / 1.35, max(values) * 1.35
    ends = np.array([low, high])
    axes.fill_between(ends, ends / 2, ends * 2, color=SENTINELS["ref"], alpha=0.13, linewidth=0)
    axes.plot(ends, ends, color=SENTINELS["ref"], linewidth=0.9)
    if in_domain:
        axes.axhline(
            in_domain,
            color=SENTINELS["in"],
            linewidth=1.1,
            linestyle=(0, (4, 3)),
            label="error in-domain",
        )
    _marks(axes, points, SENTINELS["out"], "s", label="held-out class", bold=True)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    plain_log(axes.xaxis, low, high)
    plain_log(axes.yaxis, low, high)
    axes.set_aspect("equal", adjustable="box")
    suffix = f" ({unit})" if unit else ""
    axes.set_xlabel(f"true mean error{suffix}")
    axes.set_ylabel(f"forecast{suffix}")
    legend(axes)
    _name(axes, points)
    return Drawn(figure)
