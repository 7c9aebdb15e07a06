"""Draw ROC curves, and the probabilities of a class against what came true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from atlas_core.arrays import F8
from atlas_pages.formatting import fixed, percent
from atlas_pages.palette import PART_COLOR, SENTINELS
from atlas_pages.panels import Drawn, legend, new_figure
from atlas_report.figures import Parts, curve_points
from atlas_report.source import IN_DOMAIN, PART_LABEL
from atlas_statistics.binomial import wilson

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def roc_points(negative: F8, positive: F8) -> tuple[F8, F8, float]:
    """Return false and true positive rates from the highest score down, and the area below."""
    values = np.concatenate([negative, positive])
    truth = np.concatenate([np.zeros(len(negative)), np.ones(len(positive))])
    order = np.argsort(-values, kind="stable")
    ranked, truth = values[order], truth[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    tpr = np.concatenate([[0.0], np.cumsum(truth)[last] / len(positive)])
    fpr = np.concatenate([[0.0], np.cumsum(1 - truth)[last] / len(negative)])
    return fpr, tpr, float(np.trapezoid(tpr, fpr))


def thinned(x: F8, y: F8) -> tuple[F8, F8]:
    """Return a curve with as many vertices as a figure needs."""
    at = curve_points(len(x))
    return x[at], y[at]


def roc_axes(curves: Sequence[tuple[F8, F8, str, str, Any]]) -> Figure:
    """Draw curves of (negative, positive, label, color, line style)."""
    figure, axes = new_figure()
    axes.plot((0, 1), (0, 1), color=SENTINELS["ref"], linewidth=0.9)
    for negative, positive, label, color, style in curves:
        fpr, tpr, area = roc_points(negative, positive)
        x, y = thinned(fpr, tpr)
        axes.plot(x, y, color=SENTINELS[color], linestyle=style, label=f"{label}, AUROC {area:.3f}")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    axes.set_aspect("equal", adjustable="box")
    if curves:
        legend(axes, 1)
    return figure


def class_roc(parts: Parts, classes: tuple[str, str]) -> Drawn:
    """Draw how well P(1) tells the two classes, whose names are given, apart."""
    curves: list[tuple[F8, F8, str, str, Any]] = []
    for part, rows in parts.items():
        truth = rows.target > 0.5
        if truth.any() and not truth.all():
            style = "-" if part == IN_DOMAIN else (0, (5, 1.5))
            curves.append(
                (rows.mean[~truth], rows.mean[truth], PART_LABEL[part], PART_COLOR[part], style)
            )
    figure = roc_axes(curves)
    figure.axes[0].set_xlabel(f"share of {classes[0]} called {classes[1]}")
    figure.axes[0].set_ylabel(f"share of {classes[1]} called {classes[1]}")
    return Drawn(figure)


def reliability(parts: Parts, classes: tuple[str, str], *, base: float | None = None) -> Drawn:
    """Draw the observed share of class 1 against the predicted probability, in ten bins.

    Args:
        parts: rows by part, a material's target 0 or 1.
        classes: names of 0 and 1.
        base: share of class 1 that was known before, drawn as a line; None: none.
    """
    figure, axes = new_figure()
    axes.plot((0, 1), (0, 1), color=SENTINELS["ref"], linewidth=0.9)
    if base is not None:
        line: dict[str, Any] = {
            "color": SENTINELS["ref"],
            "linewidth": 1.1,
            "linestyle": (0, (1, 1.5)),
        }
        axes.axhline(base, **line, label=f"base rate, {percent(base)}")
    for part, rows in parts.items():
        which = np.minimum((rows.mean * 10).astype(np.int64), 9)
        bins = np.unique(which)
        x = np.array([rows.mean[which == b].mean() for b in bins])
        y = np.array([(rows.target[which == b] > 0.5).mean() for b in bins])
        share = np.array([(which == b).mean() for b in bins])
        color = SENTINELS[PART_COLOR[part]]
        style, marker = ("-", "o") if part == IN_DOMAIN else ((0, (5, 1.5)), "s")
        materials = [len(set(rows.ids[which == b].tolist())) for b in bins]
        for at, observed, n in zip(x, y, materials, strict=True):
            axes.plot([at] * 2, wilson(float(observed), n), color=color, linewidth=1.0, alpha=0.6)
        axes.plot(x, y, color=color, linestyle=style, linewidth=1.3)
        sizes = 18 + 220 * share
        axes.scatter(x, y, s=sizes, c=color, marker=marker, alpha=0.75, clip_on=False, zorder=3)
        axes.plot(
            [],
            [],
            color=color,
            linestyle=style,
            marker=marker,
            label=f"{PART_LABEL[part]}, n = {fixed(len(rows), 0)}",
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlabel(f"predicted probability of {classes[1]}")
    axes.set_ylabel(f"observed share of {classes[1]}")
    legend(axes)
    return Drawn(figure)
