"""The page of a comparison: what differs between runs, their errors, and a list of all runs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from atlas_core import __version__
from atlas_core.errors import SpecError
from atlas_core.kinds.metric import Unit
from atlas_core.metrics.registry import Metrics
from atlas_core.observe import FinishedRun
from atlas_core.store import write_bytes
from atlas_pages import palette
from atlas_pages.formatting import count, listed
from atlas_pages.page import render
from atlas_pages.strip import Strip
from atlas_report import metric_labels
from atlas_report.comparison import Comparison, compare
from atlas_report.comparison_sentences import Said, said, scope, unpaired
from atlas_report.error_strip import error_strip
from atlas_report.run_differences import COMPARED, Varied, varied
from atlas_report.runs_list import ListedRun, listed_run, time
from atlas_report.source import HELD_OUT, IN_DOMAIN, PART_LABEL, Source, metric_of, source_of

PAIRED = 6
"""Runs of one question that are set side by side; the list has all."""
NAMED = 2
"""Things that differ which a title names; a table has all."""
MODEL = re.compile(r"arm(s\.[^.]+)?\.model")
MAIN = {
    "regression": ("mae", "mae_baseline", "mean_error", "share_too_high", "picp", "mpiw", "crps"),
    "binary": ("balanced_accuracy", "roc_auc", "brier", "ece"),
}
"""Columns of the table of metrics, by task; of those with a level, the one nearest to 0.9."""
TEMPLATE = Path(__file__).parent / "templates" / "compare.html.j2"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """How one run differs from the first of its question."""

    title: str
    said: tuple[Said, ...]
    unpaired: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Runs that predict one target of one data set, side by side.

    Attributes:
        anchor: of its section.
        question: what the runs ask; "" where they ask different things, or state nothing.
        about: their data and target.
        first_line: what differs between them.
        names: what the page calls each.
        varied: all that differs.
        strip: their errors on one axis; None where none is known.
        pairs: of each run but the first, against an earlier one.
        columns: titles of the table of metrics.
        metrics: its rows.
        left_out: how many more runs of this question stand in the list only.
        scope: what the intervals are over.
        caveat: what their target is not; "" where the data set does not say.
    """

    anchor: str
    question: str
    about: str
    first_line: str
    names: tuple[str, ...]
    varied: tuple[Varied, ...]
    strip: Strip | None
    pairs: tuple[Pair, ...]
    columns: tuple[str, ...]
    metrics: tuple[Row, ...]
    left_out: int
    scope: str
    caveat: str


class Runs:
    """Runs as they are read: all are listed; the first of each question are kept whole."""

    def __init__(self, *, keep: bool) -> None:
        """Begin without a run; ``keep`` those that a page sets side by side."""
        self.listed: list[ListedRun] = []
        self.kept: dict[tuple[str, ...], dict[str, FinishedRun]] = {}
        self._most = PAIRED if keep else 0

    def add(self, run: FinishedRun) -> None:
        """Take one more run."""
        line = listed_run(run)
        kept = self.kept.setdefault(line.asks, {})
        if len(kept) < self._most:
            kept[letter(len(self.listed))] = run
        self.listed.append(line)


def letter(place: int) -> str:
    """Return what the page calls a run: A to Z, then AA."""
    return (letter(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)


def write_page(path: Path, runs: Runs, not_runs: Sequence[str], *, metrics: Metrics) -> None:
    """Write the page, in one file that needs no other.

    Args:
        path: of the page; links to reports are relative to it.
        runs: at least one.
        not_runs: a line for each folder that is no finished run.
        metrics: whose rows are compared.

    Raises:
        SpecError: the file would stand among those of a run.
        DataError: it cannot be written.
    """
    if (path.parent / "manifest.json").exists():
        raise SpecError(f"{path}: {path.parent} holds files of a run; choose another folder")
    groups = [
        _group(f"question-{place}", kept, runs.listed, metrics)
        for place, kept in enumerate(runs.kept.values(), start=1)
        if len(kept) > 1
    ]
    title = _title(groups, runs.listed)
    view = {
        "title": title,
        "single": any(group.first_line == title for group in groups),
        "groups": groups,
        "runs": _rows(runs.listed, path),
        "not_runs": not_runs,
        "atlas": __version__,
        "light": palette.css(0),
        "dark": palette.css(1),
    }
    write_bytes(path, render(view, TEMPLATE).encode("utf-8", "backslashreplace"))


def _title(groups: Sequence[Group], runs: Sequence[ListedRun]) -> str:
    if len(groups) == 1 and len(groups[0].names) == len(runs):
        return groups[0].first_line
    asked = len({one.asks for one in runs})
    several = f" of {asked} targets or data sets" if asked > 1 else ""
    return f"{count(len(runs), 'run')}{several}"


def _group(
    anchor: str, kept: Mapping[str, FinishedRun], runs: Sequence[ListedRun], metrics: Metrics
) -> Group:
    names = tuple(kept)
    sources = {name: source_of(run) for name, run in kept.items()}
    differ = varied(list(kept.values()))
    lines = [listed_run(run) for run in kept.values()]
    columns, rows = _metrics(sources)
    return Group(
        anchor=anchor,
        question=lines[0].question if len({one.question for one in lines}) == 1 else "",
        about=f"{lines[0].data}: {lines[0].target}",
        first_line=_first_line(names, differ),
        names=names,
        varied=differ,
        strip=error_strip(sources),
        pairs=tuple(_pairs(kept, metrics)),
        columns=columns,
        metrics=rows,
        left_out=sum(one.asks == lines[0].asks for one in runs) - len(kept),
        scope=scope(repeated=any(run.repeats for run in kept.values())),
        caveat=next(iter(sources.values())).meaning.caveat,
    )


def _first_line(names: Sequence[str], found: Sequence[Varied]) -> str:
    who = listed(list(names))
    if not found:
        return f"{who} do not differ in {COMPARED}"
    # of arms of two names their models say more
    said = sorted(found, key=lambda one: one.what == "arm")[:NAMED]
    more = len(found) - len(said)
    rest = [f"{count(more, 'more difference')}"] if more else []
    if len(names) == 2:
        models = sum(bool(MODEL.fullmatch(one.what)) for one in found)
        line = listed([*(_against(names, one, models=models) for one in said), *rest])
        if not said[0].what.startswith("arm"):  # such a line begins with a name
            line = line[0].upper() + line[1:]
        return line + (", all else equal" if len(found) == 1 else "")
    only = " only" if len(found) == 1 else ""
    return f"{who} differ{only} in {listed([*(_label(one.what) for one in said), *rest])}"


def _against(names: Sequence[str], one: Varied, *, models: int) -> str:
    """Return what differs between two runs, such as "seed 7 (A) against 8 (B)"."""
    label = _label(one.what)
    if any("…" in value for value in one.values):
        return f"different {label}"
    if models == 1 and MODEL.fullmatch(one.what):
        label = ""
    a, b = (f"{value} ({name})" for name, value in zip(names, one.values, strict=True))
    return f"{label} {a} against {b}".strip()


def _label(what: str) -> str:
    return re.sub(r"^arms?\.", "", what).replace(".", " ")


def _pairs(kept: Mapping[str, FinishedRun], metrics: Metrics) -> Iterator[Pair]:
    """Yield each run but the first against an earlier one, as :func:`_partner` chooses it."""
    shown: set[str] = set()
    for place, name in enumerate(kept):
        found = _partner(kept, place, metrics)
        if found is not None:
            names, compared = found
            shown.update(names)
            title = f"{name} against {names[0]}"
            yield Pair(title, said(compared, names), unpaired(compared, names))
    alone = [name for name in kept if name not in shown]
    if alone:
        line = "No other run here has an arm in common with it, on the same data."
        yield Pair(f"Not compared: {listed(alone)}", (), (line,))


def _partner(
    kept: Mapping[str, FinishedRun], place: int, metrics: Metrics
) -> tuple[tuple[str, str], Comparison] | None:
    """Compare a run with the first before it that shares rows, or else an arm; None without one."""
    (name, run), earlier = list(kept.items())[place], list(kept.items())[:place]
    first = None
    for other, before in earlier:
        if not ({*before.arms} & {*run.arms} or len(before.arms) == len(run.arms) == 1):
            continue
        try:
            found = compare(before, run, seed=0, metrics=metrics, names=(other, name))
        except SpecError:  # of other data, though they state the same
            continue
        if any(part.paired for arm in found.arms for part in arm.parts):
            return (other, name), found
        first = first or ((other, name), found)
    return first


def _metrics(sources: Mapping[str, Source]) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Return the titles and the rows of the table of metrics: one per run, arm and part."""
    task = next(iter(sources.values())).task
    chosen = [name for one in MAIN[task] if (name := _known(one, sources.values()))]
    titles = []
    for name in chosen:
        about = metric_labels.metric(next(iter(sources.values())).figures, name)
        titles.append(about.label if about else name)
    rows = [
        {
            "run": run,
            "arm": arm,
            "part": PART_LABEL[part],
            "held_out": part == HELD_OUT,
            "cells": [_cell(source, metric_of(source, arm, part, name), name) for name in chosen],
        }
        for run, source in sources.items()
        for arm in source.rows
        for part in (IN_DOMAIN, HELD_OUT)
        if source.metrics["arms"][arm]["parts"].get(part)
    ]
    return tuple(titles), tuple(rows)


def _known(name: str, sources: Iterable[Source]) -> str:
    """Return a metric, or the one of its levels nearest to 0.9, that all sources have; else ""."""
    held: list[set[str]] = [
        {metric for arm in one.metrics["arms"].values() for part in arm["parts"].values()
         for metric in part["metrics"]}
        for one in sources
    ]  # fmt: skip
    every = set.intersection(*held)
    levels = [metric for metric in every if metric.rpartition("_")[0] == name]
    if name in every or not levels:
        return name if name in every else ""
    return min(levels, key=lambda one: (abs(float(one.rpartition("_")[2]) - 0.9), one))


def _cell(source: Source, entry: Mapping[str, float] | None, name: str) -> tuple[str, str]:
    """Return a value and its interval in words; ("–", "") without one."""
    about = metric_labels.metric(source.figures, name)
    if entry is None or about is None:
        return "–", ""
    return metric_labels.shown(entry, about.unit), metric_labels.interval(entry, about.unit)


def _rows(runs: Sequence[ListedRun], page: Path) -> list[Row]:
    """Return the rows of the list: one per arm."""
    return [
        {
            "name": letter(place),
            "run": run.run,
            "link": _link(Path(run.folder) / "report.html", page),
            "question": run.question,
            "data": run.data,
            "target": run.target,
            "arm": arm.arm,
            "grade": arm.grade,
            "tone": arm.tone,
            "inside": _error(run, arm.inside),
            "outside": _error(run, arm.outside),
            "time": time(run.seconds),
        }
        for place, run in enumerate(runs)
        for arm in run.arms
    ]


def _error(run: ListedRun, entry: Mapping[str, float] | None) -> tuple[str, str, str]:
    """Return value, unit and interval in words."""
    if entry is None:
        return "–", "", ""
    scale: Unit = "share" if run.task == "binary" else "target"
    unit = "" if run.task == "binary" else run.unit
    return metric_labels.shown(entry, scale), unit, metric_labels.interval(entry, scale)


def _link(to: Path, page: Path) -> str:
    """Return where a file lies, as a link from a page; "" where it does not exist."""
    if not to.is_file():
        return ""
    try:
        near = os.path.relpath(to.resolve(), page.resolve().parent)
    except ValueError:  # on another drive
        return to.resolve().as_uri()
    return quote(Path(near).as_posix())
