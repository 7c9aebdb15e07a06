"""The figures of one arm, each with the sentence that says how to read it."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from atlas_core.observe import held_out_classes
from atlas_pages.formatting import count, number, slug
from atlas_pages.panels import Panel, panel
from atlas_report import class_figures, figures, learning_figures, ood_figures, periodic
from atlas_report.figures import Parts
from atlas_report.source import HELD_OUT, IN_DOMAIN, PART_LABEL, Source, shown
from atlas_statistics.bootstrap import FEW_MATERIALS


def panels_of(source: Source, arm: str, parts: Parts) -> tuple[list[Panel], list[str]]:
    """Return the figures of an arm, and a sentence for each that cannot be drawn."""
    panels: list[Panel] = []
    missing: list[str] = []
    if parts:
        draw = _class_panels if source.task == "binary" else _value_panels
        panels += draw(source, arm, parts)
        panels += _trust_panels(source, arm, parts, missing)
        panels += _ood_panels(arm, parts, missing)
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


def _colors(source: Source, parts: Parts) -> str:
    blue = f"materials like {'the candidates' if source.loop else 'those it was trained on'}"
    if HELD_OUT not in parts:
        return f"Blue: {blue}."
    several = len(set(held_out_classes(source.manifest.get("split")).values())) > 1
    held = f" ({source.held_out})" if source.held_out else ""
    orange = (
        "the class that is held out, another in each fold"
        if several
        else (f"the held-out class{held}")
    )
    return f"Orange: {orange}." if IN_DOMAIN not in parts else f"Blue: {blue}; orange: {orange}."


def _value_panels(source: Source, arm: str, parts: Parts) -> list[Panel]:
    ends = figures.ends_of([shown(rows) for rows in source.rows.values()])
    return [
        panel(
            arm,
            "Predicted against true",
            lambda: figures.parity(parts, target=source.target, unit=source.unit, ends=ends),
            caption=f"{dots(parts)}, made without training on it; on the gray line the prediction"
            " is exact, and a dashed line lies above or below it by the mean error of its part."
            f" {_colors(source, parts)}",
        )
    ]


def dots(parts: Parts) -> str:
    """Say what a dot is: with several folds a material may have more than one."""
    ids = np.concatenate([rows.ids for rows in parts.values()])
    counts = np.unique(ids, return_counts=True)[1]
    text = "Each dot is a prediction of one material"
    if counts.max() == 1:
        return text
    return (
        f"{text} ({count(len(ids), 'prediction')} of {count(len(counts), 'material')}, up to"
        f" {counts.max()} each, from different folds)"
    )


def _class_panels(source: Source, arm: str, parts: Parts) -> list[Panel]:
    quoted, of_class = source.meaning.quoted, source.meaning.of_class
    panels = [
        panel(
            arm,
            "Reliability of probabilities",
            lambda: class_figures.reliability(parts, source.classes),
            caption="Of the materials given a probability near x, the share y really is"
            f" {of_class(1)}; on the gray line the probabilities are calibrated. Larger dots"
            f" hold more materials. {_colors(source, parts)}",
        )
    ]
    if any(0 < (rows.target > 0.5).mean() < 1 for rows in parts.values()):
        panels.append(
            panel(
                arm,
                "Separation of classes",
                lambda: class_figures.class_roc(parts, source.classes),
                caption=f"Share of {quoted(1)} found against the share of {quoted(0)} called"
                f" {quoted(1)} by mistake,"
                " as the threshold falls; the closer to the upper left corner the better, the gray"
                " line is guessing.",
            )
        )
    return panels


def _trust_panels(source: Source, arm: str, parts: Parts, missing: list[str]) -> list[Panel]:
    binary = source.task == "binary"
    intervals = any(rows.has_intervals for rows in parts.values())
    spread = any(rows.has_std for rows in parts.values())
    panels = []
    if not binary and (spread or intervals):
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
    if not spread:
        missing.append(
            "This arm states no sigma, so error against sigma and risk against coverage cannot"
            " be drawn."
        )
        return panels
    if not binary:
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
    panels.append(
        panel(
            arm,
            "Risk and coverage",
            lambda: figures.risk_coverage(parts, unit=source.unit, binary=binary),
            caption="Error when only the most confident share of the materials is kept: the"
            " solid line should fall to the left. Dotted: the ideal order, by true error;"
            " dashed: a random order, that is, an uninformative sigma.",
        )
    )
    return panels


def _ood_panels(arm: str, parts: Parts, missing: list[str]) -> list[Panel]:
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
    if IN_DOMAIN in parts and HELD_OUT in parts and all(r.has_score for r in parts.values()):
        panels.append(
            panel(
                arm,
                "Does it detect the held-out class?",
                lambda: ood_figures.ood_roc(parts),
                caption=_roc_caption(parts),
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


def _roc_caption(parts: Parts) -> str:
    text = (
        "Share of the held-out materials that are flagged against the share of in-domain ones"
        " flagged by mistake, as the threshold falls. The area (AUROC) is 1 when they are"
        " fully separated and 0.5 on the gray line, which is chance level."
    )
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
        title = f"Error by element, {where}"
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
