"""Score a finished run and write its reports again."""

from __future__ import annotations

from pathlib import Path

import click

from atlas_core.api import CommandHost
from atlas_core.command_options import open_option
from atlas_core.component import Use
from atlas_core.engine.folder import RunFolder
from atlas_core.engine.reporting import ready, report_again, require_room
from atlas_core.finished import read_run
from atlas_core.spec.load import resolve_reports
from atlas_report.hooks import NoOptions


@click.command()
@click.argument("run_path", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--add",
    "added",
    multiple=True,
    metavar="REPORT",
    help="Write this report, too, such as csv. Default: those that its spec names.",
)
@open_option
@click.option("-q", "--quiet", is_flag=True, help="Show no progress on stderr.")
@click.pass_obj
def report(
    host: CommandHost, *, run_path: Path, added: tuple[str, ...], opened: bool, quiet: bool
) -> None:
    """Score RUN and write its reports again, from its stored predictions."""
    path = host.run_folder(run_path)
    folder = RunFolder(path)
    with folder.lock(), host.observers() as observers, host.progress(quiet=quiet) as notify:
        run = read_run(path)
        uses = [
            Use(use=one["use"], options=one["options"]) for one in run.manifest.get("reports", ())
        ]
        known = [use.use for use in uses]
        uses += [Use(use=name) for name in dict.fromkeys(added) if name not in known]
        reports = ready(resolve_reports(uses, host.resolver))
        require_room(folder, reports)
        report_again(folder, run, reports, observers, host.resolver, notify=notify)
    written = [str(path / one.reporter.places[0]) for one in reports]
    host.answer(written, "\n".join(written), as_json=False)
    if opened:
        host.show(path / reports[0].reporter.places[0] if reports else None)


def command(config: NoOptions) -> click.Command:
    """Return the command ``report``; it has no options of a component."""
    del config
    return report
