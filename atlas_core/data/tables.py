"""Columns with types, and tables of them as Parquet. Light: pyarrow is imported late.

A table is a frozen dataclass: its ``column`` fields hold (n,) arrays, ``lower`` and ``upper`` the
ends of intervals by level. Only this module spells the name of an interval's column.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt
import psutil

from atlas_core.arrays import F8, Str
from atlas_core.errors import DataError
from atlas_core.store import utf8, write_bytes

Columns = Mapping[str, npt.NDArray[Any]]
Kind = Literal["U", "f", "b"]
_EMPTY: dict[str, Any] = {"U": "", "f": np.nan, "b": False}
_LOWER, _UPPER = "lower_", "upper_"


class Table(Protocol):
    """A frozen dataclass with ``column`` fields and interval ends, {level: (n,)} each."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def lower(self) -> Mapping[float, F8]:
        """Lower ends."""

    @property
    def upper(self) -> Mapping[float, F8]:
        """Upper ends."""


T = TypeVar("T", bound=Table)


class StoredTable:
    """What every table of a run does: it checks itself, is cut and stacked, and kept as Parquet.

    Attributes:
        ids: (n,) of the materials.
        parts: (n,) ``calibration``, ``test`` or ``ood_test``.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    ids: Str
    parts: Str
    lower: Mapping[float, F8]
    upper: Mapping[float, F8]

    def __post_init__(self) -> None:
        check(self)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: npt.NDArray[Any]) -> Self:
        """Return the rows of an (n,) mask, or those at these places, in that order."""
        return taken(self, rows)

    def part(self, name: str) -> Self:
        """Return the rows of a part."""
        return self.take(self.parts == name)

    @classmethod
    def stacked(cls, some: Sequence[Self]) -> Self:
        """Return the rows of one or more tables, one below the other."""
        return stacked(some)

    @classmethod
    def from_parquet(cls, path: Path) -> Self:
        """Read what ``to_parquet`` wrote.

        Raises:
            DataError: the file is missing, no Parquet or no such table; names it.
        """
        return table_of(cls, read_table(path), str(path))

    def to_parquet(self, path: Path) -> None:
        """Write the table, whole or not at all.

        Raises:
            DataError: the folder cannot be written to.
        """
        write_table(path, columns_of(self))


def column(kind: Kind, name: str = "", *, required: bool = True) -> Any:
    """Declare a column: text, number or flag.

    Args:
        kind: numpy's letter.
        name: in a file; "": the field's own.
        required: else "", NaN or False stands where it is not given.
    """
    about = {"kind": kind, "name": name}
    return field(metadata=about) if required else field(default=None, metadata=about)


def _declared(kind: type[T] | T) -> list[tuple[str, str, Kind, bool]]:
    """Return field, name in a file, kind and whether it is required of each column."""
    return [
        (one.name, one.metadata["name"] or one.name, one.metadata["kind"], one.default is not None)
        for one in fields(kind)
        if "kind" in one.metadata
    ]


def check(table: Table) -> None:
    """Fill the columns that were not given, and hold types and shapes against each other.

    Raises:
        DataError: a column has another type or length, or one end of an interval is missing.
    """
    declared = _declared(table)
    n = len(getattr(table, declared[0][0]))
    for own, name, kind, _ in declared:
        values = getattr(table, own)
        if values is None:
            object.__setattr__(table, own, values := np.full(n, _EMPTY[kind]))
        if values.shape != (n,) or values.dtype.kind != kind:
            raise DataError(f"column {name!r} is {values.dtype} of shape {values.shape}")
    if list(table.lower) != list(table.upper):
        raise DataError("an interval has one end only")
    for values in (*table.lower.values(), *table.upper.values()):
        if values.shape != (n,) or values.dtype != np.float64:
            raise DataError(f"an end of intervals is {values.dtype} of shape {values.shape}")


def columns_of(table: Table) -> dict[str, npt.NDArray[Any]]:
    """Return the columns by their names in a file."""
    found = {name: getattr(table, own) for own, name, _, _ in _declared(table)}
    for level in table.lower:
        found[f"{_LOWER}{level!r}"] = table.lower[level]
        found[f"{_UPPER}{level!r}"] = table.upper[level]
    return found


def table_of(kind: type[T], columns: Columns, where: str) -> T:
    """Return the table of columns by their names in a file; others are left out.

    Args:
        kind: of the table.
        columns: as read.
        where: what holds them, for a message.

    Raises:
        DataError: a column is missing, of another type, or names no level.
    """
    found: dict[str, Any] = {}
    for own, name, letter, required in _declared(kind):
        if name in columns:
            found[own] = _typed(columns[name], letter, name, where)
        elif required:
            raise DataError(f"{where}: column {name!r} is missing; run the spec again")
    interval: dict[str, dict[float, F8]] = {_LOWER: {}, _UPPER: {}}
    for name, values in columns.items():
        for prefix, held in interval.items():
            if name.startswith(prefix):
                level = _level(name.removeprefix(prefix), name, where)
                held[level] = _typed(values, "f", name, where)
    found |= {"lower": interval[_LOWER], "upper": interval[_UPPER]}
    try:
        return kind(**found)
    except DataError as err:
        raise DataError(f"{where}: {err}") from err


def _typed(values: npt.NDArray[Any], kind: Kind, name: str, where: str) -> npt.NDArray[Any]:
    if kind == "f":
        if values.dtype.kind not in "fiu":
            raise DataError(f"{where}: column {name!r} holds no numbers; run the spec again")
        return np.asarray(values, dtype=np.float64)
    if values.dtype.kind == kind:
        return values
    if kind == "b":
        return np.array([value is True for value in values.tolist()], dtype=np.bool_)
    texts = ["" if value is None else str(value) for value in values.tolist()]
    return np.array(texts, dtype=np.str_).reshape(values.shape)


def _level(text: str, name: str, where: str) -> float:
    try:
        level = float(text)
    except ValueError:
        level = np.nan
    if not 0 < level < 1:
        raise DataError(f"{where}: column {name!r} names no level between 0 and 1")
    return level


def ends(
    levels: Sequence[float], given: F8 | None, lower: F8 | None, upper: F8 | None, n: int
) -> tuple[dict[float, F8], dict[float, F8]]:
    """Return lower and upper ends by level; NaN at a level that is not given.

    Args:
        levels: that are wanted.
        given: (l,) levels, or None.
        lower: (l, n) ends, or None.
        upper: likewise.
        n: rows.
    """
    found: tuple[dict[float, F8], dict[float, F8]] = ({}, {})
    for level in levels:
        at = np.flatnonzero(given == level).tolist() if given is not None else []
        for held, values in zip(found, (lower, upper), strict=True):
            held[level] = values[at[0]] if values is not None and at else np.full(n, np.nan)
    return found


def taken(table: T, rows: npt.NDArray[Any]) -> T:
    """Return the rows of a mask, or at these places and in that order."""
    chosen: dict[str, Any] = {own: getattr(table, own)[rows] for own, *_ in _declared(table)}
    for end in ("lower", "upper"):
        chosen[end] = {level: values[rows] for level, values in getattr(table, end).items()}
    return replace(table, **chosen)


def below(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return one read-only array of the rows of several, one below the other."""
    rows = np.concatenate(parts)
    rows.flags.writeable = False
    return rows


def stacked(tables: Sequence[T]) -> T:
    """Return the rows of one or more tables with the same levels, one below the other.

    The columns are read-only, as those of a table that was read from a file.
    """
    first = tables[0]
    joined: dict[str, Any] = {
        own: below([getattr(one, own) for one in tables]) for own, *_ in _declared(first)
    }
    for end in ("lower", "upper"):
        joined[end] = {
            level: below([getattr(one, end)[level] for one in tables])
            for level in getattr(first, end)
        }
    return replace(first, **joined)


def write_table(path: Path, columns: Columns) -> None:
    """Write columns as Parquet, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {
        name: pa.array(list(map(utf8, values.tolist())) if values.dtype.kind == "U" else values)
        for name, values in columns.items()
    }
    body = io.BytesIO()
    pq.write_table(pa.table(arrays), body, compression="zstd", write_page_checksum=True)
    write_bytes(path, body.getvalue())


def read_table(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read columns that ``write_table`` wrote.

    Raises:
        DataError: the file is missing or no Parquet; names it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # as a stream: pyarrow takes no path that is not UTF-8
        with (
            path.open("rb") as stream,
            pq.ParquetFile(stream, page_checksum_verification=True) as file,
        ):
            claimed = sum(
                file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups)
            )
            if not 0 <= claimed <= psutil.virtual_memory().total:
                raise DataError(f"{path}: claims {claimed} bytes, more than this machine's memory")
            # by this thread alone: a thread of Arrow that asks for it while Python ends aborts
            table = file.read(use_threads=False)
        twice = len(table.column_names) - len(set(table.column_names))
        if twice:
            raise DataError(f"{path}: {twice} columns have the name of another")
        return {name: _column(table[name]) for name in table.column_names}
    except (OSError, MemoryError, ValueError, TypeError, pa.ArrowException) as err:
        raise DataError(f"{path}: cannot be read: {' '.join(str(err).split())}") from err


def _column(chunked: Any) -> npt.NDArray[Any]:
    import pyarrow as pa

    values = chunked.combine_chunks()
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return np.asarray(values.to_pylist(), dtype=np.str_)
    return np.asarray(values.to_numpy(zero_copy_only=False))
