"""Candidates held against a reference as the page lists them: by call and label. Light."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atlas_core.arrays import Bool
from atlas_pages import formatting
from atlas_pages.strip import Axis
from atlas_screening.decision_words import Names, competing, flip, known, names_of, two_labels
from atlas_screening.held import Held
from atlas_screening.page_rows import LABEL_TONE, MOST, SAME, Row, collapsed, row_view
from atlas_screening.result import Screened
from atlas_statistics import digits


@dataclass(frozen=True)
class HeldGroup:
    """The candidates of one call and label.

    Attributes:
        slug: its name in links.
        short: its name in the list of sections.
        label: of the decision; "" for none.
        title: what to do with them, and how many they are.
        tone: of the label.
        rows: what the page says of each composition, in the order of the ranks.
        more: how many candidates are not described here.
        opened: whether the list stands open.
    """

    slug: str
    short: str
    label: str
    title: str
    tone: str
    rows: tuple[Row, ...]
    more: int
    opened: bool


def held_groups(result: Screened, held: Held, axis: Axis) -> tuple[HeldGroup, ...]:
    """Return the lists of the page: trusted calls of what meets the border come first."""
    names, decided = names_of(held.against), held.decided
    label, yes = decided.label, decided.probability >= 0.5
    kinds: list[tuple[str, str, str, Bool, Callable[[Row], bool]]] = [
        (
            "yes",
            "trust",
            f"take as {names.yes}",
            (label == "trust") & yes,
            lambda p: p >= 0.5,
        ),
        ("verify", "verify", "check the call by a calculation", label == "verify", _any),
        (
            "no",
            "trust",
            f"take as {names.no}",
            (label == "trust") & ~yes,
            lambda p: p < 0.5,
        ),
        ("defer", "defer", "no call: P is near one half", label == "defer", _any),
        ("none", "", "no decision", label == "", _any),
    ]
    found = []
    for slug, own, means, mask, side in kinds:
        total = int(mask.sum())
        if not total:
            continue
        rows = [r for r in result.rows if r["decision"] == own and side(r["probability"])]
        spread = float(np.ptp(result.prediction))
        shown = collapsed(rows, SAME * spread)[:MOST]
        views = tuple(held_view(same, result, names, axis) for same in shown)
        title = f"{formatting.count(total, 'candidate')}: {means}"
        more = total - sum(len(same) for same in shown)
        opened = slug in ("yes", "verify") or (slug == "no" and not found)
        short = {"yes": names.yes, "no": names.no, "none": "no decision"}.get(slug, slug)
        tone = LABEL_TONE.get(own, "ref")
        found.append(HeldGroup(slug, short, own, title, tone, views, more, opened))
    return tuple(found)


def _any(_probability: Any) -> bool:
    return True


def held_axis(result: Screened) -> Axis:
    """Return the axis of distances to the border: it holds 0."""
    ends = ("above_border", "above_lower", "above_upper")
    values = [float(row[end]) for row in result.rows for end in ends]
    finite = [0.0, *(value for value in values if np.isfinite(value))]
    room = 0.03 * (max(finite) - min(finite)) or 1.0
    return Axis(min(finite) - room, max(finite) + room)


def held_view(same: Sequence[Row], result: Screened, names: Names, axis: Axis) -> dict[str, Any]:
    """Return what the page says of a composition that is held against a reference.

    Args:
        same: its rows, best first; all are named, the first is described.
        result: of the screen.
        names: what the border is called.
        axis: of the chart.
    """
    row, facts = same[0], result.facts
    unit = f" {facts.unit}" if facts.unit else ""
    places = formatting.decimals(float(np.ptp(result.prediction)) or 1.0)
    view = row_view(same, places, facts, axis)
    above, lower, upper = (
        float(row[end]) for end in ("above_border", "above_lower", "above_upper")
    )
    p, near = float(row["probability"]), float(row["probability_near"])
    return view | {
        "decided": np.isfinite(p),
        "probability": digits.probability(p) if np.isfinite(p) else "",
        "near": digits.probability(near) if np.isfinite(p) else "",
        "above": formatting.fixed(above, places) if np.isfinite(p) else "",
        "above_interval": ""
        if np.isnan(lower + upper)
        else f"{_end(lower, places)} to {_end(upper, places)}",
        "mark": _mark(above, lower, upper, axis),
        "call": row["decision"],
        "call_tone": LABEL_TONE.get(row["decision"], "ref"),
        "value_label": row.get("label", ""),
        "value_tone": LABEL_TONE.get(row.get("label", ""), "ref"),
        "two": two_labels(row),
        "against": formatting.formula(row["against"]) if np.isfinite(p) else row["against"],
        "competing": competing(row, names),
        "flip": flip(row, unit) if np.isfinite(p) else "",
        "reference": known(row, names, unit),
        "cost": formatting.number(float(row["cost"])) if "cost" in row else "",
    }


def _mark(above: float, lower: float, upper: float, axis: Axis) -> dict[str, Any] | None:
    """Return places on the axis: the distance, the ends of its interval; None without one."""
    if not np.isfinite(above):
        return None
    ends = None if np.isnan(lower + upper) else (axis.place(lower), axis.place(upper))
    return {"at": axis.place(above), "ends": ends}


def _end(value: float, places: int) -> str:
    return formatting.fixed(value, places) if np.isfinite(value) else formatting.number(value)
