"""Let observers and reporters write of a finished run, and seal its folder. Light."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from atlas_core.context import Notify
from atlas_core.engine.blame import blame
from atlas_core.engine.finish import evaluated
from atlas_core.engine.folder import EXPORTS, OWN, RunFolder
from atlas_core.engine.options import say_nothing
from atlas_core.errors import PluginError
from atlas_core.finished import foreign, read_run
from atlas_core.kinds.report import Reporter
from atlas_core.links import delete
from atlas_core.metrics.registry import recorded_metrics
from atlas_core.observe import Export, FinishedRun, ReportSection
from atlas_core.printing import counted
from atlas_core.progress import Step
from atlas_core.resolver import Observers, Resolver
from atlas_core.seal import FILES, MANIFEST, SCORED, added, seal
from atlas_core.spec.load import recorded_evaluator
from atlas_core.spec.plan import BoundComponent
from atlas_core.store import write_bytes, write_json


@dataclass(frozen=True)
class Report:
    """A reporter that is ready.

    Attributes:
        chosen: the component that made it.
        reporter: itself.
        about: what the manifest says of it.
    """

    chosen: BoundComponent
    reporter: Reporter
    about: Mapping[str, Any]

    @classmethod
    def of(cls, chosen: BoundComponent) -> Report:
        """Make a reporter.

        Raises:
            PluginError: it cannot be made.
        """
        reporter: Reporter = chosen.build()
        places = list(reporter.places)
        return cls(chosen, reporter, {**chosen.describe(), "places": places})


def ready(reports: Sequence[BoundComponent]) -> tuple[Report, ...]:
    """Make the reporters, before anything is computed that they would be needed for.

    Raises:
        PluginError: one cannot be made, or its files would stand in the place of others.
    """
    made = tuple(map(Report.of, reports))
    owners = dict.fromkeys(OWN, "the run itself")
    for one in made:
        if not one.reporter.places:
            raise PluginError(f"{one.chosen.label}: names no place for its files")
        for place in one.reporter.places:
            if PurePosixPath(place).parts != (place,) or place.startswith("."):
                raise PluginError(f"{one.chosen.label}: its place {place!r} is no plain name")
            if place in owners:
                raise PluginError(f"{one.chosen.label}: {place} is written by {owners[place]}")
            owners[place] = one.chosen.label
    return made


def require_room(folder: RunFolder, reports: Sequence[Report]) -> None:
    """Stop, before anything is computed, where something keeps a report from being written.

    Raises:
        DataError: a folder stands in place of a file, or the other way about.
    """
    places = [PurePosixPath(place) for report in reports for place in report.reporter.places]
    folder.require_room(
        [str(place) for place in places if place.suffix],
        [str(place) for place in places if not place.suffix],
    )


def complete(
    folder: RunFolder,
    run: FinishedRun,
    reports: Sequence[Report],
    observers: Observers,
    *,
    notify: Notify,
    status: str,
) -> FinishedRun:
    """Let observers add files and sections, write the reports, then state the ``status``."""
    strange = added(folder.path)  # beside a result that was damaged and is mended now
    run = replace(run, manifest={**run.manifest, "status": "reporting"})
    write_json(folder.path / MANIFEST, run.manifest)

    def keep(exports: Sequence[Export]) -> None:
        for export in exports:
            write_bytes(folder.path / EXPORTS / export.path, export.content)

    observers.call("atlas_run_exports", use=keep, run=run)

    def named(one: Report) -> AbstractContextManager[None]:
        return blame(one.chosen.parts, where="report")

    _write(folder.path, run, reports, observers, guard=named, notify=notify)
    folder.event(status, {"seconds": run.manifest["seconds"]})
    ended = seal(folder.path, {**run.manifest, "status": status}, but=strange)
    write_json(folder.path / MANIFEST, ended)
    return replace(run, manifest=ended)


def report_again(
    folder: RunFolder,
    run: FinishedRun,
    reports: Sequence[Report],
    observers: Observers,
    resolver: Resolver,
    *,
    notify: Notify = say_nothing,
) -> FinishedRun:
    """Score the stored predictions and write the reports anew; the folder is locked.

    Raises:
        DataError: a file of the run is not as the run left it, or cannot be written.
    """
    manifest = {**run.manifest, "reports": [report.about for report in reports]}
    known = FILES in manifest
    if known:  # killed from here on: some of these files are of this report, some are not
        begun = seal(folder.path, {**manifest, "status": "reporting"}, only=())
        write_json(folder.path / MANIFEST, begun)
    notify(Step(f"score: {counted(len(run.predictions), 'prediction')}", stage="score"))
    with foreign(folder.path):
        run = evaluated(
            folder.path,
            replace(run, manifest=manifest, metrics={}, exam={}, verdict={}),
            recorded_evaluator(manifest, resolver),
            levels=run.metrics["levels"],
            metrics=recorded_metrics(manifest.get("metrics"), resolver),
        )
        kept = _write(
            folder.path,
            run,
            reports,
            observers,
            guard=lambda _: foreign(folder.path),
            notify=notify,
        )
    if not known:
        return run
    places = tuple(place for report in reports for place in report.reporter.places)
    for name in manifest[FILES]:
        if name not in kept and name.partition("/")[0] in places:
            delete(folder.path / name)
    # an arm that failed is missing still: the next run goes on with it
    ended = {**manifest, "status": "incomplete" if "failed" in manifest else "complete"}
    anew = seal(folder.path, ended, only=(*places, *SCORED))
    write_json(folder.path / MANIFEST, anew)
    return replace(run, manifest=anew)


def stored(
    folder: RunFolder,
    reports: Sequence[Report],
    observers: Observers,
    resolver: Resolver,
    *,
    notify: Notify,
) -> FinishedRun:
    """Return an earlier result, with the reports that are asked for now; the folder is locked."""
    run = read_run(folder.path)
    wanted, there = (
        [_named(one) for one in some]
        for some in ([report.about for report in reports], run.manifest.get("reports", ()))
    )
    if wanted == there:
        return run
    return report_again(folder, run, reports, observers, resolver, notify=notify)


def _named(about: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(about.get(key) for key in ("use", "options", "places"))


def _write(
    folder: Path,
    run: FinishedRun,
    reports: Sequence[Report],
    observers: Observers,
    *,
    guard: Callable[[Report], AbstractContextManager[None]],
    notify: Notify,
) -> set[str]:
    """Write the files of every report; return their paths in the folder."""
    if not reports:
        return set()
    returned = observers.call("atlas_report_sections", run=run)
    sections: list[ReportSection] = [section for some in returned for section in some]
    written: set[str] = set()
    for report in reports:
        notify(Step(f"report: {report.chosen.name}", stage="report"))
        with guard(report):
            files = report.reporter.report(run, sections)
        for file in files:
            if file.path.parts[0] not in report.reporter.places:
                raise PluginError(f"{report.chosen.label}: {file.path} lies outside its places")
            write_bytes(folder / file.path, file.content)
            written.add(str(file.path))
    return written
