"""``atlas verify`` and ``atlas export``: whether a run is as it was left, and one file of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from atlas_core.cli.console import echo
from atlas_core.errors import SpecError
from atlas_core.printing import on_one_line

DAMAGED = 4
"""Exit code of a run that is not as it was left, the same as of any data that cannot be used."""

_json = click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--rebuild",
    is_flag=True,
    help="Run spec.lock.yaml anew in a scratch folder, training everything, and say which numbers"
    " differ, and what is another here: data, code, versions, machine.",
)
@click.option(
    "--data-dir",
    envvar="ATLAS_DATA",
    type=click.Path(path_type=Path),
    help="Folder with local copies of data files, for --rebuild; also ATLAS_DATA.",
)
@click.option(
    "--cache-dir",
    envvar="ATLAS_CACHE",
    type=click.Path(path_type=Path),
    help="Folder for features and downloads, for --rebuild; also ATLAS_CACHE. Default: the user's"
    " cache folder.",
)
@_json
def verify(
    *, run: Path, rebuild: bool, data_dir: Path | None, cache_dir: Path | None, as_json: bool
) -> None:
    """Say whether every file of RUN is as the run left it; exit 4 where one is not.

    RUN is a run folder, or an archive that `atlas export` wrote. Files that were added later are
    listed, and are no fault; screens are not looked at. This finds damage and edits. It is no
    signature: who changes a file on purpose can write its checksum anew.
    """
    from atlas_core.archive import finished_manifest, verify_archive
    from atlas_core.metrics.digits import counted
    from atlas_core.seal import FILES, look, read_manifest

    packed = False
    if run.is_file() and run.name != "report.html":
        if rebuild:
            raise SpecError("--rebuild: unpack the archive, and name the folder")
        manifest, found = verify_archive(run)
        packed = True
    else:
        run = run_folder(run)
        manifest = finished_manifest(read_manifest(run), str(run))
        found = look(run, manifest)
    about: dict[str, Any] = {
        "run": str(run),
        "intact": found.intact,
        "files": len(manifest[FILES]),
        "changed": list(found.changed),
        "missing": list(found.missing),
        "added": list(found.added),
    }
    damaged = [n for names in (found.changed, found.missing) for n in names]
    lines = found.lines()
    if damaged:
        lines.append(
            f"{run}: {len(damaged)} of {about['files']} files not as the run left them; the same"
            " `atlas run` mends it"
        )
    else:
        lines.append(f"{run}: intact, {about['files']} files as the run left them")
    if packed and found.added:
        lines.append(
            f"{run}: {counted(len(found.added), 'other file')} in it, which the run did not write"
        )
    if rebuild:
        again, told = _rebuilt(run, data_dir, cache_dir)
        about["rebuilt"], good = again, again["same"]
        lines += told
    else:
        good = True
    echo(json.dumps(about, indent=1) if as_json else "\n".join(lines))
    if not (good and found.intact):
        sys.exit(DAMAGED)


def _rebuilt(
    run: Path, data_dir: Path | None, cache_dir: Path | None
) -> tuple[dict[str, Any], list[str]]:
    """Run anew; return what came out as plain data and as lines."""
    import platformdirs

    from atlas_core.cli.progress import progress
    from atlas_core.engine.machine import choose_device
    from atlas_core.engine.options import RunOptions
    from atlas_core.rebuild import rebuild
    from atlas_registry.loading import Registry

    cache = cache_dir or Path(platformdirs.user_cache_dir("atlas", appauthor=False))
    with progress(quiet=False) as tell:
        options = RunOptions(
            out=run, cache_dir=cache, data_dir=data_dir, device=choose_device("auto"), tell=tell
        )
        found = rebuild(run, Registry(), options)
    differ, because = list(found.differ), list(found.because)
    lines = [f"differs: {line}" for line in differ]
    lines += [f"another here: {line}" for line in because]
    if not differ:
        lines.append("rebuilt: every number is the same")
    elif not because:
        lines.append(
            "rebuilt: no difference in data, code, versions or machine is known; the files were"
            " changed, or a component does not repeat"
        )
    return {"same": not differ, "differ": differ, "because": because}, lines


def run_folder(path: Path) -> Path:
    """Return the folder of a run, which its report may stand for.

    Raises:
        SpecError: there is no finished run.
    """
    if path.suffix in (".yaml", ".yml") and path.is_file() and path.name != "spec.lock.yaml":
        raise SpecError(
            f"{path}: a spec; name the folder of a finished run, which `atlas run {path}` prints"
        )
    folder = path.parent if path.is_file() else path
    if not (folder / "manifest.json").exists():
        raise SpecError(f"{folder}: no finished run here; `atlas run` prints the folder of one")
    return folder


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file to write, which ends in .zip. Default: the run's name, in this folder.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@_json
def export(*, run: Path, out: Path | None, force: bool, as_json: bool) -> None:
    """Write the run folder RUN as one file, which `atlas verify` checks anywhere.

    The same run gives the same bytes. Data, checkpoints, screens and files that the run did not
    write are not in it.
    """
    from atlas_core import archive
    from atlas_core.cli.tables import size
    from atlas_core.seal import read_manifest

    folder = run_folder(run)
    manifest = archive.finished_manifest(read_manifest(folder), str(folder))
    out = out or Path(archive.archive_name(manifest) + archive.SUFFIX)
    if out.suffix != archive.SUFFIX:
        raise SpecError(f"--out {out}: expected a name that ends in {archive.SUFFIX}")
    if out.is_dir():
        raise SpecError(f"--out {out}: a folder; name the file in it")
    if out.exists() and not force:
        raise SpecError(f"--out {out}: the file is there already; --force overwrites it")
    about = archive.export(folder, out)
    left = "".join(f"\nleft out: {on_one_line(name)}" for name in about["left_out"])
    text = f"{out}: {about['files']} files, {size(about['bytes'])}{left}"
    echo(json.dumps(about, indent=1) if as_json else text)
