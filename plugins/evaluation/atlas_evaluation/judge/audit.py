"""What a split tests, judged from the figures of :mod:`atlas_evaluation.audit`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from atlas_core.arrays import F8
from atlas_core.kinds.split import Split
from atlas_evaluation.judge.figures import Figure
from atlas_evaluation.judge.finding import Finding
from atlas_statistics.binomial import Z_95

Kind = Literal["extrapolation", "interpolation", "mixed", "degenerate", "in-domain"]

WORSE = 1.5  # times the in-domain error; as the verdict on an arm has it
FARTHER = 0.7  # AUROC of the distance; below it most held-out rows have in-domain distances
MOSTLY = 0.8  # share of the tested folds that names a split of several
MOST = 0.6  # share of all rows in one class, from which the class is the rule and not the exception
FEW = 20  # rows; an error ratio of fewer is off by a quarter or more by chance
NEAR = 0.03  # distance of fractions; one atom in fifty exchanged moves a material by 0.028
LEAKED = 0.05  # share of test rows with a formula in training that is worth a sentence
OOD_TEST_TARGET = 0.5  # Kolmogorov-Smirnov distance; half of the targets would have to move
NEIGHBORS = 5  # of the trivial model

VIEWS = ("fractions", "statistics")
"""The core's own views, by which a split is evaluated; those of an arm are measured beside."""

Figures = dict[str, Any]
of = Finding.of


@dataclass(frozen=True)
class FoldAudit:
    """What one fold tests.

    Attributes:
        fold: its name.
        held_out: the held-out class in words, "" where there is none.
        kind: ``extrapolation``, ``interpolation``, ``degenerate`` or ``in-domain``.
        findings: what the judgment rests on.
        figures: every figure that it rests on, as plain data.
    """

    fold: str
    held_out: str
    kind: Kind
    findings: tuple[Finding, ...]
    figures: Figures


@dataclass(frozen=True)
class SplitAudit:
    """What a split tests.

    Attributes:
        kind: as of a fold, or ``mixed``.
        headline: the judgment; all that some readers will read.
        findings: what it rests on.
        folds: one audit per fold.
        figures: numbers of all folds together.
    """

    kind: Kind
    headline: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    folds: tuple[FoldAudit, ...]
    figures: Figures


LIMITS = {
    "worse": WORSE,
    "farther": FARTHER,
    "mostly": MOSTLY,
    "most": MOST,
    "few": FEW,
    "near": NEAR,
    "leaked": LEAKED,
    "ood_test_target": OOD_TEST_TARGET,
    "neighbors": NEIGHBORS,
}


Relative = Mapping[str, Mapping[str, F8]]
"""By view, (h,) figures of a fold's held-out rows against its in-domain ones: ``error`` over their
mean, ``typical`` error over their median, and ``rank``, the share of them that are nearer."""


def _best(views: Mapping[str, Figures]) -> str:
    """Return the core's own view in which held-out rows are easiest, "" without a ratio."""
    known = [n for n in VIEWS if views.get(n, {}).get("error_ratio") is not None]
    return min(known, key=lambda name: _harder(views[name]), default="")


def _harder(view: Figures) -> float:
    """Return how much larger held-out errors are, by mean or by median, whichever is more.

    Errors have heavy tails: a class whose typical row is ``WORSE`` times as hard is new ground
    though a few large in-domain errors level the means, and so is one with few but large errors.
    """
    ratios = [view.get("error_ratio"), view.get("error_ratio_median")]
    return max(float(ratio) for ratio in ratios if ratio is not None)


def error_ratio(view: Figures) -> Figure:
    """Return the ratio of mean errors with its 95 % interval over rows, where that is known."""
    ratio, std = view["error_ratio"], view.get("error_ratio_std")
    room = np.inf if std is None else Z_95 * std
    return Figure(ratio, max(0.0, ratio - room) if std is not None else -np.inf, ratio + room)


def undecided(view: Figures) -> bool:
    """Return whether the interval of the ratio holds the border, so that chance decided.

    Where the median decides, the interval of the mean says nothing of it.
    """
    ratio, median = error_ratio(view), view.get("error_ratio_median") or 0.0
    return ratio.known and median < WORSE and ratio.low < WORSE <= ratio.high


def _times(view: Figures) -> dict[str, Any]:
    """Return the ratio of means, and that of the medians where it judges otherwise."""
    mean, median = view["error_ratio"], view.get("error_ratio_median")
    alike = median is None or (mean >= WORSE) == (median >= WORSE)
    return {"times": error_ratio(view), "by_median": None if alike else median}


def _kind(view: Figures) -> Kind:
    return "extrapolation" if _harder(view) >= WORSE else "interpolation"


def judge(split: Split, figures: Figures) -> FoldAudit:
    """Return the judgment of one fold."""
    kind, findings = _judged(figures)
    every = (*findings, *_about_target(figures), *_about_formulas(figures, kind))
    return FoldAudit(split.name, split.held_out, kind, every, figures)


def _judged(figures: Figures) -> tuple[Kind, list[Finding]]:
    held, share = figures["rows"]["held_out"], figures["share_held_out"]
    if not held:
        return "in-domain", []
    if held < FEW:
        return "degenerate", [of("class_too_small", rows=held)]
    if share > MOST:
        rows = {"rows": held, "train": figures["rows"]["train"]}
        return "degenerate", [of("class_is_the_rule", share=share, **rows)]
    size, views = of("class_size", rows=held, share=share), figures["views"]
    if not (best := _best(views)):
        return "degenerate", [size, of("neighbors_err_nowhere")]
    kind = _kind(views[best])
    return kind, [size, *_about_neighbors(views, kind), *_border(views[best])]


def _border(view: Figures) -> list[Finding]:
    return [of("border_undecided", border=WORSE)] if undecided(view) else []


def _about_neighbors(views: Mapping[str, Figures], kind: Kind) -> Iterator[Finding]:
    """Yield what distances and the errors of neighbors say."""
    more = "neighbors_err_more" if kind == "extrapolation" else "neighbors_err"
    known = [n for n in VIEWS if views[n]["error_ratio"] is not None]
    yield of(more, neighbors=NEIGHBORS, views=[{"view": n, **_times(views[n])} for n in known])
    areas = [views[name]["auroc"] for name in VIEWS]
    code = "class_not_apart"
    if min(areas) >= FARTHER:
        code = "class_apart" if kind == "extrapolation" else "class_apart_no_harder"
    elif max(areas) >= FARTHER:
        code = "class_apart_in_one_view"
    yield of(code, views=[{"view": n, "auroc": views[n]["auroc"]} for n in VIEWS])


def _about_target(figures: Figures) -> Iterator[Finding]:
    target = figures.get("target")
    if target and target["ks"] >= OOD_TEST_TARGET:
        yield of("target_moves", ks=target["ks"], mean_shift=target["mean_shift"])


def _about_formulas(figures: Figures, kind: Kind) -> Iterator[Finding]:
    """Yield what crosses the border between training and what is asked."""
    code = "polymorphs_cross" if kind == "in-domain" else "formulas_shared"
    for part in ("held_out", "in_domain"):
        share = figures["shared_formula"].get(part, 0.0)
        if share > LEAKED:
            yield of(code, part=part, share=share)


def together(folds: tuple[FoldAudit, ...], pooled: Sequence[Relative]) -> SplitAudit:
    """Return the judgment of a whole split."""
    held = np.array([fold.figures["rows"]["held_out"] for fold in folds])
    kinds = [fold.kind for fold in folds]
    figures: Figures = {
        "folds": len(folds),
        "kinds": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
    }
    if not held.any():
        return _in_domain(folds, figures)
    shares = [float(fold.figures["share_held_out"]) for fold in folds]
    figures |= {
        "held_out_rows": {"least": int(held.min()), "most": int(held.max())},
        "largest_share": max(shares),
        "too_few": int((held < FEW).sum()),
        "pooled": _pooled(pooled),
    }
    if len(folds) == 1:
        fold = folds[0]
        name = {"name": fold.held_out or fold.fold}
        headline = _headline(fold.kind, name, fold.figures["views"])
        return SplitAudit(fold.kind, headline, fold.findings, folds, figures)
    if max(shares) > MOST:
        largest = folds[shares.index(max(shares))]
        kind: Kind = "degenerate"
        headline = (
            of(
                "split_of_one_class", name=largest.held_out or largest.fold, share=max(shares),
                too_few=figures["too_few"], folds=len(folds), few=FEW,
            ),
        )  # fmt: skip
    else:
        kind, headline = _of_several(folds, figures["pooled"])
    return SplitAudit(kind, headline, tuple(_counts(folds)), folds, figures)


def _of_several(folds: Sequence[FoldAudit], pooled: Figures) -> tuple[Kind, tuple[Finding, ...]]:
    """Judge several folds of which none is most of the rows."""
    best = _best(pooled["views"])
    tested = [fold.kind for fold in folds if fold.kind in ("extrapolation", "interpolation")]
    if not tested and (pooled["rows"] < FEW or not best):
        return "degenerate", (of("split_of_few_rows", rows=pooled["rows"]),)
    if 2 * len(tested) < len(folds) and best:  # most classes are too small alone
        kind = _kind(pooled["views"][best])
        return kind, _headline(kind, {"pooled": True}, pooled["views"])
    counts = {kind: tested.count(kind) for kind in ("extrapolation", "interpolation")}
    new = counts["extrapolation"] / len(tested)
    if max(new, 1.0 - new) < MOSTLY:
        return "mixed", (of("split_mixed", classes=len(tested), **counts),)
    kind = "extrapolation" if new > 0.5 else "interpolation"
    classes = {"classes": counts[kind], "tested": len(tested)}
    return kind, _headline(kind, classes, _of(kind, folds))


def _of(kind: Kind, folds: Sequence[FoldAudit]) -> dict[str, Figures]:
    """Return the typical error ratios of the folds of a kind, a view each."""
    own = [fold.figures["views"] for fold in folds if fold.kind == kind]
    names = dict.fromkeys(name for views in own for name in views)
    found: dict[str, Figures] = {}
    for name in names:
        found[name] = {}
        for key in ("error_ratio", "error_ratio_median"):
            ratios = [views[name].get(key) for views in own if name in views]
            known = [ratio for ratio in ratios if ratio is not None]
            found[name][key] = float(np.median(known)) if known else None
        if len(own) == 1:  # of several folds the spread over them is another matter
            found[name]["error_ratio_std"] = own[0][name].get("error_ratio_std")
    return found


def _pooled(folds: Sequence[Relative]) -> Figures:
    """Return figures of all held-out rows, each measured against its own fold's in-domain rows."""
    views: dict[str, Figures] = {}
    for name in dict.fromkeys(name for fold in folds for name in fold):
        own = [fold[name] for fold in folds if name in fold]
        ranks, errors, typical = (
            np.concatenate([one[kind] for one in own]) for kind in ("rank", "error", "typical")
        )
        known, middle = errors[np.isfinite(errors)], typical[np.isfinite(typical)]
        views[name] = {
            "rows": len(ranks),
            "auroc": float(ranks.mean()),
            "error_ratio": float(known.mean()) if len(known) else None,
            "error_ratio_median": float(np.median(middle)) if len(middle) else None,
        }
    return {"rows": views.get(VIEWS[0], {"rows": 0})["rows"], "views": views}


def _in_domain(folds: tuple[FoldAudit, ...], figures: Figures) -> SplitAudit:
    rows = np.array([fold.figures["rows"]["in_domain"] for fold in folds])
    shared = np.array([fold.figures["shared_formula"].get("in_domain", 0.0) for fold in folds])
    near = np.array([fold.figures["near_duplicates"]["in_domain"] for fold in folds])
    figures |= {
        "shared_formula": float(rows @ shared / rows.sum()),
        "near_duplicates": float(rows @ near / rows.sum()),
    }
    findings = []
    if figures["shared_formula"] > LEAKED:
        findings.append(of("test_rows_share_formulas", share=figures["shared_formula"]))
    if figures["near_duplicates"] > figures["shared_formula"] + LEAKED:
        findings.append(of("test_rows_near", share=figures["near_duplicates"], near=NEAR))
    headline = (of("split_in_domain"),)
    return SplitAudit("in-domain", headline, tuple(findings), folds, figures)


def _headline(
    kind: Kind, what: Mapping[str, Any], views: Mapping[str, Figures]
) -> tuple[Finding, ...]:
    """Return the judgment of one class, or of several alike, by the view that is easiest.

    The features of an arm may see what the core's own views do not: where a neighbor of these does
    better, the best of them is named.
    """
    best = _best(views)
    if kind == "degenerate" or not best:
        return (of("split_of_no_class", **what),)
    view, border = views[best], _border(views[best])
    figures = {**what, "view": best, **_times(view)}
    if kind == "interpolation":
        return (of("split_interpolates", **figures, clear=not border), *border)
    ratios = {n: other.get("error_ratio") for n, other in views.items() if n not in VIEWS}
    easier = {n: r for n, r in ratios.items() if r is not None and r < view["error_ratio"]}
    least = min(easier, key=lambda n: easier[n], default=None)
    beside = None if least is None else {"view": least, "times": easier[least]}
    return (of("split_extrapolates", **figures, easier=beside), *border)


def _counts(folds: Sequence[FoldAudit]) -> Iterator[Finding]:
    """Yield which folds are what."""
    for kind in ("extrapolation", "interpolation", "degenerate", "in-domain"):
        names = [fold.fold for fold in folds if fold.kind == kind]
        if names:
            yield of("folds_of_kind", kind=kind, names=names, folds=len(folds))
