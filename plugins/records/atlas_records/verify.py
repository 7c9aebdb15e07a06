"""Check that a run is as it was left, or run it anew and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from atlas_core.api import CommandHost, Config, DataError, SpecError
from atlas_core.command_options import (
    cache_dir_option,
    data_dir_option,
    json_option,
    run_argument,
)
from atlas_core.engine.machine import choose_device
from atlas_core.engine.options import RunOptions
from atlas_core.printing import counted
from atlas_core.python.machine import cache_folder
from atlas_core.seal import FILES, look, read_manifest
from atlas_records.archive import finished_manifest, verify_archive
from atlas_records.rebuild import rebuild as run_anew


@click.command()
@run_argument
@click.option(
    "--rebuild",
    is_flag=True,
    help="Run spec.lock.yaml anew in a scratch folder, training everything, and say which numbers"
    " differ, and what is another here: data, code, versions, machine. --data-dir and --cache-dir"
    " are for it.",
)
@data_dir_option
@cache_dir_option
@json_option
@click.pass_context
def verify(
    ctx: click.Context,
    *,
    run: Path,
    rebuild: bool,
    data_dir: Path | None,
    cache_dir: Path | None,
    as_json: bool,
) -> None:
    """Say whether every file of RUN is as the run left it; exit 4 where one is not.

    RUN is a run folder, or an archive that `atlas export` wrote. Files that were added later are
    listed, and are no fault; screens are not looked at. This finds damage and edits. It is no
    signature: who changes a file on purpose can write its checksum anew.
    """
    host: CommandHost = ctx.obj
    packed = run.is_file() and run.name != "report.html"
    if packed and rebuild:
        raise SpecError("--rebuild: unpack the archive, and name the folder")
    if packed:
        manifest, found = verify_archive(run)
    else:
        run = host.run_folder(run)
        manifest = finished_manifest(read_manifest(run), str(run))
        found = look(run, manifest)
    count = len(manifest[FILES])
    about: dict[str, Any] = {
        "run": str(run),
        "intact": found.intact,
        "files": count,
        "changed": list(found.changed),
        "missing": list(found.missing),
        "added": list(found.added),
    }
    lines = found.lines()
    if found.intact:
        lines.append(f"{run}: intact, {count} files as the run left them")
    else:
        damaged = len(found.changed) + len(found.missing)
        lines.append(
            f"{run}: {damaged} of {count} files not as the run left them; the same `atlas run`"
            " mends it"
        )
    if packed and found.added:
        others = counted(len(found.added), "other file")
        lines.append(f"{run}: {others} in it, which the run did not write")
    if rebuild:
        about["rebuilt"], differences = _rebuilt(host, run, data_dir, cache_dir)
        lines += differences
    host.answer(about, "\n".join(lines), as_json=as_json)
    if not (found.intact and about.get("rebuilt", {"same": True})["same"]):
        ctx.exit(DataError.exit_code)


def _rebuilt(
    host: CommandHost, run: Path, data_dir: Path | None, cache_dir: Path | None
) -> tuple[dict[str, Any], list[str]]:
    """Run anew; return what came out as plain data and as lines."""
    with host.progress(quiet=False) as notify:
        options = RunOptions(
            out=run,
            cache_dir=cache_folder(cache_dir),
            data_dir=data_dir,
            device=choose_device("auto"),
            notify=notify,
        )
        found = run_anew(run, host.resolver, options)
    lines = [f"differs: {line}" for line in found.differ]
    lines += [f"another here: {line}" for line in found.because]
    if not found.differ:
        lines.append("rebuilt: every number is the same")
    elif not found.because:
        lines.append(
            "rebuilt: no difference in data, code, versions or machine is known; the files were"
            " changed, or a component does not repeat"
        )
    about = {"differ": list(found.differ), "because": list(found.because)}
    return {"same": not found.differ, **about}, lines


def command(config: Config) -> click.Command:
    """Return the command ``verify``; it has no options of a component."""
    del config
    return verify
