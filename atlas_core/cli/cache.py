"""``atlas cache``: what is stored of features and fits. Light."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from atlas_core.cli.console import answer, echo
from atlas_core.command_options import cache_dir_option, json_option
from atlas_core.errors import SpecError
from atlas_core.printing import size
from atlas_core.python.machine import cache_folder


@click.group()
def cache() -> None:
    """Show or clear what is stored: features, answers of fitted models, parsed data files."""


@cache.command("show")
@cache_dir_option
@json_option
def show(*, cache_dir: Path | None, as_json: bool) -> None:
    """Say where features, fits and parsed data files are kept and how much room they take."""
    from atlas_core.engine.features import FeatureCache
    from atlas_core.engine.fits import FitCache

    folder = cache_folder(cache_dir)
    features, fits = _sizes(FeatureCache(folder).entries()), _sizes(FitCache(folder).entries())
    about = {
        "folder": str(folder),
        "entries": len(features) + len(fits),
        "bytes": sum(features) + sum(fits),
        "fits": len(fits),
        "fit_bytes": sum(fits),
    }
    text = (
        f"{folder}: {about['entries']} entries, {size(sum(features) + sum(fits))};"
        f" {len(fits)} of them fits, {size(sum(fits))}"
    )
    answer(about, text, as_json=as_json)


@cache.command("clear")
@cache_dir_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def clear(*, cache_dir: Path | None, yes: bool) -> None:
    """Delete stored features, fits and parsed data files, once you say yes.

    All of them are made again when needed, which takes as long as it did.
    """
    from atlas_core.engine.features import FeatureCache
    from atlas_core.engine.fits import FitCache

    folder = cache_folder(cache_dir)
    stored = (FeatureCache(folder), FitCache(folder))
    sizes = [count for one in stored for count in _sizes(one.entries())]
    held = f"{len(sizes)} {'entry' if len(sizes) == 1 else 'entries'}, {size(sum(sizes))}"
    if sizes and not yes:
        if not sys.stdin.isatty():
            raise SpecError(
                f"cache clear: would delete {held} in {folder}; nobody can be asked here, so say"
                " so with --yes"
            )
        if not click.confirm(f"delete {held} in {folder}?", err=True):
            echo("nothing was deleted")
            return
    for one in stored:
        one.clear()
    echo(f"deleted {held}")


def _sizes(entries: Iterable[tuple[object, int]]) -> list[int]:
    return [count for _, count in entries]
