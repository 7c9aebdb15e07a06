"""Print the JSON Schema of specs, with the options of every installed component."""

from __future__ import annotations

from pathlib import Path

import click

from atlas_core.api import CommandHost, Config
from atlas_core.kinds.kind import kinds
from atlas_core.spec.schema import schema_text
from atlas_core.store import write_bytes


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Write to this file instead.")
@click.pass_obj
def schema(host: CommandHost, *, out: Path | None) -> None:
    """Print the JSON Schema of specs, with the options of every installed component.

    A broken component is left out, and stderr names it.
    """
    named_in_specs = [kind.name for kind in kinds() if kind.place]
    for problem in filter(None, host.resolver.problems(named_in_specs).values()):
        host.note(f"warning: {problem}; it is left out")
    text = schema_text(host.resolver)
    if out is None:
        host.answer(None, text.removesuffix("\n"), as_json=False)
    else:
        write_bytes(out, text.encode())


def command(config: Config) -> click.Command:
    """Return the command ``schema``; it has no options of a component."""
    del config
    return schema
