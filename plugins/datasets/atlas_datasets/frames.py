"""A data frame of a Python session as a data set: a file beside the runs, which `table` reads."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from atlas_core.api import DataError
from atlas_core.resolver import Resolver
from atlas_core.store import write_bytes

FOLDER = "data"
"""Where the files lie, in the folder that holds the runs."""


@dataclass(frozen=True)
class Frame:
    """A table of materials as the bytes of a Parquet file, ready to be part of a spec.

    Attributes:
        content: the file.
        options: of the data set ``table``, which reads it, without its path.
    """

    content: bytes = field(repr=False)
    options: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """Return the hash of the file."""
        return hashlib.sha256(self.content).hexdigest()

    def entry(self) -> dict[str, Any]:
        """Return the entry ``dataset`` of a spec that lies where the runs do."""
        return {"use": "table", "options": {"path": self._path.as_posix(), **self.options}}

    def write(self, out: Path) -> None:
        """Write the file into the folder of the runs, where it is not there yet.

        Raises:
            DataError: it cannot be written.
        """
        path = out / self._path
        try:
            if path.is_file() and path.read_bytes() == self.content:
                return
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise DataError(f"{path}: cannot be written: {err.strerror or err}") from err
        write_bytes(path, self.content)

    @property
    def _path(self) -> Path:
        return Path(FOLDER) / f"{self.sha256[:16]}.parquet"


def from_pandas(
    frame: pd.DataFrame,
    *,
    target: str,
    formula: str | None = None,
    structure: str | None = None,
    id: str | None = None,  # noqa: A002 - as in a spec
    unit: str = "",
    task: Literal["regression", "binary"] = "regression",
    columns: Sequence[str] = (),
    **options: Any,
) -> Frame:
    """Return a data frame as a data set: one material per row.

    Args:
        frame: the table; its index is not read.
        target: column of the property to predict.
        formula: column of formulas as text, such as ``LiFePO4``.
        structure: instead of ``formula``: column of crystals: ``Structure`` objects of pymatgen, or
            the text of CIF or POSCAR files.
        id: column of distinct ids; None: the row number, from 1.
        unit: of the target, such as ``eV/atom``.
        task: ``binary`` for a target of true and false.
        columns: columns to keep as metadata.
        options: others of the data set that reads tables, such as ``bounds=(0, None)``,
            ``quantity="band gap"``, ``missing="drop"`` or ``on_error="drop"``.

    Raises:
        DataError: a column is missing, or holds what no file can.
    """
    if (formula is None) == (structure is None):
        raise DataError("from_pandas: name either the formula or the structure column")
    strange = [name for name in frame.columns if not isinstance(name, str)]
    if strange:
        raise DataError(f"from_pandas: the column name {strange[0]!r} is no text; rename it")
    named = [name for name in (id, formula, structure, target, *columns) if name is not None]
    missing = [name for name in named if name not in frame.columns]
    if missing:
        there = ", ".join(map(str, frame.columns))
        raise DataError(
            f"from_pandas: no column {', '.join(map(repr, missing))}; there are {there}"
        )
    table = {
        name: _column(
            frame, name, text=name in (id, formula, structure), crystals=name == structure
        )
        for name in dict.fromkeys(named)
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(table), buffer)
    given: dict[str, Any] = {"target": target, "formula": formula, "structure": structure, "id": id}
    given |= {"unit": unit, "task": task, "columns": list(columns), **options}
    empty = {k for k, v in given.items() if v is None or (isinstance(v, str | list) and not v)}
    return Frame(buffer.getvalue(), {k: v for k, v in given.items() if k not in empty})


def _column(frame: pd.DataFrame, name: str, *, text: bool, crystals: bool) -> Any:
    """Return a column of a frame as one of Arrow.

    Raises:
        DataError: it occurs twice, or cannot be kept.
    """
    column = frame[name]
    if getattr(column, "ndim", 1) != 1:
        raise DataError(f"from_pandas: column {name!r} occurs twice; rename one of them")
    values = _texts(column, crystals=crystals) if text else column.to_list()
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as err:
        raise DataError(f"from_pandas: column {name!r} cannot be kept: {err}") from err


def _texts(column: pd.Series[Any], *, crystals: bool) -> list[str | None]:
    """Return formulas, ids or crystals as text; objects of pymatgen as formula or as their JSON.

    Raises:
        DataError: a crystal cannot be written; names its row.
    """
    texts: list[str | None] = []
    for place, value in enumerate(column, start=1):
        if pd.api.types.is_scalar(value) and pd.isna(value):
            texts.append(None)
        elif crystals and hasattr(value, "as_dict"):
            try:
                texts.append(json.dumps(_of_sites(value.as_dict())))
            except (TypeError, ValueError, KeyError) as err:
                raise DataError(f"from_pandas: row {place}: no crystal of pymatgen: {err}") from err
        elif hasattr(value, "formula"):  # a composition of pymatgen
            texts.append(str(value.formula).replace(" ", ""))
        elif isinstance(value, float) and value.is_integer():  # whole ids beside a missing one
            texts.append(str(int(value)))
        else:
            texts.append(str(value))
    return texts


def _of_sites(crystal: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is read of a crystal: its cell, and the elements and places of its sites."""
    sites = [
        {"species": one["species"], "abc": [float(x) for x in one["abc"]]}
        for one in crystal["sites"]
    ]
    matrix = [[float(x) for x in row] for row in crystal["lattice"]["matrix"]]
    return {"lattice": {"matrix": matrix}, "sites": sites}


def public(resolver: Resolver) -> Callable[..., Frame]:
    """Return ``atlas_core.from_pandas``."""
    del resolver
    return from_pandas
