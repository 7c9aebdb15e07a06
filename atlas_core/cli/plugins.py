"""``atlas plugins``: what is installed, from package metadata alone. Light: no numpy."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import click

from atlas_core.cli.console import echo, print_json
from atlas_core.cli.terminal import width
from atlas_core.command_options import json_option, kind_option
from atlas_core.kinds import KINDS
from atlas_core.text_table import columns


@click.command()
@kind_option("List only this kind")
@click.option(
    "--verify",
    is_flag=True,
    help="Import each component and observer in a separate process, and report broken ones; exit"
    " 1 if there are any.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="With --verify: an import that takes longer counts as broken.",
)
@json_option
def plugins(*, kind: str | None, verify: bool, timeout: float, as_json: bool) -> None:
    """List installed components, from package metadata alone."""
    from atlas_registry.listing import installed

    listed = installed([kind] if kind else KINDS, observers=verify and kind is None)
    problems = {row: row.problem for row in listed}
    if verify:
        from atlas_registry.verify import verify as load_all

        problems = load_all(listed, seconds=timeout)
    rows = [
        {
            "kind": row.kind,
            "name": row.name,
            "distribution": row.distribution,
            "version": row.version,
            "summary": row.summary,
            "problem": problems[row],
        }
        for row in listed
    ]
    if as_json:
        print_json(rows)
    else:
        echo(_table(rows, verified=verify))
    if verify and any(problems.values()):
        sys.exit(1)


def _table(rows: Sequence[Mapping[str, str]], *, verified: bool) -> str:
    """Return the components as a table, and a last line with their count."""
    if not rows:
        return "no component is installed: pip install -r requirements.txt"
    body = columns(
        [
            (
                *(row[name] for name in ("kind", "name", "distribution", "version")),
                f"BROKEN: {row['problem']}" if row["problem"] else row["summary"],
            )
            for row in rows
        ],
        ("KIND", "NAME", "DISTRIBUTION", "VERSION", "WHAT IT IS"),
        width=width(),
        spare=("VERSION", "DISTRIBUTION"),
    )
    broken = sum(bool(row["problem"]) for row in rows)
    state = f", {broken} broken" if broken or verified else ""
    return f"{body}\n{len(rows)} components{state}"
