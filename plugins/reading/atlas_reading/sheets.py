"""Read the rows of a sheet of an xlsx file; openpyxl is imported only here."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from atlas_core.errors import DataError
from atlas_reading.files import first_line, readable

_LARGEST = 2**31
"""Bytes that an xlsx file may unpack to."""


class Unstored:
    """Stand for a cell whose formula has no stored value, as in files that a program wrote."""

    def __str__(self) -> str:
        """Return nothing: no value is there."""
        return ""


UNSTORED = Unstored()
NO_VALUE = "contains a formula without a stored value; open the file in a spreadsheet and save it"


def choose_sheet(path: Path, wanted: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the sheet that is read, ``wanted`` or the first with cells, and a note on others.

    Raises:
        DataError: openpyxl is missing, the file is damaged or too large, or no such sheet is there.
    """
    if find_spec("openpyxl") is None:
        raise DataError(
            f"{path}: reading .xlsx needs openpyxl: pip install 'atlas-materials-reading[xlsx]',"
            " or save the sheet as .csv"
        )
    with readable(path, zipfile.BadZipFile, ValueError), zipfile.ZipFile(path) as archive:
        if sum(one.file_size for one in archive.infolist()) > _LARGEST:
            raise DataError(f"{path}: it unpacks to more than 2 GB; save the sheet as .csv")
    with closing(_book(path, values=True)) as book:
        names = [str(sheet.title) for sheet in book.worksheets]
    if not names or (wanted is not None and wanted not in names):
        have = f"it has {', '.join(names[:12])}" if names else "no sheet has cells"
        raise DataError(f"{path}: no sheet {wanted!r} ({have})" if wanted else f"{path}: {have}")
    if wanted is not None or len(names) == 1:
        return wanted or names[0], ()
    others = ", ".join(names[1:12])
    return names[0], (f"{path.name}: sheet {names[0]} was read; the file also has {others}",)


def sheet_rows(path: Path, name: str) -> Iterator[list[Any]]:
    """Yield the cells of each row that is not empty, ``UNSTORED`` for a formula without a value.

    Raises:
        DataError: the file is damaged.
    """
    # rows are read as they are asked for, so that openpyxl raises anything here, too
    with readable(path, Exception), ExitStack() as opened:
        book = opened.enter_context(closing(_book(path, values=True)))
        written: Iterator[tuple[Any, ...]] | None = None
        seen = 0
        for at, row in enumerate(book[name].iter_rows(values_only=True)):
            cells = list(row)
            if None in cells:  # empty, or a formula: only the other view of the file shows which
                if written is None:
                    other = opened.enter_context(closing(_book(path, values=False)))
                    written = other[name].iter_rows(values_only=True)
                own = next(islice(written, at - seen, None), ())
                seen = at + 1
                for i, formula in enumerate(own[: len(cells)]):
                    if cells[i] is None and formula is not None:
                        cells[i] = UNSTORED
            if any(cell is UNSTORED or (cell is not None and str(cell).strip()) for cell in cells):
                yield cells


def _book(path: Path, *, values: bool) -> Any:
    """Open a workbook for reading row by row, with the values of formulas or their text."""
    import openpyxl

    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=values)
    except MemoryError:
        raise
    # openpyxl documents no errors: a damaged book ends in a KeyError, a TypeError, an error of XML
    except Exception as err:
        raise DataError(
            f"{path}: cannot be read ({first_line(err)}); save the sheet as .csv"
        ) from err
