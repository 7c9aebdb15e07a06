"""``atlas check``: components against the contract of their kind. Light."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

import click

from atlas_core.cli.console import answer
from atlas_core.command_options import json_option
from atlas_core.kinds import KINDS


@click.command()
@click.argument("names", nargs=-1)
@click.option("--kind", type=click.Choice(KINDS), help="Kind of the named components.")
@click.option(
    "--path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Check every component that the pyproject.toml in this folder offers.",
)
@click.option("--all", "everything", is_flag=True, help="Check every installed component.")
@json_option
def check(
    *, names: tuple[str, ...], kind: str | None, path: Path | None, everything: bool, as_json: bool
) -> None:
    """Test components against the contract of their kind; exit 1 if a check fails."""
    from atlas_core.cli.checking import check_components

    with redirect_stdout(sys.stderr):
        rows, failed, text = check_components(names, kind=kind, path=path, everything=everything)
    answer(rows, text, as_json=as_json)
    if failed:
        sys.exit(1)
