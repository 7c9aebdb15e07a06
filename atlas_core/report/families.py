"""Error and coverage of an arm by anion family, as a table. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from atlas_core.report import words
from atlas_core.report.figures import PART_LABEL
from atlas_core.report.source import IN_DOMAIN, SHOWN_PARTS, Source

LEVEL = 0.9
DOUBTFUL = 0.05
"""Below this probability a low coverage of the worst family is no longer called chance."""


@dataclass(frozen=True)
class FamilyRow:
    """Hold one family of one part, as text."""

    family: str
    part: str
    held_out: bool
    n: str
    error: str
    error_interval: str
    coverage: str
    coverage_interval: str
    width: str


@dataclass(frozen=True)
class FamilyTable:
    """Hold the families of an arm; ``coverage`` is "" where there are no intervals."""

    error: str
    coverage: str
    width: str
    rows: tuple[FamilyRow, ...]
    notes: tuple[str, ...]


def family_table(source: Source, arm: str) -> FamilyTable | None:
    """Return the families of both parts; None where no family has enough rows."""
    held = source.metrics["arms"][arm].get("families") or {}
    parts = {part: held[part] for part in SHOWN_PARTS if (held.get(part) or {}).get("groups")}
    if not parts:
        return None
    groups = [own for found in parts.values() for own in found["groups"].values()]
    levels = sorted(
        {name.removeprefix("picp_") for own in groups for name in own if name.startswith("picp_")},
        key=lambda level: (abs(float(level) - LEVEL), level),
    )
    level = levels[0] if levels else ""
    of = "brier" if source.task == "binary" else "mae"
    unit = f" ({source.unit})" if source.unit and of == "mae" else ""
    share = words.percent_of_level(float(level)) if level else ""
    return FamilyTable(
        error=words.METRICS[of].label + unit,
        coverage=f"{share} {words.METRICS['picp'].label}" if level else "",
        width=f"{words.METRICS['mpiw'].label}{unit}" if level else "",
        rows=tuple(
            _row(family, own, part, of, level)
            for part, found in parts.items()
            for family, own in found["groups"].items()
        ),
        notes=tuple(text for part, found in held.items() for text in _notes(part, found, level)),
    )


def _row(family: str, own: Mapping[str, Any], part: str, of: str, level: str) -> FamilyRow:
    covered = own.get(f"picp_{level}")
    width = own.get(f"mpiw_{level}")
    return FamilyRow(
        family=family,
        part=PART_LABEL[part],
        held_out=part != IN_DOMAIN,
        n=words.fixed(own["n"], 0),
        error=words.shown(own[of], "unit"),
        error_interval=words.interval(own[of], "unit"),
        coverage=words.shown(covered, "share") if covered else "–",
        coverage_interval=words.interval(covered, "share") if covered else "",
        width=words.number(width),
    )


def _notes(part: str, found: Mapping[str, Any], level: str) -> list[str]:
    out = []
    where = PART_LABEL.get(part, part).capitalize()
    worst = (found.get("worst") or {}).get(f"picp_{level}")
    if worst:
        share = words.percent(worst["value"])
        promise = words.percent_of_level(float(level))
        text = f"{where}: the worst covered family is {worst['group']}, {share} at {promise}"
        if worst["p_value"] < DOUBTFUL:
            text += "; for the worst of that many families this is no chance."
        else:
            text += "; among that many families one this low is no surprise."
        out.append(text)
    if left_out := found.get("left_out"):
        named = words.listed([f"{family} ({n})" for family, n in sorted(left_out.items())])
        out.append(f"{where}: too few materials to be scored: {named}.")
    return out
