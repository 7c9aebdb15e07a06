"""``atlas schema``: the JSON Schema of specs. Light."""

from __future__ import annotations

from pathlib import Path

import click

from atlas_core.cli.console import echo, note


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Write to this file instead.")
def schema(*, out: Path | None) -> None:
    """Print the JSON Schema of specs, with the options of every installed component.

    A broken component is left out, and stderr names it.
    """
    from atlas_core.kinds.kind import kinds
    from atlas_core.spec.schema import schema_text
    from atlas_core.store import write_bytes
    from atlas_registry.listing import installed
    from atlas_registry.loading import Registry
    from atlas_registry.verify import named

    registry = Registry()
    named_in_specs = [kind.name for kind in kinds() if kind.place]
    for row, problem in registry.problems(installed(named_in_specs)).items():
        if problem:
            note(f"warning: {named(row, problem)}; it is left out")
    text = schema_text(registry)
    if out is None:
        echo(text, nl=False)
    else:
        write_bytes(out, text.encode())
