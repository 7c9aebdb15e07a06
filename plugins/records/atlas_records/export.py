"""Write a finished run as one file, for `atlas verify` anywhere."""

from __future__ import annotations

from pathlib import Path

import click

from atlas_core.api import CommandHost, Config
from atlas_core.command_options import (
    json_option,
    overwrite_option,
    require_new_file,
    run_argument,
)
from atlas_core.printing import on_one_line, size
from atlas_core.seal import read_manifest
from atlas_records import archive


@click.command()
@run_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file to write, which ends in .zip. Default: the run's name, in this folder.",
)
@overwrite_option
@json_option
@click.pass_obj
def export(host: CommandHost, *, run: Path, out: Path | None, force: bool, as_json: bool) -> None:
    """Write the run folder RUN as one file, which `atlas verify` checks anywhere.

    The same run gives the same bytes. Data, checkpoints, screens and files that the run did not
    write are not in it.
    """
    folder = host.run_folder(run)
    manifest = archive.finished_manifest(read_manifest(folder), str(folder))
    out = out or Path(archive.archive_name(manifest) + archive.SUFFIX)
    require_new_file(out, archive.SUFFIX, force=force)
    about = archive.export(folder, out)
    left = "".join(f"\nleft out: {on_one_line(name)}" for name in about["left_out"])
    text = f"{out}: {about['files']} files, {size(about['bytes'])}{left}"
    host.answer(about, text, as_json=as_json)


def command(config: Config) -> click.Command:
    """Return the command ``export``; it has no options of a component."""
    del config
    return export
