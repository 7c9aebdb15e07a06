"""Show or clear stored features, fits and parsed data files."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from atlas_core.api import CommandHost, Config, SpecError
from atlas_core.command_options import cache_dir_option, json_option
from atlas_core.engine.features import FeatureCache
from atlas_core.engine.fits import FitCache
from atlas_core.printing import size
from atlas_core.python.machine import cache_folder


@click.group()
def cache() -> None:
    """Show or clear stored features, fits and parsed data files."""


@cache.command("show")
@cache_dir_option
@json_option
@click.pass_obj
def show(host: CommandHost, *, cache_dir: Path | None, as_json: bool) -> None:
    """Show the folder, what is stored in it and how much space it takes."""
    folder = cache_folder(cache_dir)
    fits = [held for _, held in FitCache(folder).entries()]
    every = [*fits, *(held for _, held in FeatureCache(folder).entries())]
    about = {
        "folder": str(folder),
        "entries": len(every),
        "bytes": sum(every),
        "fits": len(fits),
        "fit_bytes": sum(fits),
    }
    text = (
        f"{folder}: {len(every)} entries, {size(sum(every))};"
        f" {len(fits)} of them fits, {size(sum(fits))}"
    )
    host.answer(about, text, as_json=as_json)


@cache.command("clear")
@cache_dir_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def clear(host: CommandHost, *, cache_dir: Path | None, yes: bool) -> None:
    """Delete all that is stored, after confirmation.

    Features, fits and parsed data files are recomputed when needed, which takes as long as before.
    """
    folder = cache_folder(cache_dir)
    stored = (FeatureCache(folder), FitCache(folder))
    sizes = [held for one in stored for _, held in one.entries()]
    what = f"{len(sizes)} {'entry' if len(sizes) == 1 else 'entries'}, {size(sum(sizes))}"
    if sizes and not yes:
        if not sys.stdin.isatty():
            raise SpecError(
                f"cache clear: would delete {what} in {folder}; nobody can be asked here, so say"
                " so with --yes"
            )
        if not click.confirm(f"delete {what} in {folder}?", err=True):
            host.answer(None, "nothing was deleted", as_json=False)
            return
    for one in stored:
        one.clear()
    host.answer(None, f"deleted {what}", as_json=False)


def command(config: Config) -> click.Command:
    """Return the command ``cache``; it has no options of a component."""
    del config
    return cache
