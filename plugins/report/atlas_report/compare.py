"""Compare two finished runs row by row, or list any number of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from atlas_core.api import AtlasError, CommandHost, SpecError
from atlas_core.finished import foreign, read_run
from atlas_core.metrics.registry import installed_metrics
from atlas_report.comparison import compare as compared
from atlas_report.comparison_page import Runs, write_page
from atlas_report.comparison_table import format_comparison
from atlas_report.hooks import NoOptions
from atlas_report.runs_list import format_runs, grades_of


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page of the comparison to this file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def compare(host: CommandHost, *, runs: tuple[Path, ...], html: Path | None, as_json: bool) -> None:
    """Compare two runs row by row, or list any number of runs.

    Two runs: paired differences with confidence intervals. Any other number, such as `runs/*`:
    question, data, verdict, error and time of each; what is no finished run is named and left out.
    """
    value, text, found, left_out = (_two if len(runs) == 2 else _many)(
        host, runs, keep=html is not None
    )
    if html is not None:
        with foreign(Path(", ".join(map(str, runs)))):
            write_page(html, found, left_out, metrics=installed_metrics(host.resolver))
        value, text = value | {"page": str(html)}, f"{text}\n\n{html}"
    for line in left_out:
        host.note(f"left out: {line}")
    host.answer(value, text, as_json=as_json, grades=grades_of(found.listed))


Answer = tuple[dict[str, Any], str, Runs, list[str]]


def _two(host: CommandHost, runs: tuple[Path, ...], *, keep: bool) -> Answer:
    """Return the comparison of two runs.

    Raises:
        AtlasError: one is no finished run, or they predict different things.
    """
    a, b = (host.run_folder(run) for run in runs)
    first, second = read_run(a), read_run(b)
    with foreign(Path(f"{a}, {b}")):
        found = compared(first, second, seed=0, metrics=installed_metrics(host.resolver))
        both = Runs(keep=keep)
        for run in (first, second):
            both.add(run)
        return found.as_dict(), format_comparison(found, host.width), both, []


def _many(host: CommandHost, paths: tuple[Path, ...], *, keep: bool) -> Answer:
    """Return the list of those that are finished runs.

    Raises:
        SpecError: none is.
    """
    found, left_out = Runs(keep=keep), []
    for path in paths:
        try:
            folder = host.run_folder(path)
            with foreign(folder):
                found.add(read_run(folder))
        except AtlasError as err:
            left_out.append(str(err))
    if not found.listed:
        raise SpecError("; ".join(left_out[:3]))
    value = {"runs": [one.as_dict() for one in found.listed], "left_out": left_out}
    return value, format_runs(found.listed), found, left_out


def command(config: NoOptions) -> click.Command:
    """Return the command ``compare``; it has no options of a component."""
    del config
    return compare
