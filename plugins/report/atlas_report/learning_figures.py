"""Draw how a fit learns over its epochs, and an arm over its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from atlas_core.arrays import F8
from atlas_pages.formatting import listed
from atlas_pages.palette import ARM_COLORS, SENTINELS
from atlas_pages.panels import HEIGHT, WIDTH, Drawn, legend, new_figure
from atlas_report.ticks import plain_log

Curve = Mapping[str, Sequence[float | None]]


def learning_curves(curves: Sequence[Curve], *, unit: str) -> Drawn:
    """Draw training loss and validation error over the epochs, one thin line a fit."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    suffix = f" ({unit})" if unit else ""
    known = (
        ("train_loss", "training loss", "ref"),
        ("validation_mae", f"validation MAE{suffix}", "in"),
    )
    wanted = [w for w in known if any(_floats(c.get(w[0])).size for c in curves)]
    panels = figure.subplots(len(wanted), 1, sharex=True, squeeze=False)[:, 0]
    faint = float(np.clip(2.5 / len(curves), 0.3, 1.0))
    for axes, (key, label, color) in zip(panels, wanted, strict=True):
        lowest = np.inf
        for curve in curves:
            x, y = _floats(curve.get("epoch")), _floats(curve.get(key))
            n = min(len(x), len(y))
            if n:
                axes.plot(x[:n], y[:n], color=SENTINELS[color], linewidth=1.2, alpha=faint)
                positive = y[:n][np.isfinite(y[:n])]
                lowest = min(lowest, float(positive.min(initial=np.inf)))
        if np.isfinite(lowest) and lowest > 0:
            axes.set_yscale("log")
            low, high = axes.get_ylim()
            plain_log(axes.yaxis, low, high)
        axes.set_title(label, loc="left", fontsize=8.8)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    panels[-1].set_xlabel("epoch")
    return Drawn(figure)


def _floats(values: Sequence[float | None] | None) -> F8:
    return np.array([np.nan if v is None else float(v) for v in values or ()], dtype=np.float64)


def active_learning(
    lines: Mapping[str, tuple[F8, F8, F8, F8]], *, label: str, reference: str
) -> Drawn:
    """Draw a quantity against the number of labels, one line per arm.

    A line is thinner than those below it and has marks of its own, so that lines that coincide are
    distinguished; the note names those that do so all the way.

    Args:
        lines: {arm: (labeled, mean over folds, lowest, highest)}, (rounds,) each.
        label: of the vertical axis.
        reference: the arm drawn in gray, to hold the others against.
    """
    figure, axes = new_figure()
    styles: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
    markers = "osD^vP"
    others = [arm for arm in lines if arm != reference]
    for arm, (x, y, low, high) in sorted(lines.items(), key=lambda one: one[0] != reference):
        place = others.index(arm) if arm in others else 0
        gray = arm == reference
        color = SENTINELS["ref" if gray else ARM_COLORS[place % len(ARM_COLORS)]]
        if (high > low).any():
            axes.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)
        axes.plot(
            x,
            y,
            color=color,
            linestyle=(0, (3, 2)) if gray else styles[place % len(styles)],
            marker="" if gray else markers[place % len(markers)],
            markevery=(place % len(x), max(1, len(others))),
            markersize=4.5,
            linewidth=_width(len(others) if gray else len(others) - 1 - place),
            label=arm,
        )
    axes.set_xlabel("labeled materials")
    axes.set_ylabel(label)
    legend(axes, 3)
    notes = [f"The lines of {listed(arms)} coincide." for arms in coinciding(lines)]
    return Drawn(figure, " ".join(notes))


def _width(above: int) -> float:
    """Return how wide a line is with so many others on top of it."""
    return 1.3 + 1.1 * min(above, 5)


def coinciding(lines: Mapping[str, tuple[F8, F8, F8, F8]]) -> list[list[str]]:
    """Return the arms whose lines are one, where they are more than one."""
    found: dict[tuple[bytes, ...], list[str]] = {}
    for arm, (x, y, _, _) in lines.items():
        found.setdefault((x.tobytes(), y.tobytes()), []).append(arm)
    return [arms for arms in found.values() if len(arms) > 1]
