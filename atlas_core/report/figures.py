"""Draw the figures of a report from arrays, in the colours of the palette; matplotlib on demand.

Every function returns a finished figure. Points beyond a limit are sampled by a fixed seed, never
by taking the head, and ``Drawn.note`` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.metrics import classification
from atlas_core.report.palette import ARM_COLOURS, PART_COLOUR, SENTINELS
from atlas_core.report.source import HELD_OUT, IN_DOMAIN, Rows
from atlas_core.report.words import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 4.0, 3.7  # inches: 384 CSS pixels wide, so that text keeps its size on a phone
POINTS = 3000  # a series; a dot costs 15 bytes
LAYERS = 12  # overlapping dots of one path do not darken; dots of several paths do
CURVE = 200  # vertices of a curve
FEWEST = 10  # rows whose mean error is drawn

PART_LABEL = {IN_DOMAIN: "in-domain", HELD_OUT: "held out"}
Parts = Mapping[str, Rows]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Hold a figure, and what its caption must add (points sampled, rows left out)."""

    figure: Figure
    note: str = ""


def _axes() -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    return figure, figure.subplots()


def _legend(axes: Axes, columns: int = 2) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        handlelength=1.6,
        columnspacing=1.2,
        handletextpad=0.5,
    )


def sampled(n: int, limit: int = POINTS) -> I8:
    """Return row numbers of a fixed random sample, ascending; all n where they are few enough."""
    if n <= limit:
        return np.arange(n, dtype=np.int64)
    return np.sort(np.random.default_rng(0).choice(n, size=limit, replace=False))


def _dots(axes: Axes, x: F8, y: F8, part: str, *, label: str) -> str:
    """Draw points as lines of no length; return a note where they were sampled."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    colour = SENTINELS[PART_COLOUR[part]]
    chosen = sampled(len(x))
    size = float(np.interp(len(chosen), [30, 300, 3000], [5.0, 3.6, 2.4]))
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
                edgecolor=colour,
                linewidth=size,
                capstyle="round",
                alpha=0.55,
            )
        )
    handle = Line2D([], [], marker="o", linestyle="", markersize=4.5, color=colour, label=label)
    axes.add_line(handle)
    if len(chosen) == len(x):
        return ""
    return f"{len(chosen)} of {len(x)} {PART_LABEL[part]} points drawn, a random sample."


def _join(notes: Sequence[str]) -> str:
    return " ".join(note for note in notes if note)


def parity(parts: Parts, *, target: str, unit: str) -> Drawn:
    """Draw predicted against true values."""
    figure, axes = _axes()
    values = np.concatenate([v for rows in parts.values() for v in (rows.target, rows.mean)])
    low, high = float(values.min()), float(values.max())
    pad = 0.04 * ((high - low) or 1.0)
    ends = (low - pad, high + pad)
    axes.plot(ends, ends, color=SENTINELS["ref"], linewidth=0.9, zorder=1.5)
    notes = [
        _dots(axes, rows.target, rows.mean, part, label=f"{PART_LABEL[part]}, n = {len(rows)}")
        for part, rows in parts.items()
    ]
    axes.set_xlim(ends)
    axes.set_ylim(ends)
    axes.set_aspect("equal", adjustable="box")
    suffix = f" ({unit})" if unit else ""
    axes.set_xlabel(f"true {target}{suffix}")
    axes.set_ylabel(f"predicted{suffix}")
    _legend(axes)
    return Drawn(figure, _join(notes))


def calibration(parts: Parts) -> Drawn:
    """Draw observed against expected coverage of Gaussian intervals, and of the stored ones."""
    from scipy.special import erf

    figure, axes = _axes()
    axes.plot((0, 1), (0, 1), color=SENTINELS["ref"], linewidth=0.9)
    grid = np.linspace(0, 1, 101)
    for part, rows in parts.items():
        colour = SENTINELS[PART_COLOUR[part]]
        known = np.isfinite(rows.std)
        if known.any():
            error, std = rows.error[known], rows.std[known]
            z = np.divide(error, std, out=np.where(error > 0, np.inf, 0.0), where=std > 0)
            reached = np.sort(erf(z / np.sqrt(2)))
            observed = np.searchsorted(reached, grid, side="right") / len(reached)
            style = "-" if part == IN_DOMAIN else (0, (5, 1.5))
            axes.plot(
                grid, observed, color=colour, linestyle=style, label=f"{PART_LABEL[part]}, sigma"
            )
        points = []
        for level, (lower, upper) in rows.intervals.items():
            usable = ~(np.isnan(lower) | np.isnan(upper))
            if usable.any():
                inside = (lower <= rows.target) & (rows.target <= upper)
                points.append((level, float(inside[usable].mean())))
        if points:
            x, y = np.array(points).T
            axes.plot(
                x,
                y,
                color=colour,
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
    axes.set_xlabel("promised coverage")
    axes.set_ylabel("observed coverage")
    _legend(axes)
    return Drawn(figure)


def error_against_sigma(parts: Parts, *, unit: str) -> Drawn:
    """Draw |error| against sigma, with the RMS error of bins of equal count, on log axes."""
    figure, axes = _axes()
    usable = {
        part: rows.where(np.isfinite(rows.std) & (rows.std > 0)) for part, rows in parts.items()
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
        _outlined(
            axes, x, y, SENTINELS[PART_COLOUR[part]], marker="o" if part == IN_DOMAIN else "s"
        )
    ends = np.array([min(left, bottom), max(right, top)])
    axes.plot(ends, ends, color=SENTINELS["ref"], linewidth=0.9, zorder=1.5)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    _plain_log(axes.xaxis, left, right)
    _plain_log(axes.yaxis, bottom, top)
    suffix = f" ({unit})" if unit else ""
    axes.set_xlabel(f"predicted sigma{suffix}")
    axes.set_ylabel(f"absolute error{suffix}")
    _legend(axes)
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


def _outlined(axes: Axes, x: F8, y: F8, colour: str, *, marker: str) -> None:
    axes.plot(x, y, color=SENTINELS["bg"], linewidth=3.4, zorder=3)
    axes.plot(
        x,
        y,
        color=colour,
        linewidth=1.6,
        marker=marker,
        markersize=5.5,
        markeredgecolor=SENTINELS["bg"],
        markeredgewidth=1.0,
        zorder=3.1,
    )


def _plain_log(axis: Any, low: float, high: float) -> None:
    """Label a log axis with plain numbers: decades, or 1-2-5 where there are few."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    steps = (1, 2, 5) if np.log10(high / low) < 1.7 else (1,)
    stride = max(1, (last - first) // 6)
    ticks = [s * 10.0**e for e in range(first, last + 1, stride) for s in steps]
    axis.set_major_locator(FixedLocator([t for t in ticks if low <= t <= high]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))


def risk_coverage(parts: Parts, *, unit: str, binary: bool) -> Drawn:
    """Draw the error of the kept rows while the least certain ones are handed back."""
    figure, axes = _axes()
    top = 0.0
    for part, rows in parts.items():
        known = np.isfinite(rows.std)
        if not known.any():
            continue
        held = rows.where(known)
        error = held.error
        if binary:
            error = classification.wrong(held.target, held.mean).astype(np.float64)
        colour = SENTINELS[PART_COLOUR[part]]
        at = _curve_points(len(error))
        at = at[at >= min(FEWEST, len(error)) - 1]  # the mean of a handful is noise
        kept = (at + 1) / len(error)
        for order, style, width, label in (
            (held.std, "-", 1.7, f"{PART_LABEL[part]}, by sigma"),
            (error, ":", 1.2, f"{PART_LABEL[part]}, ideal"),
        ):
            ranked = error[np.argsort(order, kind="stable")]
            risk = (np.cumsum(ranked) / np.arange(1, len(error) + 1))[at]
            top = max(top, float(risk[kept >= 0.05].max(initial=0.0)))
            axes.plot(kept, risk, color=colour, linestyle=style, linewidth=width, label=label)
        axes.axhline(float(error.mean()), color=colour, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, (top or 1.0) * 1.08)
    axes.set_xlabel("share of materials kept, most certain first")
    suffix = f" ({unit})" if unit else ""
    axes.set_ylabel("share misclassified" if binary else f"MAE of the kept ones{suffix}")
    _legend(axes)
    return Drawn(figure)


def _curve_points(n: int) -> I8:
    return np.unique(np.linspace(0, n - 1, min(n, CURVE)).round().astype(np.int64))


def several(parts: Parts) -> bool:
    """Return whether the scored rows are of more than one fold."""
    folds = {f for rows in parts.values() for f in rows.fold[np.isfinite(rows.score)].tolist()}
    return len(folds) > 1


def _of_fold(parts: Parts, fold: str) -> dict[str, Rows]:
    return {part: rows.where(rows.fold == fold) for part, rows in parts.items()}


def limits(parts: Parts) -> dict[str, float] | None:
    """Return the threshold of each fold; None where that of one cannot be told from its rows."""
    folds = dict.fromkeys(f for rows in parts.values() for f in rows.fold.tolist())
    found = {fold: threshold(_of_fold(parts, fold)) for fold in folds}
    known = {fold: limit for fold, limit in found.items() if limit is not None}
    return known if len(known) == len(found) else None


def _standardised(parts: Parts) -> dict[str, F8]:
    """Return scores as distances from their fold's threshold (median), in its in-domain std."""
    known = limits(parts)
    reference = parts.get(IN_DOMAIN, next(iter(parts.values())))
    out = {}
    for part, rows in parts.items():
        scores = np.full(len(rows), np.nan)
        for fold in dict.fromkeys(rows.fold.tolist()):
            own = reference.score[(reference.fold == fold) & np.isfinite(reference.score)]
            if not len(own):
                continue
            zero = float(np.median(own)) if known is None else known[fold]
            mine = rows.fold == fold
            scores[mine] = (rows.score[mine] - zero) / (float(own.std()) or 1.0)
        out[part] = scores
    return out


def score_histograms(parts: Parts) -> Drawn:
    """Draw the OOD scores of both parts, and the threshold; of several folds on one scale."""
    figure, axes = _axes()
    folds = several(parts)
    scores = _standardised(parts) if folds else {part: rows.score for part, rows in parts.items()}
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
        colour = SENTINELS[PART_COLOUR[part]]
        axes.stairs(counts / len(values), edges, fill=True, color=colour, alpha=0.28)
        style = "-" if part == IN_DOMAIN else (0, (5, 1.5))
        axes.stairs(
            counts / len(values),
            edges,
            color=colour,
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
        _plain_log(axes.xaxis, low, high)
    axes.set_ylim(bottom=0)
    far = "farther →" if folds else "farther from the training data →"
    axes.set_xlabel(f"OOD score{', on the scale of its fold' if folds else ''} ({far})")
    axes.set_ylabel("share of materials")
    _legend(axes, 3)
    lie = count(beyond, "material lies", "materials lie")
    return Drawn(figure, f"{lie} beyond the right edge." if beyond else "")


def threshold(parts: Parts) -> float | None:
    """Return the score between flagged and unflagged rows; None where folds have their own."""
    flagged = np.concatenate([rows.score[rows.outside] for rows in parts.values()])
    passed = np.concatenate([rows.score[~rows.outside] for rows in parts.values()])
    flagged, passed = flagged[np.isfinite(flagged)], passed[np.isfinite(passed)]
    if not len(flagged) or not len(passed) or flagged.min() <= passed.max():
        return None
    return float((flagged.min() + passed.max()) / 2)


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


def _thinned(x: F8, y: F8) -> tuple[F8, F8]:
    at = _curve_points(len(x))
    return x[at], y[at]


def _roc_axes(curves: Sequence[tuple[F8, F8, str, str, Any]]) -> Figure:
    """Draw curves of (negative, positive, label, colour, line style)."""
    figure, axes = _axes()
    axes.plot((0, 1), (0, 1), color=SENTINELS["ref"], linewidth=0.9)
    for negative, positive, label, colour, style in curves:
        fpr, tpr, area = roc_points(negative, positive)
        x, y = _thinned(fpr, tpr)
        axes.plot(
            x, y, color=SENTINELS[colour], linestyle=style, label=f"{label}, AUROC {area:.3f}"
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    axes.set_aspect("equal", adjustable="box")
    if curves:
        _legend(axes, 1)
    return figure


def ood_roc(parts: Parts) -> Drawn:
    """Draw how well score and sigma tell held-out rows from in-domain rows, fold by fold."""
    inside, outside = parts[IN_DOMAIN], parts[HELD_OUT]
    folds = [f for f in dict.fromkeys(inside.fold.tolist()) if (outside.fold == f).any()]
    grid = np.linspace(0, 1, CURVE + 1)
    figure = _roc_axes([])
    axes = figure.axes[0]
    for name, colour, style in (("score", "arm3", "-"), ("std", "arm2", (0, (5, 1.5)))):
        values = (getattr(inside, name), getattr(outside, name))
        pairs = [(values[0][inside.fold == f], values[1][outside.fold == f]) for f in folds]
        if not pairs or not all(np.isfinite(side).all() for pair in pairs for side in pair):
            continue
        label = "OOD score" if name == "score" else "sigma alone"
        drawn = [roc_points(*pair) for pair in pairs]
        mean = float(np.mean([area for _, _, area in drawn]))
        thin = len(drawn) > 1
        for fpr, tpr, _ in drawn:
            x, y = _thinned(fpr, tpr)
            text = None if thin else f"{label}, AUROC {mean:.3f}"
            line: dict[str, Any] = {"linewidth": 0.7, "alpha": 0.55} if thin else {}
            axes.plot(x, y, color=SENTINELS[colour], linestyle=style, label=text, **line)
        if thin:
            height = np.mean([_height(grid, fpr, tpr) for fpr, tpr, _ in drawn], axis=0)
            text = f"{label}, mean AUROC {mean:.3f}"
            axes.plot(grid, height, color=SENTINELS[colour], linestyle=style, label=text)
    _legend(axes, 1)
    axes.set_xlabel("share of in-domain flagged by mistake")
    axes.set_ylabel("share of held-out flagged")
    return Drawn(figure)


def _height(grid: F8, fpr: F8, tpr: F8) -> F8:
    """Return the height of a ROC curve over ``grid``: the upper end where it rises upright."""
    last = np.searchsorted(fpr, grid, side="right") - 1
    at = np.interp(grid, fpr, tpr)
    return np.where(fpr[last] == grid, tpr[last], at)


def class_roc(parts: Parts) -> Drawn:
    """Draw how well P(1) tells the two classes apart."""
    curves: list[tuple[F8, F8, str, str, Any]] = []
    for part, rows in parts.items():
        truth = rows.target > 0.5
        if truth.any() and not truth.all():
            style = "-" if part == IN_DOMAIN else (0, (5, 1.5))
            curves.append(
                (rows.mean[~truth], rows.mean[truth], PART_LABEL[part], PART_COLOUR[part], style)
            )
    figure = _roc_axes(curves)
    figure.axes[0].set_xlabel("share of class 0 called 1")
    figure.axes[0].set_ylabel("share of class 1 called 1")
    return Drawn(figure)


def reliability(parts: Parts) -> Drawn:
    """Draw the observed share of class 1 against the predicted probability, in ten bins."""
    figure, axes = _axes()
    axes.plot((0, 1), (0, 1), color=SENTINELS["ref"], linewidth=0.9)
    for part, rows in parts.items():
        which = np.minimum((rows.mean * 10).astype(np.int64), 9)
        bins = np.unique(which)
        x = np.array([rows.mean[which == b].mean() for b in bins])
        y = np.array([(rows.target[which == b] > 0.5).mean() for b in bins])
        share = np.array([(which == b).mean() for b in bins])
        colour = SENTINELS[PART_COLOUR[part]]
        style = "-" if part == IN_DOMAIN else (0, (5, 1.5))
        axes.plot(x, y, color=colour, linestyle=style, linewidth=1.3)
        axes.scatter(x, y, s=18 + 220 * share, color=colour, alpha=0.75, clip_on=False, zorder=3)
        axes.plot(
            [],
            [],
            color=colour,
            linestyle=style,
            marker="o",
            label=f"{PART_LABEL[part]}, n = {len(rows)}",
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlabel("predicted probability of class 1")
    axes.set_ylabel("observed share of class 1")
    _legend(axes)
    return Drawn(figure)


@dataclass(frozen=True)
class Point:
    """Hold a labelled mark, and the ends of its interval along y."""

    label: str
    x: float
    y: float
    ends: tuple[float, float]


MANY_LABELS = 14
"""More marks of one series than this go without labels."""


def _marks(
    axes: Axes, points: Sequence[Point], colour: str, marker: str, *, label: str, bold: bool
) -> None:
    """Draw marks with upright intervals."""
    for point in points:
        axes.plot(
            [point.x] * 2, point.ends, color=colour, linewidth=1.0, alpha=0.55 if bold else 0.35
        )
    axes.plot(
        [point.x for point in points],
        [point.y for point in points],
        color=colour,
        linestyle="",
        marker=marker,
        markersize=6.0 if bold else 4.5,
        markerfacecolor=colour if bold else SENTINELS["bg"],
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
            fontsize=8,
            color=SENTINELS["ink"],
            zorder=4,
        )


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the common area of two boxes (left, bottom, right, top)."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def kept_promises(
    methods: Mapping[str, Sequence[Point]], *, confidence: float, slack: float
) -> Drawn:
    """Draw, for each class and method, the share within budget against the share trusted.

    Args:
        methods: points of each method, the deciding one first.
        confidence: what was promised.
        slack: how far below it still counts as kept.
    """
    figure, axes = _axes()
    axes.axhline(confidence, color=SENTINELS["ref"], linewidth=1.1, zorder=1.5)
    axes.axhspan(confidence - slack, confidence, color=SENTINELS["ref"], alpha=0.13, linewidth=0)
    for place, (method, points) in enumerate(methods.items()):
        colour = SENTINELS[("arm2", "arm1", "arm3", "arm4", "arm5", "arm0")[place % 6]]
        _marks(axes, points, colour, "osD^vP"[place % 6], label=method, bold=place == 0)
    everything = [point for points in methods.values() for point in points]
    left = min(point.x for point in everything) / 1.4
    right = min(1.0, max(point.x for point in everything) * 1.6)
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    _percent_log(axes.xaxis, left, right)
    low = min([confidence - slack, *(point.ends[0] for point in everything)])
    axes.set_ylim(max(0.0, low - 0.04), 1.01)
    _percent(axes.yaxis)
    axes.set_xlabel("share of the class that may be used")
    axes.set_ylabel("share of these within budget")
    _legend(axes, 3)
    _name(axes, next(iter(methods.values())))
    return Drawn(figure)


def labels(bars: Mapping[str, tuple[float, float, float]]) -> Drawn:
    """Draw the shares trusted, to be verified and deferred as bars, one a class.

    Args:
        bars: {class: (trusted, deferred, usable at best)}, from the top down; NaN for unknown.
    """
    figure, axes = _axes()
    names = list(bars)
    trusted, deferred, best = np.array(list(bars.values())).T
    y = np.arange(len(names))[::-1]
    parts = (
        ("trust", "good", 0 * trusted, trusted),
        ("verify", "fair", trusted, 1.0 - trusted - deferred),
        ("defer", "poor", 1.0 - deferred, deferred),
    )
    for name, colour, left, width in parts:
        axes.barh(y, width, 0.66, left, color=SENTINELS[colour], alpha=0.8, label=name)
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
    _percent(axes.xaxis)
    axes.set_xlabel("share of the predictions")
    _legend(axes, 4)
    return Drawn(figure)


def _percent(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))


def _percent_log(axis: Any, low: float, high: float) -> None:
    from matplotlib.ticker import FuncFormatter

    _plain_log(axis, low, high)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))


def forecasts(points: Sequence[Point], *, in_domain: float | None, unit: str) -> Drawn:
    """Draw the forecast of each class's mean error against the true one, on log axes.

    Args:
        points: one a class.
        in_domain: mean error in-domain, drawn as a line; None for none.
        unit: of the errors.
    """
    figure, axes = _axes()
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
    _marks(axes, points, SENTINELS["out"], "o", label="held-out class", bold=True)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    _plain_log(axes.xaxis, low, high)
    _plain_log(axes.yaxis, low, high)
    axes.set_aspect("equal", adjustable="box")
    suffix = f" ({unit})" if unit else ""
    axes.set_xlabel(f"true mean error{suffix}")
    axes.set_ylabel(f"forecast{suffix}")
    _legend(axes)
    _name(axes, points)
    return Drawn(figure)


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
    for axes, (key, label, colour) in zip(panels, wanted, strict=True):
        lowest = np.inf
        for curve in curves:
            x, y = _floats(curve.get("epoch")), _floats(curve.get(key))
            n = min(len(x), len(y))
            if n:
                axes.plot(x[:n], y[:n], color=SENTINELS[colour], linewidth=1.2, alpha=faint)
                positive = y[:n][np.isfinite(y[:n])]
                lowest = min(lowest, float(positive.min(initial=np.inf)))
        if np.isfinite(lowest) and lowest > 0:
            axes.set_yscale("log")
            low, high = axes.get_ylim()
            _plain_log(axes.yaxis, low, high)
        axes.set_title(label, loc="left", fontsize=8.5)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    panels[-1].set_xlabel("epoch")
    return Drawn(figure)


def _floats(values: Sequence[float | None] | None) -> F8:
    return np.array([np.nan if v is None else float(v) for v in values or ()], dtype=np.float64)


def active_learning(
    lines: Mapping[str, tuple[F8, F8, F8, F8]], *, label: str, reference: str
) -> Drawn:
    """Draw a quantity against the number of labels, one line an arm.

    Args:
        lines: {arm: (labelled, mean over folds, lowest, highest)}, (rounds,) each.
        label: of the vertical axis.
        reference: the arm drawn in grey, to hold the others against.
    """
    figure, axes = _axes()
    styles: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
    markers = "osD^vP"
    others = [arm for arm in lines if arm != reference]
    for arm, (x, y, low, high) in lines.items():
        place = others.index(arm) if arm in others else 0
        grey = arm == reference
        colour = SENTINELS["ref" if grey else ARM_COLOURS[place % len(ARM_COLOURS)]]
        if (high > low).any():
            axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            x,
            y,
            color=colour,
            linestyle=(0, (3, 2)) if grey else styles[place % len(styles)],
            marker="" if grey else markers[place % len(markers)],
            markersize=3.5,
            linewidth=1.5,
            label=arm,
        )
    axes.set_xlabel("labelled materials")
    axes.set_ylabel(label)
    _legend(axes, 3)
    return Drawn(figure)


def candidates(groups: Mapping[str, tuple[str, F8]], training: F8, *, label: str) -> Drawn:
    """Draw how predictions for candidates spread, stacked, over the true values of training.

    Args:
        groups: {colour: (name, predictions)}, from the bottom up.
        training: (t,) true values of the training materials.
        label: of the axis.
    """
    figure, axes = _axes()
    values = np.concatenate([training, *(some for _, some in groups.values())])
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high if high > low else low + 1.0, 61)
    total = sum(len(some) for _, some in groups.values())
    floor = np.zeros(60)
    for colour, (name, some) in groups.items():
        top = floor + np.histogram(some, edges)[0] / max(total, 1)
        axes.stairs(
            top,
            edges,
            baseline=floor,
            fill=True,
            color=SENTINELS[colour],
            label=f"{name}, n = {len(some)}",
        )
        floor = top
    share = np.histogram(training, edges)[0] / max(len(training), 1)
    line = f"training, n = {len(training)}"
    axes.stairs(share, edges, color=SENTINELS["ink"], linewidth=1.0, label=line)
    axes.set_xlabel(label)
    axes.set_ylabel("share of materials")
    _legend(axes)
    return Drawn(figure)
