"""Options that several commands share, those of plugins too. Light: click only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from atlas_core.errors import SpecError
from atlas_core.kinds import KINDS

_F = TypeVar("_F", bound=Callable[..., Any])

run_argument = click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
open_option = click.option("--open", "opened", is_flag=True, help="Show the report in the browser.")
offline_option = click.option("--offline", is_flag=True, help="Refuse downloads.")
data_dir_option = click.option(
    "--data-dir",
    envvar="ATLAS_DATA",
    type=click.Path(path_type=Path),
    help="Folder with local copies of data files; also ATLAS_DATA.",
)
cache_dir_option = click.option(
    "--cache-dir",
    envvar="ATLAS_CACHE",
    type=click.Path(path_type=Path),
    help="Folder for features, fits and downloads; also ATLAS_CACHE. Default: the user's cache"
    " folder.",
)


def kind_option(purpose: str) -> Callable[[_F], _F]:
    """Return ``--kind``; the kinds stand in its help, as in its name they make no lines."""
    return click.option(
        "--kind",
        type=click.Choice(KINDS),
        metavar="KIND",
        help=f"{purpose}: {', '.join(KINDS[:-1])} or {KINDS[-1]}.",
    )


overwrite_option = click.option("--force", is_flag=True, help="Overwrite the file.")


def require_new_file(out: Path, ending: str, *, force: bool) -> None:
    """Stop before anything is computed for a file that would not be written.

    Args:
        out: what ``--out`` names.
        ending: that its name must have.
        force: whether a file that is there may be overwritten.

    Raises:
        SpecError: it has another ending, is a folder, or is there already.
    """
    if out.suffix != ending:
        raise SpecError(f"--out {out}: expected a name that ends in {ending}")
    if out.is_dir():
        raise SpecError(f"--out {out}: a folder; name the file in it")
    if out.exists() and not force:
        raise SpecError(f"--out {out}: the file is there already; --force overwrites it")
