"""Error and coverage of an arm by anion family, as a table. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from atlas_core.metrics import registry
from atlas_pages import formatting
from atlas_report import metric_labels
from atlas_report.source import IN_DOMAIN, PART_LABEL, SHOWN_PARTS, Source
from atlas_statistics.binomial import BY_CHANCE

LEVEL = 0.9


@dataclass(frozen=True)
class FamilyRow:
    """One family of one part, as text."""

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
    """The families of an arm; ``coverage`` is "" where there are no intervals."""

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
    share = formatting.percent_of_level(float(level)) if level else ""
    sets = "label sets of both classes" if source.task == "binary" else ""
    return FamilyTable(
        error=_label(source, of) + unit,
        coverage=f"{share} {_label(source, 'picp')}" if level else "",
        width=(sets or f"{_label(source, 'mpiw')}{unit}") if level else "",
        rows=tuple(
            _row(family, own, part, of, level, sets=bool(sets))
            for part, found in parts.items()
            for family, own in found["groups"].items()
        ),
        notes=tuple(text for part, found in held.items() for text in _notes(part, found, level)),
    )


def _label(source: Source, name: str) -> str:
    """Return the label of a metric, its name where the run has no words for it."""
    about = registry.shown(source.figures, name)
    return name if about is None else about.label


def _row(
    family: str, own: Mapping[str, Any], part: str, of: str, level: str, *, sets: bool
) -> FamilyRow:
    covered = own.get(f"picp_{level}")
    width = own.get(f"mpiw_{level}")
    return FamilyRow(
        family=family,
        part=PART_LABEL[part],
        held_out=part != IN_DOMAIN,
        n=formatting.fixed(own["n"], 0),
        error=metric_labels.shown(own[of], "target"),
        error_interval=metric_labels.interval(own[of], "target"),
        coverage=metric_labels.shown(covered, "share") if covered else "–",
        coverage_interval=metric_labels.interval(covered, "share") if covered else "",
        # a label set of both classes is 1 wide, one of a single class 0
        width=formatting.percent(width) if sets and width is not None else formatting.number(width),
    )


def _notes(part: str, found: Mapping[str, Any], level: str) -> list[str]:
    """Name every family below its nominal coverage, and those too small to be scored."""
    out = []
    where = PART_LABEL.get(part, part).capitalize()
    tested = (found.get("coverage") or {}).get(level)
    if tested and tested["below"]:
        nominal = float(level)
        proven = [one for one in tested["below"] if one["p_level"] < BY_CHANCE]
        apart = [one for one in tested["below"] if one["p_level"] >= BY_CHANCE]
        below = f"{where}, below the nominal {formatting.percent_of_level(nominal)}"
        corrected = f"p corrected for {formatting.count(tested['groups'], 'family', 'families')}"
        for those, how in ((proven, ""), (apart, ", and below the other families")):
            if those:
                named = formatting.listed([_below(one, nominal) for one in those])
                out.append(f"{below}{how} by more than chance ({corrected}): {named}.")
    if left_out := found.get("left_out"):
        named = formatting.listed([f"{family} ({n})" for family, n in sorted(left_out.items())])
        out.append(f"{where}: too few materials to be scored: {named}.")
    return out


def _below(one: Mapping[str, Any], nominal: float) -> str:
    """Return a family below nominal with the evidence: against that, or against the others."""
    share = _short_of(one["hits"] / one["n"], nominal)
    text = f"{one['group']}, {share} of {formatting.fixed(one['n'], 0)}"
    if one["p_level"] < BY_CHANCE:
        return f"{text} (p = {one['p_level']:.1g})"
    others = formatting.percent(one["others_hits"] / one["others_n"])
    return (
        f"{text}, where the other families have {others} of {formatting.fixed(one['others_n'], 0)}"
        f" (p = {one['p_others']:.1g})"
    )


def _short_of(share: float, nominal: float) -> str:
    """Return a share in percent with the decimals that show it to be below nominal."""
    for places in range(5):
        text = f"{100 * share:.{places}f}"
        if float(text) < 100 * nominal:
            return f"{text}{formatting.NARROW}%"
    return f"less than {formatting.percent_of_level(nominal)}"
