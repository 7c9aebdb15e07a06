"""The figures of one arm that no other shares, each with the sentence that says how to read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from atlas_pages.formatting import number, slug
from atlas_pages.panels import Panel, panel
from atlas_report import class_figures, figures, learning_figures, ood_figures, periodic
from atlas_report.figures import Parts
from atlas_report.source import HELD_OUT, IN_DOMAIN, PART_LABEL, Source
from atlas_report.views import dots
from atlas_statistics.bootstrap import FEW_MATERIALS


def panels_of(source: Source, arm: str, parts: Parts) -> tuple[list[Panel], list[str]]:
    """Return the figures of an arm, and a sentence for each that cannot be drawn."""
    panels: list[Panel] = []
    missing: list[str] = []
    if parts:
        binary = source.task == "binary"
        panels += _class_panels(source, arm, parts) if binary else _sigma_panels(source, arm, parts)
        panels += _ood_panels(source, arm, parts, missing)
    else:
        missing.append("No test rows: there is nothing to draw.")
    curves = [
        record["content"]
        for record in source.records
        if record.get("arm") == arm and str(record.get("name")).endswith("learning_curve")
    ]
    curves = [c for c in curves if c.get("epoch")]
    if curves:
        fits = "the fit" if len(curves) == 1 else f"each of {len(curves)} fits"
        panels.append(
            panel(
                arm,
                "Learning curves",
                lambda: learning_figures.learning_curves(curves, unit=source.unit),
                caption=f"Loss and validation error of {fits} after each pass over the training"
                " data; training has gone on long enough where the lines are flat, and too long"
                " where the validation error rises again.",
            )
        )
    return panels, missing


def _class_panels(source: Source, arm: str, parts: Parts) -> list[Panel]:
    quoted = source.meaning.quoted
    if not any(0 < (rows.target > 0.5).mean() < 1 for rows in parts.values()):
        return []
    return [
        panel(
            arm,
            "Separation of classes",
            lambda: class_figures.class_roc(parts, source.classes),
            caption=f"Share of {quoted(1)} found against the share of {quoted(0)} called"
            f" {quoted(1)} by mistake, as the threshold falls; the closer to the upper left corner"
            " the better, the gray line is guessing.",
        )
    ]


def _sigma_panels(source: Source, arm: str, parts: Parts) -> list[Panel]:
    spread = any(rows.has_std for rows in parts.values())
    panels = []
    if spread or any(rows.has_intervals for rows in parts.values()):
        panels.append(
            panel(
                arm,
                "Calibration",
                lambda: figures.calibration(parts),
                caption="How often the true value is inside an interval that should contain it with"
                " the probability on the horizontal axis; below the gray line the model is"
                " overconfident. Lines: intervals made from sigma; marks: those that the arm"
                " reports.",
            )
        )
    if spread:
        panels.append(
            panel(
                arm,
                "Error against sigma",
                lambda: figures.error_against_sigma(parts, unit=source.unit),
                caption=f"{dots(parts)}; joined marks are the root-mean-square error of"
                " groups of similar sigma. On the gray line sigma equals the error it"
                " announces; above it the model is too sure.",
            )
        )
    return panels


def _ood_panels(source: Source, arm: str, parts: Parts, missing: list[str]) -> list[Panel]:
    if not any(rows.has_score for rows in parts.values()):
        missing.append(
            "No detector scored this arm, so there is no distance from the training data."
        )
        return []
    panels = [
        panel(
            arm,
            "Distance from training data",
            lambda: ood_figures.score_histograms(parts),
            caption=_histogram_caption(parts),
        )
    ]
    rule = (source.metrics["arms"][arm].get("ood") or {}).get("rule")
    if IN_DOMAIN in parts and HELD_OUT in parts and all(r.has_score for r in parts.values()):
        panels.append(
            panel(
                arm,
                "Does it detect the held-out class?",
                lambda: ood_figures.ood_roc(parts, rule),
                caption=_roc_caption(parts, rule),
            )
        )
    return panels


def _histogram_caption(parts: Parts) -> str:
    text = (
        "Distribution of the out-of-distribution (OOD) score; the less the two overlap, the better"
        " the detector separates new chemistry from known."
    )
    if not ood_figures.several(parts):
        return f"{text} Materials beyond the upright line, where there is one, are flagged."
    text += " Each fold has its own detector and scale, so its scores are shown"
    if ood_figures.limits(parts) is not None:
        return (
            f"{text} as distances from its threshold (the upright line; beyond it a material is"
            " flagged), in standard deviations of its in-domain scores."
        )
    return (
        f"{text} as distances from the median of its in-domain scores, in their standard"
        " deviations; a fold in which all or no materials are flagged shows no threshold."
    )


def _roc_caption(parts: Parts, rule: Mapping[str, Any] | None) -> str:
    text = (
        "Share of the held-out materials that are flagged against the share of in-domain ones"
        " flagged by mistake, as the threshold falls. The area (AUROC) is 1 when they are"
        " fully separated and 0.5 on the gray line, which is chance level."
    )
    if rule:
        text += " The cross is the rule “contains an element not in the training set”, no model."
    if ood_figures.several(parts):
        text += (
            " Thin lines: single folds; thick: their mean. Scores of different folds are not"
            " ranked together, as each fold has its own detector and scale."
        )
    return text


def element_tables(source: Source, arm: str) -> list[Panel]:
    """Return the periodic table of the errors of each part."""
    elements = source.metrics["arms"][arm].get("elements") or {}
    tables = {part: elements.get(part) or {} for part in (IN_DOMAIN, HELD_OUT)}
    tables = {part: table for part, table in tables.items() if table}
    limits = periodic.edges(list(tables.values()))
    scale = " Both tables share one color scale." if len(tables) > 1 else ""
    panels = []
    for part, table in tables.items():
        where = PART_LABEL[part]
        title = f"Absolute error by element, {where}"
        caption = (
            "Mean absolute error of the materials that contain an element; hover over a cell for"
            " the number. An element without a color does not differ"
            " significantly from the others (5 % for all elements together). A dot marks elements"
            f" in fewer than {FEW_MATERIALS} materials, which are too few.{scale}"
        )
        above = [s for s in table if periodic.apart(table[s]) and table[s].get("above", True)]
        highest = sorted(above, key=lambda s: (-table[s]["mae"], s))[:3]
        unit = f" {source.unit}" if source.unit else ""
        named = ", ".join(f"{s} {number(table[s]['mae'])}{unit}" for s in highest)
        label = f"{title}, arm {arm}. " + (
            f"Larger errors than on the others: {named}"
            if named
            else "No element has larger errors than the others by more than chance."
        )
        svg = periodic.table(table, limits, unit=source.unit, label=label)
        name = f"{slug(arm)}-{slug(title)}"
        panels.append(Panel(name, title, Markup(svg), caption, wide=True))  # noqa: S704 - escaped there
    return panels
