"""The options by which a command is given a reference. Light: click only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from atlas_core.command_options import cache_dir_option, data_dir_option, offline_option

_F = TypeVar("_F", bound=Callable[..., Any])


def reference_options(command: _F) -> _F:
    """Add ``--reference`` and where its data may lie."""
    reference = click.option(
        "--reference",
        metavar="NAME",
        help="Known phases that predictions are held against: a data set (`flla`,"
        " `matbench:mp_e_form`), options of the reference after commas (`flla,elements=zero`);"
        " or YAML of a reference, as text or as a file. Default: the reference of the run's spec;"
        " `none`: no decisions.",
    )
    return reference(data_dir_option(cache_dir_option(offline_option(command))))
