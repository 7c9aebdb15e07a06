"""Arms beside each other: key metrics with intervals, and paired differences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atlas_core.kinds.metric import Better
from atlas_core.metrics.registry import Shown
from atlas_core.observe import held_out_classes
from atlas_pages import formatting
from atlas_report import metric_labels, repeats
from atlas_report.pairs import paired_sentences
from atlas_report.source import HELD_OUT, IN_DOMAIN, PART_LABEL, Source

LEVELS = {"picp": (0.5, 0.9, 0.95)}
LEVEL = (0.9,)
"""Levels in the table, and those of other metrics; the calibration curve shows them all."""

RULE = Shown(
    "rule",
    "AUROC of unseen elements",
    "plain",
    "neither",
    "As above, for the rule “contains an element not in the training set”, which needs no model: a"
    " detector that does no better adds nothing to it.",
)


@dataclass(frozen=True)
class Cell:
    """A value, its interval, and whether it is surely the best of its row and part.

    ``spread`` is its mean ± standard deviation over trainings, "" of one training.
    """

    value: str
    interval: str
    best: bool
    spread: str = ""


@dataclass(frozen=True)
class Line:
    """One metric: a cell for each arm and part; ``cells`` may hold None."""

    label: str
    meaning: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Beside:
    """The table: its columns (arm, part) and its lines, and what is said below it."""

    arms: tuple[str, ...]
    parts: tuple[str, ...]
    lines: tuple[Line, ...]
    detection: tuple[Line, ...]
    folds: tuple[str, ...]
    paired: tuple[str, ...]
    trainings: int


def beside(source: Source) -> Beside:
    """Return the key metrics of all arms."""
    arms = list(source.rows)
    metrics = source.metrics["arms"]
    parts = [p for p in (IN_DOMAIN, HELD_OUT) if any(p in metrics[a]["parts"] for a in arms)]
    lines = []
    for name in _names(source, arms):
        named = metric_labels.metric(source.figures, name)
        if named is None:
            continue
        entries = [
            [_entry(metrics[arm]["parts"].get(part, {}).get("metrics"), name) for part in parts]
            for arm in arms
        ]
        spreads = [
            [repeats.spread_of(source, arm, name, part=part) for part in parts] for arm in arms
        ]
        lines.append(_line(name, named, entries, source, spreads))
    detection = []
    for name, about in source.figures.items():
        if about.of_detectors and about.table:
            row = [[_entry((metrics[arm].get("ood") or {}).get("score"), name)] for arm in arms]
            spreads = [[repeats.spread_of_detector(source, arm, name)] for arm in arms]
            detection.append(_line(name, about, row, source, spreads))
    row = [[_entry((metrics[arm].get("ood") or {}).get("rule"), "auroc")] for arm in arms]
    detection.append(_line("rule", RULE, row, source))
    return Beside(
        arms=tuple(arms),
        parts=tuple(PART_LABEL[part] for part in parts),
        lines=tuple(line for line in lines if any(line.cells)),
        detection=tuple(line for line in detection if any(line.cells)),
        folds=tuple(_folds(source, arms, parts)),
        paired=tuple(paired_sentences(source)),
        trainings=repeats.trainings(source),
    )


def _names(source: Source, arms: Sequence[str]) -> list[str]:
    found = sorted(
        {
            name
            for arm in arms
            for part in source.metrics["arms"][arm]["parts"].values()
            for name in part.get("metrics") or {}
        }
    )
    out: list[str] = []
    for name, about in source.figures.items():
        if not about.table or about.of_detectors:
            continue
        if not about.of_levels:
            out += [name] if name in found else []
        elif source.task != "binary":
            levels = [f for f in found if f.rpartition("_")[0] == name]
            out += _nearest(levels, LEVELS.get(name, LEVEL))
    return out


def _nearest(names: Sequence[str], levels: Sequence[float]) -> list[str]:
    """Return the metrics whose levels are nearest to the wanted ones, each once."""
    held = {float(name.rpartition("_")[2]): name for name in names}
    chosen = {min(held, key=lambda own: (abs(own - level), own)) for level in levels if held}
    return [held[level] for level in sorted(chosen)]


def _entry(metrics: Mapping[str, Any] | None, name: str) -> Mapping[str, float] | None:
    entry = (metrics or {}).get(name)
    if isinstance(entry, int | float):
        entry = {"value": float(entry)}
    return entry if entry and entry.get("value") is not None else None


def _line(
    name: str,
    about: Shown,
    entries: Sequence[Sequence[Mapping[str, float] | None]],
    source: Source,
    spreads: Sequence[Sequence[repeats.Spread | None]] | None = None,
) -> Line:
    cells: list[Cell | None] = []
    columns = len(entries[0])
    best = [
        _best(
            name,
            about,
            [row[part] for row in entries],
            [None if spreads is None else row[part] for row in spreads or entries],
        )
        for part in range(columns)
    ]
    for arm, row in enumerate(entries):
        for part, entry in enumerate(row):
            if entry is None:
                cells.append(None)
                continue
            value = metric_labels.shown(entry, about.unit)
            spread = None if spreads is None else spreads[arm][part]
            cells.append(
                Cell(
                    value,
                    metric_labels.interval(entry, about.unit),
                    best[part] == arm,
                    "" if spread is None else repeats.plus_minus(spread, about.unit),
                )
            )
    unit = f" ({source.unit})" if about.unit == "target" and source.unit else ""
    label, meaning = (source.in_classes(text) for text in (about.label, about.meaning))
    return Line(label + unit, meaning, tuple(cells))


def _best(
    name: str,
    about: Shown,
    row: Sequence[Mapping[str, float] | None],
    spreads: Sequence[repeats.Spread | None],
) -> int | None:
    """Return the arm with the best value; None where intervals or trainings leave the order open.

    Intervals that overlap may still differ on paired rows; the sentences below the table say so.
    """
    values = {arm: entry["value"] for arm, entry in enumerate(row) if entry is not None}
    if len(values) < 2 or about.better == "neither":
        return None
    ranked = sorted((_shortfall(name, about.better, value), arm) for arm, value in values.items())
    if ranked[0][0] == ranked[1][0]:
        return None
    best = ranked[0][1]
    others = [arm for arm in values if arm != best]
    clear = all(
        apart(row[best] or {}, row[arm] or {}) and _trained_apart(spreads[best], spreads[arm])
        for arm in others
    )
    return best if clear else None


def _trained_apart(first: repeats.Spread | None, other: repeats.Spread | None) -> bool:
    """Return whether no training of one reaches the other's; True of one training."""
    if first is None or other is None:
        return True
    a, b = first["values"], other["values"]
    return bool(max(a) < min(b) or min(a) > max(b))


def apart(first: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Return whether two intervals share no value; an entry without one may have any."""
    if not {"low", "high"} <= first.keys() & other.keys():
        return False
    return first["low"] > other["high"] or first["high"] < other["low"]


def _shortfall(name: str, aim: Better, value: float) -> float:
    """Return how far a value is from what is aimed at; comparable within one metric."""
    if aim == "level":
        return abs(value - float(name.rpartition("_")[2]))
    if aim == "one":
        return abs(math.log(max(value, 1e-300)))
    return -value if aim == "higher" else value


def _folds(source: Source, arms: Sequence[str], parts: Sequence[str]) -> list[str]:
    """Say the main metric over folds, where there are several."""
    name = "balanced_accuracy" if source.task == "binary" else "mae"
    about = metric_labels.metric(source.figures, name)
    out: list[str] = []
    for arm in arms:
        held = source.metrics["arms"][arm]
        if about is None or len(held.get("folds") or {}) < 2:
            continue
        for part in parts:
            entry = ((held.get("summary") or {}).get(part) or {}).get(name)
            if not entry or entry.get("mean") is None:
                continue
            places = formatting.decimals(entry["mean"])
            unit = f" {source.unit}" if about.unit == "target" and source.unit else ""
            out.append(
                f"{arm}, {PART_LABEL[part]}: {about.label}"
                f" {formatting.fixed(entry['mean'], places)}"
                f" ± {formatting.fixed(entry['std'], places)}{unit}"
                f" (mean and standard deviation of {len(held['folds'])} folds)"
            )
        out += _detection_folds(source, arm)
    return out


def _detection_folds(source: Source, arm: str) -> list[str]:
    """Say how far detection differs between folds; the table holds the means."""
    names = {"score": "detector", "sigma": "sigma alone"}
    classes = held_out_classes(source.manifest.get("split"))
    out = []
    for name, label in names.items():
        found = (source.metrics["arms"][arm].get("ood") or {}).get(name) or {}
        each = found.get("folds")
        if not each or not found.get("auroc"):
            continue
        low, high = (formatting.fixed(f(each.values()), 3) for f in (min, max))
        text = (
            f"{arm}, {label}: AUROC {formatting.fixed(found['auroc']['value'], 3)} on average of"
            f" {len(each)} folds, {low} to {high}"
        )
        if worst := found.get("worst"):
            text += f"; it is worst on {classes.get(worst['fold']) or 'fold ' + worst['fold']}"
        out.append(text)
    return out
