"""The errors of all arms of one or more runs on one axis. Light."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from atlas_pages.formatting import fixed, number, percent
from atlas_pages.strip import Axis, Mark, Strip, axis_from_zero
from atlas_report import metric_labels, repeats
from atlas_report.entries import MANY
from atlas_report.source import HELD_OUT, IN_DOMAIN, PART_LABEL, WORTH, Source, metric_of

Entry = Mapping[str, float]

CHANCE = 0.5
"""Balanced accuracy of always naming one class."""


@dataclass(frozen=True)
class Found:
    """The error of one arm of one run in one part.

    Attributes:
        run: whose arm it is, as the page names the run; "" where it shows one run.
        arm: its name.
        part: of the table.
        entry: value and ends of its interval.
        baseline: what the trivial baseline reaches on the same rows; None where it is not known.
        spread: over trainings; None of one.
    """

    run: str
    arm: str
    part: str
    entry: Entry
    baseline: float | None
    spread: repeats.Spread | None

    @property
    def others(self) -> tuple[float, ...]:
        """Return the errors of the other trainings."""
        return () if self.spread is None else tuple(map(float, self.spread["values"][1:]))

    @property
    def ends(self) -> tuple[float, float]:
        """Return the ends of the interval: the value itself where it has none."""
        value = self.entry["value"]
        low, high = self.entry.get("low"), self.entry.get("high")
        return value if low is None else low, value if high is None else high


def error_strip(runs: Mapping[str, Source]) -> Strip | None:
    """Return the errors of all arms on one axis, arm by arm; None where none is known.

    Args:
        runs: by what the page calls each, all of one task and unit; "" for the only one.
    """
    if not runs:
        return None
    source = next(iter(runs.values()))
    name = WORTH[source.task]
    about = metric_labels.metric(source.figures, name)
    found = [
        Found(
            *(run, own.called(arm), part, entry),
            baseline=_baseline(own, arm, part),
            spread=repeats.spread_of(own, arm, name, part=part),
        )
        for arm in dict.fromkeys(arm for own in runs.values() for arm in own.rows)
        for part in (IN_DOMAIN, HELD_OUT)
        for run, own in runs.items()
        if arm in own.rows and (entry := metric_of(own, arm, part, name)) is not None
    ]
    if not found or about is None:
        return None
    binary = source.task == "binary"
    tolerances = {None if binary else error_tolerance(own) for own in runs.values()}
    tolerance = tolerances.pop() if len(tolerances) == 1 else None
    axis = _axis([*found], tolerance, binary=binary)
    unit = f", {source.unit}" if source.unit and not binary else ""
    return Strip(
        title=f"{about.label}{unit}",
        marks=tuple(
            Mark(
                arm=f"{one.run} · {one.arm}" if one.run else one.arm,
                part=PART_LABEL[one.part],
                held_out=one.part == HELD_OUT,
                value=metric_labels.shown(one.entry, about.unit),
                interval=metric_labels.interval(one.entry, about.unit),
                at=axis.place(one.entry["value"]),
                low=axis.place(one.ends[0]),
                high=axis.place(one.ends[1]),
                baseline=None if one.baseline is None else axis.place(one.baseline),
                trivial="" if one.baseline is None else _trivial(one.baseline, binary=binary),
                repeats=tuple(map(axis.place, one.others)),
                trainings=(
                    "" if one.spread is None else repeats.span(one.spread, one.entry, about.unit)
                ),
            )
            for one in found
        ),
        ticks=axis.ticks(percent if binary else _tick),
        tolerance=None if tolerance is None else axis.place(tolerance),
        tolerated=(
            "" if tolerance is None else f"{number(tolerance, digits=2)} {source.unit}".rstrip()
        ),
        baseline="always naming one class" if binary else "always predicting the training median",
        together=len(runs) == 1 and len(source.rows) > MANY,
    )


def _axis(found: list[Found], tolerance: float | None, *, binary: bool) -> Axis:
    known = [
        value
        for one in found
        for value in (*one.ends, *one.others, one.baseline, tolerance)
        if value is not None
    ]
    if binary:
        return Axis(min(CHANCE, *(v for v in known if math.isfinite(v))), 1.0)
    return axis_from_zero(known)


def _baseline(source: Source, arm: str, part: str) -> float | None:
    """Return what the trivial baseline reaches on the same rows."""
    if source.task == "binary":
        return CHANCE
    entry = metric_of(source, arm, part, "mae_baseline")
    return None if entry is None else float(entry["value"])


def error_tolerance(source: Source) -> float | None:
    """Return the error tolerance of the spec, or the mean of those that its folds drew.

    Without a held-out class there is no exam: then those at which labels were judged in-domain.
    """
    drawn = [
        float(one["error_tolerance"]) for exam in source.exam.values() for one in exam["classes"]
    ] or [
        float(one)
        for arm in source.rows
        for one in (source.metrics["arms"][arm].get("labels") or {}).get("error_tolerances", ())
    ]
    return sum(drawn) / len(drawn) if drawn else None


def _tick(value: float) -> str:
    return fixed(value, 10).rstrip("0").rstrip(".")


def _trivial(value: float, *, binary: bool) -> str:
    return percent(value) if binary else number(value, digits=2)
