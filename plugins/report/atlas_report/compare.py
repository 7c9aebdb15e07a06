"""Compare two runs: paired differences with confidence intervals."""

from __future__ import annotations

from pathlib import Path

import click

from atlas_core.api import CommandHost
from atlas_core.finished import foreign, read_run
from atlas_core.metrics.registry import installed_metrics
from atlas_report.comparison import compare as compared
from atlas_report.comparison_table import format_comparison
from atlas_report.hooks import NoOptions


@click.command()
@click.argument("run_a", metavar="RUN_A", type=click.Path(path_type=Path))
@click.argument("run_b", metavar="RUN_B", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def compare(host: CommandHost, *, run_a: Path, run_b: Path, as_json: bool) -> None:
    """Set two runs side by side: paired differences with confidence intervals."""
    a, b = host.run_folder(run_a), host.run_folder(run_b)
    first, second = read_run(a), read_run(b)
    with foreign(Path(f"{a}, {b}")):
        found = compared(first, second, seed=0, metrics=installed_metrics(host.resolver))
        value, text = found.as_dict(), format_comparison(found, host.width)
    host.answer(value, text, as_json=as_json)


def command(config: NoOptions) -> click.Command:
    """Return the command ``compare``; it has no options of a component."""
    del config
    return compare
