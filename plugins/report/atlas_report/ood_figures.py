"""Draw OOD scores, and how well they tell held-out materials from in-domain ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from atlas_core.arrays import F8
from atlas_core.data.predictions import Predictions
from atlas_pages.formatting import count
from atlas_pages.palette import PART_COLOR, SENTINELS
from atlas_pages.panels import Drawn, legend, new_figure
from atlas_report.class_figures import roc_axes, roc_points, thinned
from atlas_report.figures import CURVE, Parts
from atlas_report.source import HELD_OUT, IN_DOMAIN, PART_LABEL
from atlas_report.ticks import plain_log


def several(parts: Parts) -> bool:
    """Return whether the scored rows are of more than one fold."""
    folds = {f for rows in parts.values() for f in rows.fold[np.isfinite(rows.ood_score)].tolist()}
    return len(folds) > 1


def _of_fold(parts: Parts, fold: str) -> dict[str, Predictions]:
    return {part: rows.take(rows.fold == fold) for part, rows in parts.items()}


def limits(parts: Parts) -> dict[str, float] | None:
    """Return the threshold of each fold; None if one cannot be determined from its rows."""
    folds = dict.fromkeys(f for rows in parts.values() for f in rows.fold.tolist())
    found = {fold: threshold(_of_fold(parts, fold)) for fold in folds}
    known = {fold: limit for fold, limit in found.items() if limit is not None}
    return known if len(known) == len(found) else None


def _standardized(parts: Parts) -> dict[str, F8]:
    """Return scores as distances from their fold's threshold (median), in its in-domain std."""
    known = limits(parts)
    reference = parts.get(IN_DOMAIN, next(iter(parts.values())))
    out = {}
    for part, rows in parts.items():
        scores = np.full(len(rows), np.nan)
        for fold in dict.fromkeys(rows.fold.tolist()):
            own = reference.ood_score[(reference.fold == fold) & np.isfinite(reference.ood_score)]
            if not len(own):
                continue
            zero = float(np.median(own)) if known is None else known[fold]
            mine = rows.fold == fold
            scores[mine] = (rows.ood_score[mine] - zero) / (float(own.std()) or 1.0)
        out[part] = scores
    return out


def score_histograms(parts: Parts) -> Drawn:
    """Draw the OOD scores of both parts, and the threshold; of several folds on one scale."""
    figure, axes = new_figure()
    folds = several(parts)
    scores = (
        _standardized(parts) if folds else {part: rows.ood_score for part, rows in parts.items()}
    )
    scores = {part: values[np.isfinite(values)] for part, values in scores.items()}
    scores = {part: values for part, values in scores.items() if len(values)}
    everything = np.concatenate(list(scores.values()))
    positive = bool((everything > 0).all())
    logarithmic = positive and float(np.quantile(everything, 0.99) / np.median(everything)) > 8
    low, high = float(everything.min()), float(everything.max())
    beyond = 0
    if folds and not logarithmic:  # a scale of its own per fold: a few rows may lie far away
        high = min(high, float(np.quantile(everything, 0.99)))
        beyond = int((everything > high).sum())
    if high <= low:
        low, high, logarithmic = low - 0.5, high + 0.5, False
    edges = np.geomspace(low, high, 41) if logarithmic else np.linspace(low, high, 41)
    for part, values in scores.items():
        counts, _ = np.histogram(values, edges)
        color = SENTINELS[PART_COLOR[part]]
        axes.stairs(counts / len(values), edges, fill=True, color=color, alpha=0.28)
        style = "-" if part == IN_DOMAIN else (0, (5, 1.5))
        axes.stairs(
            counts / len(values),
            edges,
            color=color,
            linewidth=1.3,
            linestyle=style,
            label=PART_LABEL[part],
        )
    limit = threshold(parts)
    if folds:
        limit = None if limits(parts) is None else 0.0
    if limit is not None:
        axes.axvline(limit, color=SENTINELS["ink"], linewidth=1.0, label="flagged beyond")
    if logarithmic:
        axes.set_xscale("log")
        plain_log(axes.xaxis, low, high)
    axes.set_ylim(bottom=0)
    far = "farther →" if folds else "farther from the training data →"
    axes.set_xlabel(f"OOD score{', on the scale of its fold' if folds else ''} ({far})")
    axes.set_ylabel("share of materials")
    legend(axes, 3)
    lie = count(beyond, "material lies", "materials lie")
    return Drawn(figure, f"{lie} beyond the right edge." if beyond else "")


def threshold(parts: Parts) -> float | None:
    """Return the score between flagged and unflagged rows; None where folds have their own."""
    flagged = np.concatenate([rows.ood_score[rows.outside] for rows in parts.values()])
    passed = np.concatenate([rows.ood_score[~rows.outside] for rows in parts.values()])
    flagged, passed = flagged[np.isfinite(flagged)], passed[np.isfinite(passed)]
    if not len(flagged) or not len(passed) or flagged.min() <= passed.max():
        return None
    return float((flagged.min() + passed.max()) / 2)


def ood_roc(parts: Parts, rule: Mapping[str, Any] | None) -> Drawn:
    """Draw how well score and sigma tell held-out rows from in-domain rows, fold by fold.

    Args:
        parts: rows by part, both.
        rule: shares that the rule of unseen elements flags, each {"value"}; None without it.
    """
    inside, outside = parts[IN_DOMAIN], parts[HELD_OUT]
    folds = [f for f in dict.fromkeys(inside.fold.tolist()) if (outside.fold == f).any()]
    grid = np.linspace(0, 1, CURVE + 1)
    figure = roc_axes([])
    axes = figure.axes[0]
    for name, color, style in (("ood_score", "arm3", "-"), ("std", "arm2", (0, (5, 1.5)))):
        values = (getattr(inside, name), getattr(outside, name))
        pairs = [(values[0][inside.fold == f], values[1][outside.fold == f]) for f in folds]
        if not pairs or not all(np.isfinite(side).all() for pair in pairs for side in pair):
            continue
        label = "OOD score" if name == "ood_score" else "sigma alone"
        drawn = [roc_points(*pair) for pair in pairs]
        mean = float(np.mean([area for _, _, area in drawn]))
        thin = len(drawn) > 1
        for fpr, tpr, _ in drawn:
            x, y = thinned(fpr, tpr)
            text = None if thin else f"{label}, AUROC {mean:.3f}"
            line: dict[str, Any] = {"linewidth": 0.7, "alpha": 0.55} if thin else {}
            axes.plot(x, y, color=SENTINELS[color], linestyle=style, label=text, **line)
        if thin:
            height = np.mean([_height(grid, fpr, tpr) for fpr, tpr, _ in drawn], axis=0)
            text = f"{label}, mean AUROC {mean:.3f}"
            axes.plot(grid, height, color=SENTINELS[color], linestyle=style, label=text)
    if rule:
        x, y = (rule[f"share_flagged_{part}"]["value"] for part in (IN_DOMAIN, HELD_OUT))
        axes.plot(
            x, y, color=SENTINELS["ink"], marker="X", markersize=7, linestyle="", clip_on=False,
            zorder=4, label=f"unseen element, AUROC {rule['auroc']['value']:.3f}",
        )  # fmt: skip
    legend(axes, 1)
    axes.set_xlabel("share of in-domain flagged by mistake")
    axes.set_ylabel("share of held-out flagged")
    return Drawn(figure)


def _height(grid: F8, fpr: F8, tpr: F8) -> F8:
    """Return the height of a ROC curve over ``grid``: the upper end where it rises upright."""
    last = np.searchsorted(fpr, grid, side="right") - 1
    at = np.interp(grid, fpr, tpr)
    return np.where(fpr[last] == grid, tpr[last], at)
