"""Write the reports of a finished run anew, for ``atlas report``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from atlas_core.finished import read_run
from atlas_core.resolver import Observers, Resolver
from atlas_core.runner.folder import RunFolder
from atlas_core.runner.reporting import ready, report_again, require_room
from atlas_core.spec.model import USUAL_REPORTS, Use
from atlas_core.spec.plan import resolve_reports


def report_anew(
    path: Path, added: Sequence[str], resolver: Resolver, observers: Observers
) -> list[Path]:
    """Return what a reader opens of each report.

    Args:
        path: the run folder.
        added: names of reports to write beside those of the run.
        resolver: of the reports.
        observers: of whom some add sections.

    Raises:
        AtlasError: the folder holds no run as it was left, or a report is not installed; one line
            says which.
    """
    folder = RunFolder(path)
    with folder.lock():
        run = read_run(path)
        uses = [
            Use(use=one["use"], options=one["options"]) for one in run.manifest.get("reports", ())
        ]
        known = [use.use for use in uses]
        uses += [Use(use=name) for name in dict.fromkeys(added) if name not in known]
        reports = ready(resolve_reports(uses or USUAL_REPORTS, resolver))
        require_room(folder, reports)
        report_again(folder, run, reports, observers)
    return [path / report.reporter.places[0] for report in reports]
