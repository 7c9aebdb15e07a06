"""Read the rows of a Parquet file. Light: pyarrow is imported where a file is opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from atlas_core.errors import DataError
from atlas_reading.files import first_line, readable
from atlas_reading.table import Row, Table


def open_parquet(path: Path) -> Table:
    """Open a Parquet file.

    Raises:
        DataError: it is not one, or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    broken = (pa.ArrowException, ValueError)
    try:
        with readable(path), path.open("rb") as file:
            whole = pq.ParquetFile(file)
            schema, count = whole.schema_arrow, int(whole.metadata.num_rows)
            names = tuple(schema.names)
    except broken as err:
        raise DataError(f"{path}: cannot be read (not a Parquet file: {first_line(err)})") from err
    types = pa.types
    lists = frozenset(
        one.name
        for one in schema
        if types.is_list(one.type)
        or types.is_large_list(one.type)
        or types.is_fixed_size_list(one.type)
    )

    def rows(columns: Sequence[int]) -> Iterator[Row]:
        wanted = list(dict.fromkeys(names[i] for i in columns))
        number = 0
        with readable(path, *broken), path.open("rb") as file:
            whole = pq.ParquetFile(file)
            if not wanted:
                yield from (Row(i + 1, 0, ()) for i in range(whole.metadata.num_rows))
                return
            for batch in whole.iter_batches(batch_size=4096, columns=wanted, use_threads=False):
                there = batch.schema.names
                cells = {
                    name: _cells(path, name, batch.column(there.index(name))) for name in wanted
                }
                picked = [cells[names[i]] for i in columns]
                for one in zip(*picked, strict=True):
                    number += 1
                    yield Row(number, 0, one)

    return Table(
        path, names, ".parquet", rows, lists=lists, facts=schema.metadata or {}, count=count
    )


def _cells(path: Path, name: str, column: Any) -> list[Any]:
    """Return the cells of a column of Parquet; bytes as text, as some programs keep it.

    Raises:
        DataError: Python has no value for one, such as a date far away, or bytes are no text.
    """
    try:
        found = column.to_pylist()
        return [one.decode() if isinstance(one, bytes) else one for one in found]
    except UnicodeDecodeError as err:
        raise DataError(f"{path}: column {name!r} is damaged: it contains invalid text") from err
    except MemoryError:
        raise
    # what has no value in Python ends in its own errors: OverflowError, of time zones a KeyError
    except Exception as err:
        raise DataError(
            f"{path}: column {name!r} of type {column.type} cannot be read ({first_line(err)});"
            " save it as text or leave it out"
        ) from err
