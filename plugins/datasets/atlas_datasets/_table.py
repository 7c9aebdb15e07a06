"""Read a table with pyarrow: CSV, JSON and Parquet give the same data set."""

from __future__ import annotations

import bz2
import contextlib
import csv
import difflib
import gzip
import hashlib
import io
import json
import lzma
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from atlas_core.api import (
    I8,
    DataContext,
    DataError,
    Dataset,
    Materials,
    MissingDataError,
    offsets_of,
    parse_formula,
    read_bounds,
)
from atlas_datasets._reading import check_ids, number, targets, where
from atlas_datasets.table import TableConfig

_UNPACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}
_FRAC, _LATTICE = "frac_coords", "lattice"
_FACTS = b"atlas"
"""Key of a Parquet schema's metadata where ``atlas datasets export`` keeps what it knows."""
Text = TypeVar("Text", str, list[str])


class Table:
    """Load one table; rows keep their order."""

    def __init__(self, config: TableConfig) -> None:
        self.config = config

    def load(self, context: DataContext) -> Dataset:
        """Return the data set.

        Raises:
            DataError: the file is missing, empty or damaged, a column is missing, an id is
                repeated, a target is no number, a formula or a crystal cannot be read.
        """
        config = self.config
        path = context.path(config.path)
        table = _Columns(path, config)
        n = len(table)
        width = len(str(n))
        ids = (
            [f"{row:0{width}d}" for row in range(1, n + 1)]
            if config.id is None
            else ["" if v is None else str(v) for v in table.values(config.id)]
        )
        check_ids(str(path), ids)
        target = targets(
            str(path), ids, table.cells(config.target), column=config.target, task=config.task
        )
        return Dataset(
            materials=self._materials(table, ids),
            target=target,
            target_name=config.target,
            unit=config.unit or table.about("unit", ""),
            task=config.task,
            name=path.name.split(".")[0],
            licence=config.licence
            if "licence" in config.model_fields_set
            else table.about("licence", config.licence),
            citation=config.citation or tuple(table.about("citation", [])),
            sha256=table.sha256,
            provenance="user",
            columns={name: table.metadata(name) for name in config.columns},
            bounds=read_bounds(config.bounds),
        )

    def _materials(self, table: _Columns, ids: Sequence[str]) -> Materials:
        source = str(table.path)
        if self.config.formula is not None:
            formulas = ["" if v is None else str(v) for v in table.values(self.config.formula)]
            for row, (material_id, formula) in enumerate(zip(ids, formulas, strict=True)):
                try:
                    parse_formula(formula)
                except ValueError as err:
                    raise DataError(f"{where(source, row, material_id)}: {err}") from err
            return Materials.from_formulas(ids, formulas)
        column = str(self.config.structure)
        if table.is_list(column):
            return self._sites(table, column, ids)
        # Not needed for lists of numbers, and slower to import than they are to read.
        from atlas_datasets._crystal import crystal

        structures = [
            crystal(value, where(source, row, material_id))
            for row, (material_id, value) in enumerate(zip(ids, table.values(column), strict=True))
        ]
        return Materials.from_structures(ids, structures)

    def _sites(self, table: _Columns, column: str, ids: Sequence[str]) -> Materials:
        """Read crystals that are kept as lists of numbers, without a loop over rows."""
        source = str(table.path)
        counts, numbers = table.lists(column)
        frac_counts, frac = table.lists(_FRAC)
        lattice_counts, lattice = table.lists(_LATTICE)
        wrong = (
            (counts == 0, f"column {column!r} is empty"),
            (frac_counts != 3 * counts, f"column {_FRAC!r} does not hold 3 numbers a site"),
            (lattice_counts != 9, f"column {_LATTICE!r} does not hold 9 numbers"),
        )
        for bad, what in wrong:
            if (rows := np.flatnonzero(bad)).size:
                raise DataError(f"{where(source, int(rows[0]), ids[rows[0]])}: {what}")
        try:
            return Materials(
                ids=np.asarray(ids, dtype=np.str_),
                offsets=offsets_of(counts),
                numbers=numbers,
                amounts=np.ones(len(numbers)),
                frac=np.asarray(frac, dtype=np.float64).reshape(-1, 3),
                lattice=np.asarray(lattice, dtype=np.float64).reshape(-1, 3, 3),
            )
        except DataError as err:
            raise DataError(f"{source}: {err}") from err


class _Columns:
    """The columns of a file that the options name."""

    def __init__(self, path: Path, config: TableConfig) -> None:
        self.path = path
        self._structure = config.structure
        self._target = config.target
        self._facts: Mapping[str, Any] = {}
        self._objects: Mapping[str, Sequence[Any]] | None = None
        wanted = [config.target, config.formula, config.structure, config.id, *config.columns]
        self._wanted = [name for name in dict.fromkeys(wanted) if name is not None]
        if path.is_dir():
            raise DataError(f"{path}: a folder; name the file in it")
        if not path.is_file():
            raise MissingDataError(f"{path}: no such file")
        try:
            content = path.read_bytes()
        except OSError as err:
            raise DataError(f"{path}: cannot be read ({err.strerror})") from err
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._table = self._read(content)
        if len(self) == 0:
            raise DataError(f"{path}: the table is empty")

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def _read(self, content: bytes) -> pa.Table:
        suffixes = [s.lower() for s in self.path.suffixes]
        packed = suffixes.pop() if suffixes and suffixes[-1] in _UNPACK else ""
        readers = {".csv": self._csv, ".json": self._json, ".parquet": self._parquet}
        reader = readers.get(suffixes[-1] if suffixes else "")
        if reader is None:
            raise DataError(f"{self.path}: unknown format; expected .csv, .json or .parquet")
        if not content:
            raise DataError(f"{self.path}: the file is empty")
        try:
            table = reader(_UNPACK[packed](content) if packed else content)
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as err:
            raise DataError(f"{self.path}: damaged or cut short ({_first_line(err)})") from err
        except (pa.ArrowException, csv.Error, ValueError) as err:
            raise DataError(f"{self.path}: cannot be read ({_first_line(err)})") from err
        except RecursionError as err:
            raise DataError(f"{self.path}: cannot be read (nested too deeply)") from err
        self._check(table.column_names)
        return table

    def _check(self, names: Sequence[str]) -> None:
        for name in self._wanted:
            if name not in names:
                close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                if len(names) == 1 and any(sign in names[0] for sign in ";\t|"):
                    hint = "; a CSV file needs commas between its columns"
                have = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
                raise DataError(f"{self.path}: no column {name!r}{hint} (it has {have})")

    def _csv(self, content: bytes) -> pa.Table:
        # comment lines may stand above the header, as in matminer's files
        text = content.removeprefix(b"\xef\xbb\xbf")
        while text.startswith(b"#"):
            text = text.partition(b"\n")[2]
        if not text.strip():
            raise DataError(f"{self.path}: the file is empty")
        header = next(csv.reader(io.StringIO(text.decode("utf-8"), newline="")))
        if twice := sorted({name for name in header if header.count(name) > 1}):
            raise DataError(f"{self.path}: column {twice[0]!r} stands twice in the header")
        self._check(header)
        return pyarrow.csv.read_csv(
            pa.py_buffer(text),
            read_options=pyarrow.csv.ReadOptions(block_size=len(text) + 1),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=self._wanted,
                column_types={name: pa.string() for name in header},
                strings_can_be_null=False,  # sodium nitride is no missing value
            ),
        )

    def _json(self, content: bytes) -> pa.Table:
        found = json.loads(content)
        if isinstance(found, list):
            if not all(isinstance(row, dict) for row in found):
                raise ValueError("a list of records was expected")
            names = list(dict.fromkeys(name for row in found for name in row))
            columns = {name: [row.get(name) for row in found] for name in names}
        elif isinstance(found, dict) and {"columns", "data"} <= set(found):
            names, rows = list(found["columns"]), found["data"]
            if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
                raise ValueError("a row of 'data' is not as long as 'columns'")
            columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
        elif isinstance(found, dict) and found:
            columns = {
                name: list(values.values()) if isinstance(values, dict) else values
                for name, values in found.items()
            }
            indexes = {tuple(v) if isinstance(v, dict) else None for v in found.values()}
            lengths = {len(v) if isinstance(v, list) else -1 for v in columns.values()}
            if len(indexes) != 1 or len(lengths) != 1 or -1 in lengths:
                raise ValueError("records, columns, or 'columns' with 'data' were expected")
        elif found in ([], {}):
            raise DataError(f"{self.path}: the table is empty")
        else:
            raise ValueError("records, columns, or 'columns' with 'data' were expected")
        if not any(len(values) for values in columns.values()):
            raise DataError(f"{self.path}: the table is empty")
        self._check(list(columns))
        self._objects = {name: columns[name] for name in self._wanted}
        count = len(next(iter(columns.values())))
        # mixed types are kept as they are; Arrow only counts the rows
        return pa.table({name: pa.nulls(count) for name in self._wanted})

    def _parquet(self, content: bytes) -> pa.Table:
        file = pyarrow.parquet.ParquetFile(pa.py_buffer(content))
        names = file.schema_arrow.names
        with contextlib.suppress(ValueError):  # the key is another program's
            self._facts = dict(json.loads((file.schema_arrow.metadata or {}).get(_FACTS, b"{}")))
        self._check(names)
        if self._structure is not None and _is_list(file.schema_arrow.field(self._structure).type):
            self._wanted += [name for name in (_FRAC, _LATTICE) if name not in self._wanted]
            self._check(names)
        return file.read(columns=self._wanted)

    def about(self, fact: str, default: Text) -> Text:
        """Return what ``atlas datasets export`` wrote about this target, or ``default``."""
        found = self._facts.get(fact) if self._facts.get("target") == self._target else None
        return found if isinstance(found, type(default)) else default

    def values(self, name: str) -> Sequence[Any]:
        """Return the cells of a column as Python objects."""
        if self._objects is not None:
            return self._objects[name]
        return list(self._table[name].to_pylist())

    def cells(self, name: str) -> Sequence[Any] | npt.NDArray[Any]:
        """Return a column of floats without gaps as an array, any other as ``values`` does."""
        if self._objects is None:
            column = self._table[name]
            if pa.types.is_floating(column.type) and not column.null_count:
                return np.asarray(column.to_numpy())
        return self.values(name)

    def is_list(self, name: str) -> bool:
        """Tell whether each cell of a Parquet column is a list of numbers."""
        return self._objects is None and _is_list(self._table.schema.field(name).type)

    def lists(self, name: str) -> tuple[I8, npt.NDArray[Any]]:
        """Return (n,) lengths and the joined values of a column of lists."""
        if not self.is_list(name):
            raise DataError(f"{self.path}: column {name!r} does not hold lists of numbers")
        column = self._table[name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks)
        if column.null_count:
            row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
            raise DataError(f"{where(str(self.path), row)}: column {name!r} is empty")
        counts = pa.compute.list_value_length(column).to_numpy(zero_copy_only=False)
        flat = column.flatten()
        if flat.null_count:
            raise DataError(f"{self.path}: column {name!r} holds an empty number")
        return counts.astype(np.int64), flat.to_numpy(zero_copy_only=False)

    def metadata(self, name: str) -> npt.NDArray[Any]:
        """Return a column as whole numbers, numbers or text, whichever holds every cell."""
        cells = self.values(name)
        texts = ["" if v is None else str(v) for v in cells]
        with contextlib.suppress(ValueError):
            numbers = np.asarray([number(text) for text in texts], dtype=np.float64)
            with contextlib.suppress(ValueError, OverflowError):
                return np.asarray([int(text) for text in texts], dtype=np.int64)
            if np.isfinite(numbers).all():
                return numbers
        return np.asarray(texts, dtype=np.str_)


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _first_line(err: Exception) -> str:
    return str(err).strip().split("\n")[0] or type(err).__name__
