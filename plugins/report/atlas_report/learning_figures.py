"""Draw how a fit learns over its epochs, and an arm over its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from atlas_core.arrays import F8
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
        axes.set_title(label, loc="left", fontsize=8.5)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    panels[-1].set_xlabel("epoch")
    return Drawn(figure)


def _floats(values: Sequence[float | None] | None) -> F8:
    return np.array([np.nan if v is None else float(v) for v in values or ()], dtype=np.float64)


def active_learning(
    lines: Mapping[str, tuple[F8, F8, F8, F8]], *, label: str, reference: str
) -> Drawn:
    """Draw a quantity against the number of labels, one line per arm.

    Args:
        lines: {arm: (labeled, mean over folds, lowest, highest)}, (rounds,) each.
        label: of the vertical axis.
        reference: the arm drawn in gray, to hold the others against.
    """
    figure, axes = new_figure()
    styles: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
    markers = "osD^vP"
    others = [arm for arm in lines if arm != reference]
    for arm, (x, y, low, high) in lines.items():
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
            markersize=3.5,
            linewidth=1.5,
            label=arm,
        )
    axes.set_xlabel("labeled materials")
    axes.set_ylabel(label)
    legend(axes, 3)
    return Drawn(figure)
