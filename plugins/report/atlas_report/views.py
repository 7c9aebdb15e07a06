"""The four views that all arms share, on the same axes: views as rows, arms as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from atlas_core.data.predictions import Predictions
from atlas_pages.formatting import count, slug
from atlas_pages.panels import Drawn, Panel, panel
from atlas_report import class_figures, coverage, figures, metric_labels, periodic
from atlas_report.figures import Parts
from atlas_report.source import (
    HELD_OUT,
    IN_DOMAIN,
    PART_LABEL,
    SHOWN_PARTS,
    Source,
    metric_of,
    shown,
)

COLUMNS = 3
"""Arms that stand beside each other; the views of others are in their own sections."""


@dataclass(frozen=True)
class Column:
    """What one view shows of one arm: its figures, or why there is none."""

    name: str
    panels: tuple[Panel, ...]
    missing: str


@dataclass(frozen=True)
class View:
    """One view of all arms: what it is, how to read it, and a column per arm."""

    title: str
    caption: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Views:
    """The views of the first arms.

    Attributes:
        views: those that at least one arm has.
        notes: on views that none has, and on the other arms.
        arms: how many stand beside each other.
    """

    views: tuple[View, ...]
    notes: tuple[str, ...]
    arms: int

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Return the figures of all views."""
        return tuple(p for view in self.views for column in view.columns for p in column.panels)


@dataclass(frozen=True)
class _Kind:
    title: str
    caption: str
    draw: Callable[[str], list[Panel]]
    missing: str


def views_of(source: Source) -> Views | None:
    """Return the views of the first arms; None where no arm has a test row."""
    first = [arm for arm in source.rows if shown(source.rows[arm])][:COLUMNS]
    if not first:
        return None
    found, notes = [], []
    for kind in _kinds(source):
        columns = []
        for arm in first:
            panels = tuple(kind.draw(arm))
            columns.append(Column(source.called(arm), panels, "" if panels else kind.missing))
        if any(column.panels for column in columns):
            found.append(View(kind.title, kind.caption, tuple(columns)))
        elif kind.missing:
            notes.append(f"{kind.title}: {kind.missing}")
    if len(source.rows) > len(first):
        best = "highest balanced accuracy" if source.task == "binary" else "lowest error"
        where = PART_LABEL[HELD_OUT if HELD_OUT in shown(source.rows[first[0]]) else IN_DOMAIN]
        notes.append(
            f"Shown are the {len(first)} arms of the {best} {where}, which may be by chance; the"
            " others are on the same axes in their own sections below."
        )
    return Views(tuple(found), tuple(notes), len(first))


def of_arm(source: Source, arm: str) -> list[Panel]:
    """Return the views of an arm that does not stand beside the first ones."""
    return [panel for kind in _kinds(source) for panel in kind.draw(arm)]


def _kinds(source: Source) -> list[_Kind]:
    binary = source.task == "binary"
    parts = {arm: own for arm, rows in source.rows.items() if (own := shown(rows))}
    first = _reliability(parts, source) if binary else _parity(parts, source)
    return [first, _coverage(source), _risk(parts, source), _signed(source)]


def _colors(source: Source, parts: Parts) -> str:
    blue = f"materials like {'the candidates' if source.loop else 'those it was trained on'}"
    if HELD_OUT not in parts:
        return f"Blue discs: {blue}."
    held = f" ({source.held_out})" if source.held_out else ""
    orange = (
        "the class that is held out, another in each fold"
        if source.several_held_out
        else (f"the held-out class{held}")
    )
    return (
        f"Orange squares: {orange}."
        if IN_DOMAIN not in parts
        else f"Blue discs: {blue}; orange squares: {orange}."
    )


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


def _parity(arms: dict[str, dict[str, Predictions]], source: Source) -> _Kind:
    ends = figures.ends_of(arms.values()) if arms else (0.0, 1.0)
    title = "Predicted against true"
    one = next(iter(arms.values()), {})
    caption = (
        f"{dots(one)}, made without training on it. On the gray line the prediction is exact; a"
        " dashed line lies above or below it by the mean signed error of its part, given with its"
        " 95 % interval: above 0, predictions are too high."
        f" {_colors(source, one)}"
        if one
        else ""
    )

    def draw(arm: str, parts: dict[str, Predictions]) -> Drawn:
        return figures.parity(
            parts,
            target=source.target,
            unit=source.unit,
            ends=ends,
            biases=_biases(source, arm, parts),
        )

    return _of_test_rows(arms, title, caption, draw)


def _biases(source: Source, arm: str, parts: Parts) -> dict[str, str]:
    """Return the mean error of each part with its 95 % interval, signed; those that are known."""
    found = {part: metric_of(source, arm, part, "mean_error") for part in parts}
    return {part: metric_labels.signed(entry) for part, entry in found.items() if entry is not None}


def _reliability(arms: dict[str, dict[str, Predictions]], source: Source) -> _Kind:
    title = "Reliability of probabilities"
    one = next(iter(arms.values()), {})
    caption = (
        "Of the materials given a probability near x, the share y really is"
        f" {source.meaning.of_class(1)}; on the gray line the probabilities are calibrated. Larger"
        " dots hold more materials."
        f" {_colors(source, one)}"
    )

    def draw(arm: str, parts: dict[str, Predictions]) -> Drawn:
        return class_figures.reliability(parts, source.classes)

    return _of_test_rows(arms, title, caption, draw)


def _of_test_rows(
    arms: dict[str, dict[str, Predictions]],
    title: str,
    caption: str,
    draw: Callable[[str, dict[str, Predictions]], Drawn],
) -> _Kind:
    """Return a view that draws the parts of an arm; one without a test row has none."""

    def panels(arm: str) -> list[Panel]:
        if arm not in arms:
            return []
        return [panel(arm, title, lambda: draw(arm, arms[arm]), caption=caption)]

    return _Kind(title, caption, panels, "there is no test row.")


def _coverage(source: Source) -> _Kind:
    title = "Observed against nominal coverage"
    bars = {arm: coverage.bars_of(source, arm) for arm in source.rows}
    every = [bar for own in bars.values() for bar in own]
    binary = source.task == "binary"
    top = 0.0 if binary else coverage.widest(every)
    what = "the true class is in a label set" if binary else "the true value lies in an interval"
    caption = (
        f"How often {what} that should contain it as often as the black line across the bars"
        " says; upright lines are 95 % intervals."
    )
    if top:
        caption += " Below: mean width of the intervals."
    if any(bar.single for bar in every):
        caption += (
            " Below: the share of the sets that hold one label. Dashed: a set of both labels for"
            " every material, which always contains the true class and says nothing."
        )
    if any(bar.constant for bar in every):
        caption += (
            " Dashed: an interval as wide for every material, from the calibration errors; what"
            " sigma adds shows against it."
        )

    def draw(arm: str) -> list[Panel]:
        if not bars[arm]:
            return []
        return [
            panel(
                arm,
                title,
                lambda: coverage.coverage_bars(bars[arm], unit=source.unit, top=top),
                caption=caption,
            )
        ]

    missing = "" if source.task == "binary" else "no intervals are stated."
    return _Kind(title, caption, draw, missing)


def _risk(arms: dict[str, dict[str, Predictions]], source: Source) -> _Kind:
    title = "Error when the doubtful are dropped"
    binary = source.task == "binary"
    curves = {arm: figures.risks(parts, binary=binary) for arm, parts in arms.items()}
    top = max((one.top for own in curves.values() for one in own), default=0.0)
    caption = (
        "Error when only the most confident share of the materials is kept: the solid line should"
        " fall to the left. Dotted, hollow marks: the ideal order, by true error; dashed: a random"
        " order, that is, an uninformative sigma."
    )

    def draw(arm: str) -> list[Panel]:
        if not curves.get(arm):
            return []
        return [
            panel(
                arm,
                title,
                lambda: figures.risk_coverage(
                    curves[arm], unit=source.unit, binary=binary, top=top
                ),
                caption=caption,
            )
        ]

    return _Kind(title, caption, draw, "no sigma is stated, so there is no order of doubt.")


def _signed(source: Source) -> _Kind:
    title = "Signed error by element"
    tables = {arm: _elements(source, arm) for arm in source.rows}
    last = periodic.reach(
        [table for own in tables.values() for table in own.values()], _least(source)
    )
    what = "Mean signed error"
    if source.task == "binary":
        what = f"Mean probability of {source.meaning.quoted(1)} less its observed share"
    caption = (
        f"{what} of the materials that contain an element: orange and ▲ too high, purple and ▼"
        " too low; hover over a cell for the number. No color: the interval includes 0 (95 % for"
        " all elements together, a formula counts once). A dot: too few formulas. All tables share"
        " one color scale."
    )
    unit = "" if source.task == "binary" else source.unit

    def draw(arm: str) -> list[Panel]:
        drawn = []
        for part, table in tables[arm].items():
            label = _label(arm, part, table, unit)
            svg = Markup(periodic.signed_table(table, last, unit=unit, label=label))  # noqa: S704 - escaped there
            where = PART_LABEL[part]
            name = f"{slug(arm)}-{slug(title)}-{slug(where)}"
            drawn.append(Panel(name, f"{title}, {where}", svg, caption, where, wide=True))
        return drawn

    named = any((rows.formula != "").any() for rows in source.rows.values())
    return _Kind(title, caption, draw, "" if named else "no row has a formula.")


def _elements(source: Source, arm: str) -> dict[str, periodic.Elements]:
    """Return the signed errors of each part; of a run that has none of them, nothing."""
    held = source.metrics["arms"][arm].get("elements") or {}
    found = {part: held.get(part) or {} for part in SHOWN_PARTS}
    return {
        part: table
        for part, table in found.items()
        if table and all("mean_error" in entry for entry in table.values())
    }


def _least(source: Source) -> float:
    """Return the smallest mean absolute error of any arm and part."""
    sizes = [
        float(np.mean(own.error)) for rows in source.rows.values() for own in shown(rows).values()
    ]
    return min(sizes, default=0.0)


def _label(arm: str, part: str, table: periodic.Elements, unit: str) -> str:
    """Return what a table of signed errors shows, for those who do not see it."""
    found = sorted(
        (symbol for symbol in table if periodic.off(table[symbol])),
        key=lambda symbol: (-abs(table[symbol]["mean_error"]), symbol),
    )
    ways = {
        way: [s for s in found if (table[s]["mean_error"] > 0) == (way == "high")]
        for way in ("high", "low")
    }
    return f"Signed error by element, {PART_LABEL[part]}, arm {arm}. " + " ".join(
        f"Predicted too {way}: {_named(own, table, unit)}." for way, own in ways.items()
    )


def _named(symbols: Sequence[str], table: periodic.Elements, unit: str) -> str:
    suffix = f" {unit}" if unit else ""
    texts = [f"{s} {periodic.plus(table[s]['mean_error'])}{suffix}" for s in symbols]
    return ", ".join(texts) or "none by more than chance"
