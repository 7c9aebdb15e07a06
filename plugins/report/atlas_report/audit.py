"""What the split tests: a sentence for the first screen, and the figures of each fold. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from atlas_pages.formatting import fixed, number, percent

MANY_FOLDS = 12
"""More folds than this are folded away."""
VIEWS = {"fractions": "element fractions", "statistics": "element properties"}


@dataclass(frozen=True)
class FoldRow:
    """One fold's figures as text, in the order of ``AuditView.titles``."""

    fold: str
    held_out: str
    kind: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class AuditView:
    """What the page shows of the audit."""

    sentence: str
    reasons: tuple[str, ...]
    titles: tuple[tuple[str, str], ...]
    rows: tuple[FoldRow, ...]
    folded: bool


def audit_view(found: Mapping[str, Any]) -> AuditView | None:
    """Return the view of a run's audit, or None for a run that was made without one."""
    if not found:
        return None
    # an evaluator may tell less than the usual one
    folds = [fold for fold in found["folds"] if fold["figures"].get("rows", {}).get("held_out")]
    names = dict.fromkeys(name for fold in folds for name in fold["figures"].get("views", {}))
    titles = [("rows", "Held-out rows."), ("share", "Share of all rows that are held out.")]
    for name in names:
        shown = VIEWS.get(name, name)
        titles += [
            (
                f"AUROC, {shown}",
                f"Held-out rows are farther from the training set: distance by {shown}.",
            ),
            (
                f"error ratio, {shown}",
                f"Errors of the mean of the nearest by {shown}: held-out over in-domain, by mean"
                " and by median.",
            ),
        ]
    titles += [
        ("same formula", "Held-out rows whose reduced formula is in training."),
        ("target KS", "Distance between the targets' distributions, 0 to 1."),
    ]
    rows = tuple(_row(fold, tuple(names)) for fold in folds)
    return AuditView(
        sentence=found["sentence"],
        reasons=tuple(found.get("reasons", ())),
        titles=tuple(titles) if rows else (),
        rows=rows,
        folded=len(rows) > MANY_FOLDS,
    )


def _row(fold: Mapping[str, Any], names: tuple[str, ...]) -> FoldRow:
    figures = fold["figures"]
    cells = [fixed(figures["rows"]["held_out"], 0), _share(figures.get("share_held_out"))]
    for name in names:
        view = figures.get("views", {}).get(name, {})
        cells += [number(view.get("auroc"), digits=2), _ratios(view)]
    cells.append(_share(figures.get("shared_formula", {}).get("held_out")))
    cells.append(number(figures.get("target", {}).get("ks")))
    return FoldRow(fold["fold"], fold.get("held_out", ""), fold.get("kind", ""), tuple(cells))


def _share(value: float | None) -> str:
    return number(None) if value is None else percent(value)


def _ratios(view: Mapping[str, Any]) -> str:
    """Return the ratio of mean errors, and that of the medians where it is known."""
    mean, median = (view.get(key) for key in ("error_ratio", "error_ratio_median"))
    text = number(mean, digits=2)
    return text if median is None else f"{text} (median {number(median, digits=2)})"
