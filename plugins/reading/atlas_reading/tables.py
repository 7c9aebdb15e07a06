"""Read the rows of a table, whatever its form. Light: pyarrow and openpyxl only where needed.

The one reader of ``table``, ``cif_folder``, ``matbench`` and ``screen``: CSV, TSV and text (packed
or not), JSON, JSON lines, Parquet and xlsx. Rows come one after the other, so that a long list
need not fit into memory; what is wrong with a row is reported for that row.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from atlas_core.errors import DataError
from atlas_reading.files import (
    FILES,
    TEXT,
    form_of,
    json_lines,
    load_json,
    open_text,
    readable,
)
from atlas_reading.parquet import open_parquet
from atlas_reading.quotes import content, records
from atlas_reading.sheets import NO_VALUE, UNSTORED, choose_sheet, sheet_rows
from atlas_reading.table import SEPARATORS, Row, Table

_NAMED = {",": "comma", ";": "semicolon", "\t": "tab", "|": "'|'"}
_LOOKED_AT = 100
"""Lines that determine the separator."""


@dataclass(frozen=True)
class TableOptions:
    """Say how a file is written where it does not say so itself.

    Attributes:
        separator: between the cells of text; None: detected.
        encoding: of text.
        sheet: of an xlsx file; None: the first.
        header: whether the first row names the columns.
        wanted: columns that must be there; they also decide the separator and the layout of JSON.
        width: how many columns there must be where none is named; None: any.
    """

    separator: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    header: bool = True
    wanted: tuple[str, ...] = ()
    width: int | None = None


KEY = "(key)"
"""The column of the ids that are keys of a JSON file."""


def open_table(path: Path, options: TableOptions) -> Table:
    """Open a table and find out its columns.

    Raises:
        DataError: it is missing, of an unknown form, damaged or empty, or lacks a column.
    """
    if path.is_dir():
        raise DataError(f"{path}: a folder; name the file in it")
    if not path.is_file():
        raise DataError(f"{path}: no such file{_alike(path)}")
    form = form_of(path)
    if not form:
        raise DataError(f"{path}: unknown format; expected {FILES}")
    with readable(path):
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty")
    if form in TEXT:
        return _open_text(path, form, options)
    if form == ".parquet":
        return open_parquet(path)
    if form == ".xlsx":
        return _open_xlsx(path, options)
    return _open_json(path, form, options)


def _alike(path: Path) -> str:
    """Return which existing file may be meant instead of a missing one, "" for none."""
    try:
        there = [one.name for one in path.parent.iterdir() if one.is_file()]
    except (OSError, ValueError):
        return ""
    close = difflib.get_close_matches(path.name, there, n=1, cutoff=0.7)
    return f"; did you mean {close[0]!r}?" if close else ""


def _open_text(path: Path, form: str, options: TableOptions) -> Table:
    with readable(path), open_text(path, options.encoding) as file:
        start = [line for _, line in islice(content(file), _LOOKED_AT)]
    if not start:
        raise DataError(f"{path}: the file is empty")
    with readable(path):
        separator = options.separator or _separator(start, form, options)
        usual = "\t" if form == ".tsv" else ","
        notes: tuple[str, ...] = ()
        if options.separator is None and separator != usual:
            notes = (f"{path.name}: read with a {_NAMED[separator]} between its columns",)

        def found() -> Iterator[tuple[int, list[str]]]:
            with readable(path), open_text(path, options.encoding) as file:
                yield from records(path, file, separator)

        first = next(found(), None)
    if first is None:
        raise DataError(f"{path}: the file is empty")
    header = first[1] if options.header else [str(i + 1) for i in range(len(first[1]))]
    width = len(header) if options.header else options.width

    def rows(columns: Sequence[int]) -> Iterator[Row]:
        below = islice(found(), int(options.header), None)
        for number, (line, cells) in enumerate(below, start=1):
            problem, spare = "", cells[width:] if width is not None else []
            if width is not None and len(cells) != width and (len(cells) < width or any(spare)):
                problem = f"expected {width} columns, found {len(cells)}"
            picked = [cells[i] if i < len(cells) else "" for i in columns]
            yield Row(number, line, picked, problem, separator.join(cells) if problem else "")

    return Table(path, tuple(header), form, rows, separator, notes=notes)


def _separator(start: Sequence[str], form: str, options: TableOptions) -> str:
    """Return the separator that gives the columns that are wanted, else columns in every row."""
    usual = "\t" if form == ".tsv" else ","
    order = (usual, *(one for one in SEPARATORS if one != usual))
    found = {one: [row for row in csv.reader(start, delimiter=one) if row] for one in order}
    if options.wanted:
        there = [len(set(options.wanted) & set(found[one][0])) for one in order]
        return order[there.index(max(there))]
    # a comma may be the decimal sign: it is asked last
    for one in (*order[1:], usual) if usual == "," else order:
        lengths = {len(row) for row in found[one][:-1] or found[one]}  # the last may be cut
        fits = len(lengths) == 1 and max(lengths) > 1
        if fits and (options.width is None or lengths == {options.width}):
            return one
    return usual


# JSON


@dataclass(frozen=True, eq=False)
class Records:
    """The rows of a JSON table.

    Attributes:
        rows: (line, {column: cell} or anything else, problem) each.
        keys: their ids, where they are keys of the file.
        names: of the columns, where the file lists them.
    """

    rows: list[tuple[int, Any, str]]
    keys: list[str] | None = None
    names: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns."""
        found = (name for _, row, _ in self.rows if isinstance(row, Mapping) for name in row)
        return list(self.names or dict.fromkeys(found))


def _open_json(path: Path, form: str, options: TableOptions) -> Table:
    if form == ".json":
        records = records_of(path, load_json(path, options.encoding), options.wanted)
    else:
        records = Records(list(json_lines(path, options.encoding)))
    names = records.columns
    if not records.rows:
        raise DataError(f"{path}: the table is empty")
    if not names and all(problem for _, _, problem in records.rows):
        line, _, problem = records.rows[0]
        raise DataError(f"{path}: line {line}: {problem}")
    if not names and any(not isinstance(row, Mapping) for _, row, _ in records.rows):
        raise DataError(f"{path}: cannot be read (a list of records was expected)")
    keys = records.keys
    if keys is not None:
        names = [KEY, *names]

    def rows(columns: Sequence[int]) -> Iterator[Row]:
        picked = [names[i] for i in columns]
        for i, (line, row, why) in enumerate(records.rows):
            problem = why
            if not problem and not isinstance(row, Mapping):
                problem = f"a record {{column: cell}} was expected, not {type(row).__name__}"
            if problem:
                yield Row(i + 1, line, [None] * len(picked), problem, str(row)[:300])
                continue
            cells = [keys[i] if keys and name == KEY else row.get(name) for name in picked]
            yield Row(i + 1, line, cells)

    return Table(path, tuple(names), form, rows, keyed=keys is not None)


def records_of(path: Path, found: Any, wanted: Sequence[str]) -> Records:
    """Return the records of a JSON table in any of the layouts that pandas and others write.

    Args:
        path: of the file, for messages.
        found: its content.
        wanted: columns that must be there; they determine the layout.

    Raises:
        DataError: it is not a table.
    """

    def refuse(what: str) -> DataError:
        return DataError(f"{path}: cannot be read ({what})")

    if isinstance(found, list):
        return Records([(0, row, "") for row in found])
    if not isinstance(found, Mapping):
        raise refuse("records, columns, or 'columns' with 'data' were expected")
    if {"columns", "data"} <= set(found):
        names, data = found["columns"], found["data"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise refuse("'columns' must be a list of texts")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise DataError(f"{path}: column {twice[0]!r} occurs twice in 'columns'")
        if not isinstance(data, list):
            raise refuse("'data' must be a list of rows")
        keys = _index(found.get("index"), len(data))
        return Records([_split_row(names, row) for row in data], keys, names=tuple(names))
    if {"schema", "data"} <= set(found) and isinstance(found["data"], list):
        return Records([(0, row, "") for row in found["data"]])
    if found and not any(name in found for name in wanted):
        inner = [row for row in found.values() if isinstance(row, Mapping)]
        if any(name in row for row in inner for name in wanted):
            return Records([(0, row, "") for row in found.values()], [str(key) for key in found])
    columns = {
        name: list(values.values()) if isinstance(values, Mapping) else values
        for name, values in found.items()
    }
    indexes = {tuple(v) if isinstance(v, Mapping) else None for v in found.values()}
    lengths = {len(v) if isinstance(v, list) else -1 for v in columns.values()}
    if found and (len(indexes) != 1 or len(lengths) != 1 or -1 in lengths):
        raise refuse("records, columns, or 'columns' with 'data' were expected")
    count = lengths.pop() if lengths else 0
    (labels,) = indexes or {None}
    keys = _index(list(labels or ()), count)
    return Records(
        [(0, {name: values[i] for name, values in columns.items()}, "") for i in range(count)], keys
    )


def _index(labels: Any, count: int) -> list[str] | None:
    """Return the user's own labels of the rows, None where they are pandas' row numbers."""
    if not isinstance(labels, list) or len(labels) != count:
        return None
    texts = [str(label) for label in labels]
    numbers = all(text.isdecimal() for text in texts)
    counted = texts == [str(i) for i in range(count)] or len(set(texts)) < count
    return None if numbers and counted else texts


def _split_row(names: Sequence[str], row: Any) -> tuple[int, Any, str]:
    if not isinstance(row, list):
        return 0, row, f"a list of cells was expected, not {type(row).__name__}"
    if len(row) != len(names):
        return 0, row, f"expected {len(names)} columns, found {len(row)}"
    return 0, dict(zip(names, row, strict=True)), ""


# xlsx


def _open_xlsx(path: Path, options: TableOptions) -> Table:
    name, notes = choose_sheet(path, options.sheet)
    first = next(sheet_rows(path, name), None)
    if first is None:
        raise DataError(f"{path}: the table is empty")
    while first and first[-1] is None:
        first.pop()
    header = [
        ("" if cell is None else str(cell)) if options.header else str(i + 1)
        for i, cell in enumerate(first)
    ]

    def rows(columns: Sequence[int]) -> Iterator[Row]:
        found = islice(sheet_rows(path, name), int(options.header), None)
        for number, cells in enumerate(found, start=1):
            picked = [cells[i] if i < len(cells) else None for i in columns]
            empty = [header[i] for i, cell in zip(columns, picked, strict=True) if cell is UNSTORED]
            yield Row(number, 0, picked, f"column {empty[0]!r} {NO_VALUE}" if empty else "")

    return Table(path, tuple(header), ".xlsx", rows, notes=notes)
