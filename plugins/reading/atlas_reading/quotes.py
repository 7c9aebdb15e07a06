"""Split the lines of a text table into rows, and refuse a stray quote that hides some. Light."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from atlas_core.elements import parse_formula
from atlas_core.errors import DataError
from atlas_reading.cif import LIKE_CIF
from atlas_reading.poscar import is_poscar

LONGEST_CELL = 100_000_000
"""Characters of a cell; Python's own limit is shorter than a CIF file may be."""
_END = "\ufdd0"
"""Fed to the reader after the last line: a cell that takes it in was never closed."""
_EXCEL = re.compile('"?sep=."?', re.I)


def content(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield (line from 1, text) below what may come above a header.

    That is comments, as in matminer's files, and the line ``sep=;`` of Excel.
    """
    above = True
    for number, line in enumerate(lines, start=1):
        skipped = line.startswith("#") or not line.strip() or _EXCEL.fullmatch(line.strip())
        above = above and bool(skipped)
        if not above:
            yield number, line


def records(path: Path, lines: Iterable[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (last line, cells) of each row that is not empty.

    Args:
        path: the file, for messages.
        lines: of the file, line ends kept.
        separator: between the cells.

    Raises:
        DataError: a quote is never closed, or a cell runs over lines that are rows of their own.
    """
    csv.field_size_limit(LONGEST_CELL)
    taken: list[str] = []
    line = 0

    def fed() -> Iterator[str]:
        nonlocal line
        for number, text in content(lines):
            line = number
            taken.append(text)
            yield text
        taken.append(_END)
        yield _END

    for cells in csv.reader(fed(), delimiter=separator):
        if taken[-1] is _END:
            if len(taken) > 1:
                raise _stray(
                    path, line - len(taken) + 2, "a cell begins with a quote that is never closed"
                )
            return
        if len(taken) > 1 and _hides_rows(taken, cells, separator):
            why = f"a cell in quotes runs to line {line}, across what look like separate rows"
            raise _stray(path, line - len(taken) + 1, why)
        if len(cells) > 1 or (cells and cells[0].strip()):
            yield line, cells
        taken.clear()


def _stray(path: Path, line: int, why: str) -> DataError:
    return DataError(
        f'{path}: line {line}: {why}; close or remove the quote (inside quotes, double it: "")'
    )


def _hides_rows(taken: list[str], cells: list[str], separator: str) -> bool:
    """Return whether a row of several lines contains a quote that was not meant to open a cell.

    Such a quote is closed in the middle of a later cell, or what it took in has the columns of a
    row, with numbers where this row has numbers. Crystals have many lines and are left alone.
    """
    long = [i for i, cell in enumerate(cells) if "\n" in cell or "\r" in cell]
    if all(_is_structure(cells[i]) for i in long):
        return False
    try:
        list(csv.reader(taken, delimiter=separator, strict=True))
    except csv.Error:
        return True
    own = [("" if i in long else cell) for i, cell in enumerate(cells)]
    # the line that closes a first cell holds the rest of this very row
    lines = taken[:-1] if 0 in long else taken[1:]
    inner = ([cell.strip(' "\r\n') for cell in text.split(separator)] for text in lines)
    return any(len(row) == len(own) and _alike(own, row) for row in inner)


def _is_structure(text: str) -> bool:
    """Return whether a cell is a pymatgen dict, a CIF or a POSCAR."""
    return text.lstrip()[:1] in ("{", "[") or bool(LIKE_CIF.search(text)) or is_poscar(text)


def _alike(own: list[str], other: list[str]) -> bool:
    """Return whether two rows have numbers in the same columns, or formulas if they have none."""
    pairs = [(_kind(a), _kind(b)) for a, b in zip(own, other, strict=True) if a and b]
    same = [a for a, b in pairs if a == b and a]
    return bool(same) and all((a == "number") == (b == "number") for a, b in pairs)


def _kind(cell: str) -> str:
    """Return ``number``, ``formula`` or ""."""
    with suppress(ValueError):
        float(cell.replace(",", "."))
        return "number"
    with suppress(ValueError):
        return "formula" if parse_formula(cell) else ""
    return ""
