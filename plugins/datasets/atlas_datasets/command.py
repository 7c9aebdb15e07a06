"""List data sets, show one, or write one as a Parquet file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click
import numpy as np

from atlas_core.api import CommandHost, Config, DataContext, Dataset, DatasetSource, SpecError
from atlas_core.command_options import (
    cache_dir_option,
    data_dir_option,
    json_option,
    offline_option,
    overwrite_option,
    require_new_file,
)
from atlas_core.data.meaning import written_bounds
from atlas_core.printing import size
from atlas_core.python.machine import cache_folder
from atlas_core.resolver import Resolver
from atlas_core.rows import RowsError, all_rows_reported
from atlas_core.spec.load import resolve_one
from atlas_core.text_table import columns


@click.group()
def datasets() -> None:
    """List data sets, show one, or write one as a Parquet file."""


@datasets.command("list")
@json_option
@click.pass_context
def list_all(ctx: click.Context, *, as_json: bool) -> None:
    """List the installed data sets."""
    root = ctx.find_root()
    plugins = root.command.get_command(root, "plugins")
    ctx.invoke(plugins, kind="dataset", as_json=as_json)


def _asks(function: Callable[..., None]) -> Callable[..., None]:
    """Add what says which data set is meant, and where its file may be."""
    options = (
        click.argument("name"),
        click.option(
            "--set", "settings", multiple=True, metavar="OPTION=VALUE", help="An option of it."
        ),
        data_dir_option,
        cache_dir_option,
        offline_option,
        json_option,
        click.pass_obj,
    )
    for option in reversed(options):
        function = option(function)
    return function


@datasets.command("show")
@_asks
def show(
    host: CommandHost,
    *,
    name: str,
    settings: tuple[str, ...],
    data_dir: Path | None,
    cache_dir: Path | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Load the data set NAME and print what it contains."""
    context = _context(data_dir, cache_dir, offline=offline)
    data = load_dataset(name, settings, host.resolver, context)
    about = {
        "name": data.name,
        "rows": len(data),
        "target": data.target_name,
        **data.meaning.stated(),
        "unit": data.unit,
        **({} if data.bounds is None else {"bounds": written_bounds(data.bounds)}),
        "task": data.task,
        "mean": float(data.target.mean()),
        "std": float(data.target.std()),
        "mad": float(np.abs(data.target - data.target.mean()).mean()),
        "inputs": "structures" if data.materials.has_structure else "compositions",
        "columns": sorted(data.columns),
        "provenance": data.provenance,
        "sha256": data.sha256,
        "license": data.license,
        "citation": list(data.citation),
    }
    stated = {key: value for key, value in about.items() if value not in ("", [])}
    table = columns(
        [(key.replace("_", " "), _text(value)) for key, value in stated.items()],
        ("", ""),
        width=host.width,
    )
    reading = data.reading.lines()
    host.answer({**about, "reading": reading}, "\n".join([table, *reading]), as_json=as_json)


def _text(value: Any) -> str:
    """Return a figure as a person reads it; JSON has all digits."""
    if isinstance(value, list):
        return ", ".join("open" if one is None else str(one) for one in value)
    return f"{value:.5g}" if isinstance(value, float) else str(value)


@datasets.command("export")
@_asks
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write, such as flla.parquet.",
)
@overwrite_option
def export(
    host: CommandHost,
    *,
    name: str,
    settings: tuple[str, ...],
    out: Path,
    force: bool,
    data_dir: Path | None,
    cache_dir: Path | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Write the data set NAME as a Parquet file, which `table` reads."""
    from atlas_datasets.bulk_file import spec_block, write_bulk

    require_new_file(out, ".parquet", force=force)
    context = _context(data_dir, cache_dir, offline=offline)
    try:
        data = load_dataset(name, settings, host.resolver, context)
    except RowsError as err:
        raise all_rows_reported(err, out.parent) from err
    options = {**write_bulk(out, data), "path": str(out)}
    about = {
        "file": str(out),
        "rows": len(data),
        "bytes": out.stat().st_size,
        "dataset": {"use": "table", "options": options},
    }
    what = "crystals" if data.materials.has_structure else "formulas"
    where = "" if out.is_absolute() else " in this folder"  # a spec's paths start at the spec
    head = f"{out}: {len(data)} {what}, {size(about['bytes'])}; a spec{where} reads it with"
    host.answer(about, "\n".join([head, *spec_block(options)]), as_json=as_json)


def _context(data_dir: Path | None, cache_dir: Path | None, *, offline: bool) -> DataContext:
    return DataContext(data_dir, cache_folder(cache_dir), Path.cwd(), offline)


def load_dataset(
    name: str, settings: Sequence[str], resolver: Resolver, context: DataContext
) -> Dataset:
    """Load a data set with options given as ``option=value``.

    Raises:
        SpecError: there is no such data set or option.
        DataError: it cannot be loaded.
    """
    if any("=" not in text for text in settings):
        raise SpecError("--set: expected OPTION=VALUE, such as target=band_gap")
    source: DatasetSource = resolve_one("dataset", name, settings, resolver).build()
    with redirect_stdout(sys.stderr):  # what a component prints is not part of the answer
        return source.load(context)


def command(config: Config) -> click.Command:
    """Return the command ``datasets``; it has no options of a component."""
    del config
    return datasets
