"""A data set as a file in ATLAS's bulk format, for ``atlas datasets export``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from atlas_core.bulk import spec_block, write_bulk
from atlas_core.cli.showing import load_dataset
from atlas_core.cli.tables import size
from atlas_core.errors import SpecError
from atlas_core.kinds.dataset import DataContext
from atlas_core.rows import RowsError, all_rows_told


def export_dataset(
    name: str, settings: Sequence[str], context: DataContext, *, out: Path, force: bool
) -> tuple[dict[str, Any], str]:
    """Load a data set and write it; return what was written as plain data and as text.

    Raises:
        SpecError: the file is there already, or its name does not end in ``.parquet``.
        DataError: the data set cannot be loaded or the file not be written.
    """
    if out.suffix != ".parquet":
        raise SpecError(f"--out {out}: expected a name that ends in .parquet")
    if out.is_dir():
        raise SpecError(f"--out {out}: a folder; name the file in it")
    if out.exists() and not force:
        raise SpecError(f"--out {out}: the file is there already; --force overwrites it")
    try:
        data = load_dataset(name, settings, context)
    except RowsError as err:
        raise all_rows_told(err, out.parent) from err
    options = {**write_bulk(out, data), "path": str(out)}
    count = out.stat().st_size
    about = {
        "file": str(out),
        "rows": len(data),
        "bytes": count,
        "dataset": {"use": "table", "options": options},
    }
    what = "crystals" if data.materials.has_structure else "formulas"
    where = "" if out.is_absolute() else " in this folder"  # a spec's paths start at the spec
    head = f"{out}: {len(data)} {what}, {size(count)}; a spec{where} reads it with"
    return about, "\n".join([head, *spec_block(options)])
