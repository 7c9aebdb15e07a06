"""The candidates as the page lists them: by label, each composition once, on one axis. Light."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atlas_core.kinds.trust import LABELS
from atlas_pages import formatting
from atlas_pages.strip import Axis
from atlas_screening.result import Facts, Screened
from atlas_statistics import digits

MOST = 100
"""Rows of a label on the page; the files have all."""
SAME = 1e-9
"""Share of the spread of predictions by which two ways to write a composition may differ."""
LABEL_TONE = {"trust": "good", "verify": "fair", "defer": "poor"}
LABEL_MEANS = {
    "trust": "use the value",
    "verify": "check it by a calculation or a measurement",
    "defer": "do not even rank by it: its expected error is more than twice the usual one",
}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Group:
    """The candidates of one label.

    Attributes:
        label: "" where candidates have none.
        title: what to do with them, and how many they are.
        tone: of the label.
        rows: what the page says of each composition, in the order of the ranks.
        more: how many candidates are not described here.
    """

    label: str
    title: str
    tone: str
    rows: tuple[Row, ...]
    more: int
    slug: str = ""
    short: str = ""


def groups(result: Screened, axis: Axis) -> tuple[Group, ...]:
    """Return the lists of the page: trust first; one list where candidates have no label."""
    facts = result.facts
    if facts.labels is None:
        counted = formatting.count(facts.screened, "candidate")
        return (_group(result, "", f"{counted}, best first", facts.screened, axis),)
    return tuple(
        _group(
            result,
            label,
            f"{formatting.count(facts.labels[label], 'candidate')}: {LABEL_MEANS[label]}",
            facts.labels[label],
            axis,
        )
        for label in LABELS
        if facts.labels.get(label)
    )


def _group(result: Screened, label: str, title: str, total: int, axis: Axis) -> Group:
    facts, spread = result.facts, float(np.ptp(result.prediction))
    places = formatting.decimals(spread or 1.0)
    flagged = _flagged(result, label)
    if flagged:
        title += f"; {formatting.fixed(flagged, 0)} flagged as unlike the training data"
    own = [row for row in result.rows if str(row.get("label", "")) == label]
    shown = collapsed(own, SAME * spread)[:MOST]
    rows = tuple(row_view(same, places, facts, axis) for same in shown)
    more = total - sum(len(same) for same in shown)
    return Group(label, title, LABEL_TONE.get(label, "ref"), rows, more)


def _flagged(result: Screened, label: str) -> int:
    """Return how many candidates of a label the detector flags."""
    if result.outside is None:
        return 0
    own = result.outside if result.labels is None else result.outside & (result.labels == label)
    return int(own.sum())


def collapsed(rows: Sequence[Row], tolerance: float) -> list[list[Row]]:
    """Return rows together that are one composition with one prediction, best first.

    Crystals of one composition have predictions of their own and stay apart.

    Args:
        rows: in the order of their ranks.
        tolerance: up to which two predictions are the same, in the target's unit.
    """
    found: list[list[Row]] = []
    by_formula: dict[str, list[list[Row]]] = {}
    for row in rows:
        known = by_formula.setdefault(str(row["canonical"]), [])
        value = float(row["prediction"])
        same = next(
            (one for one in known if abs(float(one[0]["prediction"]) - value) <= tolerance), None
        )
        if same is None:
            same = []
            known.append(same)
            found.append(same)
        same.append(row)
    return found


def shown_axis(result: Screened) -> Axis:
    """Return the axis on which predictions, intervals and neighbors of all rows lie."""
    if result.facts.task == "binary":
        return Axis(0.0, 1.0)
    values = [
        float(value)
        for row in result.rows
        for value in (
            *(row[name] for name in ("prediction", "lower", "upper")),
            *(one["value"] for one in row["nearest"]),
        )
    ]
    finite = [value for value in values if np.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    room = 0.03 * (high - low) or 1.0
    return Axis(low - room, high + room)


def row_view(same: Sequence[Row], places: int, facts: Facts, axis: Axis) -> dict[str, Any]:
    """Return what the page says of a composition.

    Args:
        same: its rows, best first; all are named, the first is described.
        places: decimals of values.
        facts: of the screen.
        axis: of the chart.
    """
    row, binary = same[0], facts.task == "binary"

    def fixed(value: float) -> str:
        if binary:
            return facts.meaning.class_name(int(value))
        return formatting.fixed(value, places) if np.isfinite(value) else formatting.number(value)

    value, lower, upper = (float(row[name]) for name in ("prediction", "lower", "upper"))
    return {
        "rank": row["rank"],
        "formula": formatting.formula(str(row["formula"])),
        "written": "" if row["written"] == row["formula"] else formatting.formula(row["written"]),
        "id": "" if row["id"] == row["formula"] else row["id"],
        "same": _same(same[1:]),
        "prediction": digits.probability(value) if binary else fixed(value),
        "interval": _interval(lower, upper, fixed, binary=binary),
        "mark": _mark(row, axis, binary=binary),
        "risk": formatting.chance(float(row["risk"])) if "risk" in row else "",
        "expected": formatting.number(float(row["expected_error"])) if "risk" in row else "",
        "outside": bool(row.get("outside", False)),
        "reason": row["reason"],
        "flags": [text for text in (row["impossible"], row["charges"], row["note"]) if text],
        "known": _known(row, fixed),
        "times": _times(row, facts.usual_distance),
        "nearest": [
            (
                formatting.formula(one["formula"]),
                fixed(one["value"]),
                formatting.number(one["distance"], digits=2),
                _place(str(one["id"]), facts.meaning.url),
            )
            for one in row["nearest"]
        ],
    }


def _place(material: str, url: str) -> str:
    """Return an id, linked where its data set has pages; a bare number is called an id."""
    return f"id {material}" if material.isdigit() and not url else formatting.linked(material, url)


def _same(rows: Sequence[Row]) -> list[tuple[Any, str, str]]:
    """Return formula, id and rank of each other row of the same composition."""
    return [
        (
            formatting.formula(str(row["formula"])),
            "" if row["id"] == row["formula"] else str(row["id"]),
            str(row["rank"]),
        )
        for row in rows
    ]


def _interval(lower: float, upper: float, show: Callable[[float], str], *, binary: bool) -> str:
    if np.isnan(lower):
        return ""
    if binary:
        return "either class" if lower != upper else show(lower)
    return f"{show(lower)} to {show(upper)}"


def _mark(row: Row, axis: Axis, *, binary: bool) -> dict[str, Any]:
    """Return places on the axis: the prediction, the ends of its interval, the neighbors."""
    lower, upper = float(row["lower"]), float(row["upper"])
    ends = None if binary or np.isnan(lower) else (axis.place(lower), axis.place(upper))
    near = [] if binary else [axis.place(float(one["value"])) for one in row["nearest"]]
    return {"at": axis.place(float(row["prediction"])), "ends": ends, "near": near}


def _known(row: Row, fixed: Callable[[float], str]) -> str:
    """Return the true value of the same composition in training, "" where there is none."""
    known, n = float(row["training_value"]), int(row["training_rows"])
    if not np.isfinite(known):
        return ""
    return f"{fixed(known)}{f' (the lowest of {n})' if n > 1 else ''}"


def _times(row: Row, usual: float | None) -> str:
    """Return how many times the usual distance the nearest training material is away."""
    if usual is None or not row["nearest"]:
        return ""
    times = float(row["nearest"][0]["distance"]) / usual
    return f"Nearest: {formatting.number(times, digits=2)} times the usual distance"
