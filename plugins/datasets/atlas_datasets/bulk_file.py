"""ATLAS's own bulk format: a data set as one Parquet file of columns, crystals as lists of numbers.

A row is a material: ``id``, then ``numbers`` (atomic numbers), ``frac_coords`` (3 per site) and
``lattice`` (9, rows a, b, c, in Å) for a crystal, or ``formula``; then the target and the metadata
columns. The ``table`` data set reads it. Imports pyarrow.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from atlas_core.elements import SYMBOLS
from atlas_core.errors import DataError
from atlas_core.kinds.dataset import Dataset
from atlas_core.materials import Materials
from atlas_core.store import plain, write_bytes

METADATA = b"atlas"
"""Key of the schema's metadata that holds the facts of the data set, as JSON."""
ROWS = 16_384
"""Rows of a group: a reader that wants a part of the file takes whole groups."""
_OWN = ("id", "numbers", "frac_coords", "lattice", "formula")


def write_bulk(path: Path, dataset: Dataset) -> dict[str, Any]:
    """Write a data set, whole or not at all; return the options with which ``table`` reads it.

    Numbers come back exactly: coordinates are written as float64, or as float32 where that holds
    every one of them. The same data set gives the same bytes. A metadata column that has the name
    of one of the format's own columns, or of the target, is written as ``<name>_2``.

    Raises:
        DataError: a site is not fully occupied, the target's name is a column of the format, or
            the file cannot be written.
    """
    materials, target = dataset.materials, dataset.target_name
    inputs = _crystals(materials) if materials.has_structure else _formulas(dataset)
    columns: dict[str, pa.Array] = {"id": pa.array(materials.ids.tolist(), pa.string()), **inputs}
    if target in _OWN:
        raise DataError(f"{dataset.name}: target {target!r} has the name of a column of the format")
    binary = dataset.task == "binary"
    columns[target] = pa.array(dataset.target.astype(bool) if binary else dataset.target)
    for name, values in dataset.columns.items():
        free = name
        while free in columns or free in _OWN:
            free = f"{free}_2"
        columns[free] = _column(np.asarray(values))
    about = {
        "format": 1,
        "name": dataset.name,
        "target": target,
        "unit": dataset.unit,
        "task": dataset.task,
        "license": dataset.license,
        "citation": list(dataset.citation),
        "provenance": dataset.provenance,
        "sha256": dataset.sha256,
        **dataset.meaning.stated(),
    }
    text = json.dumps(plain(about), sort_keys=True, ensure_ascii=False)
    table = pa.table(columns).replace_schema_metadata({METADATA: text.encode()})
    body = io.BytesIO()
    pyarrow.parquet.write_table(
        table,
        body,
        compression="zstd",
        compression_level=9,
        row_group_size=ROWS,
        use_dictionary=[name for name in columns if pa.types.is_string(columns[name].type)],
    )
    write_bytes(path, body.getvalue())
    return {
        "path": str(path.resolve()),
        "id": "id",
        "target": target,
        **({"structure": "numbers"} if materials.has_structure else {"formula": "formula"}),
        **({"unit": dataset.unit} if dataset.unit else {}),
        **({"task": "binary"} if binary else {}),
    }


def _crystals(materials: Materials) -> dict[str, pa.Array]:
    if materials.frac is None or materials.lattice is None:
        raise DataError("materials: no structures")
    if not (materials.amounts == 1).all():
        row = int(np.flatnonzero(materials.amounts != 1)[0])
        raise DataError(f"id {materials.ids[materials.owner[row]]}: a site is not fully occupied")
    cells = np.arange(len(materials) + 1) * 9
    return {
        "numbers": _lists(materials.offsets, materials.numbers.astype(np.uint8)),
        "frac_coords": _lists(materials.offsets * 3, _narrow(materials.frac)),
        "lattice": _lists(cells, _narrow(materials.lattice)),
    }


def _narrow(values: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Return ``values`` in one dimension, as float32 where that loses nothing."""
    flat = values.reshape(-1)
    with np.errstate(over="ignore"):
        small = flat.astype(np.float32)
    return small if np.array_equal(small, flat) else flat


def _lists(offsets: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> pa.Array:
    if offsets[-1] < 2**31:
        return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values))
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))


def _formulas(dataset: Dataset) -> dict[str, pa.Array]:
    """Return formulas whose amounts read back exactly: the source's own, else all amounts."""
    materials = dataset.materials
    if dataset.formulas is not None:
        return {"formula": pa.array(list(dataset.formulas), pa.string())}
    numbers, amounts = materials.numbers.tolist(), materials.amounts.tolist()
    texts = []
    for start, end in zip(materials.offsets[:-1], materials.offsets[1:], strict=True):
        found: dict[int, float] = {}
        for z, amount in zip(numbers[start:end], amounts[start:end], strict=True):
            found[z] = found.get(z, 0.0) + amount
        texts.append("".join(f"{SYMBOLS[z]}{_amount(amount)}" for z, amount in found.items()))
    return {"formula": pa.array(texts, pa.string())}


def _amount(amount: float) -> str:
    # the shortest digits that give the same float, never with an exponent: 1e5 is no formula
    return "" if amount == 1 else str(np.format_float_positional(amount, trim="-"))


def _column(values: npt.NDArray[Any]) -> pa.Array:
    if values.dtype.kind in "biuf":
        return pa.array(values)
    return pa.array([str(value) for value in values.tolist()], pa.string())


def spec_block(options: Mapping[str, Any]) -> Sequence[str]:
    """Return the lines of a spec that read the file."""
    shown = [f"    {name}: {json.dumps(value)}" for name, value in options.items()]
    return ["dataset:", "  use: table", "  options:", *shown]
