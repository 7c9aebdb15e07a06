"""What computing each candidate costs: a column of their file. Light."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.errors import DataError
from atlas_core.printing import counted
from atlas_reading import TableOptions, open_table

NAMED = 20
"""Rows that a line names."""


def read_costs(path: Path, column: str, rows: I8) -> F8:
    """Return (n,) the costs of candidates.

    Args:
        path: of their file.
        column: its name there.
        rows: (n,) the number of each candidate among the rows of the file, from 0.

    Raises:
        DataError: there is no such column, or a cost is no positive number; names these rows.
    """
    if path.is_dir():
        raise DataError(f"{path}: a folder has no column {column!r}; --cost needs a table")
    table = open_table(path, TableOptions(wanted=(column,)))
    found, bad = np.full(int(rows.max(initial=-1)) + 1, np.nan), []
    asked = set(rows.tolist())
    for number, row in enumerate(table.rows([column])):
        if number not in asked:
            continue
        cell = row.cells[0]
        with suppress(ValueError):
            found[number] = float(str(cell))
        if not 0 < found[number] < np.inf:
            where = f"line {row.line}" if row.line else f"row {row.number}"
            bad.append(f"{where} ({'nothing' if cell in (None, '') else cell})")
    if bad:
        more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        raise DataError(
            f"{path}: column {column!r} holds no positive number in {counted(len(bad), 'row')}:"
            f" {', '.join(bad[:NAMED])}{more}"
        )
    return found[rows]
