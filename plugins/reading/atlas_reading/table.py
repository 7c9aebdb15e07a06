"""A table, whatever its form: its columns and its rows. Light."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlas_core.errors import DataError

SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        number: from 1, without the header and without empty lines.
        line: of the file, from 1; 0 where it has no lines.
        cells: in the order of the columns that were asked for.
        problem: why it cannot be read as a row; "" where it can.
        text: its text, where it cannot be read.
    """

    number: int
    line: int
    cells: Sequence[Any]
    problem: str = ""
    text: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """A table that is read as often as asked.

    Attributes:
        path: the file.
        names: of the columns; without a header the numbers from 1.
        form: its ending, such as ``.csv``.
        separator: of text; "" for other forms.
        keyed: whether the ids are keys of the file itself (JSON); they are the column ``KEY``.
        notes: what was detected about how it is written.
        lists: columns of Parquet whose cells are lists.
        facts: metadata of a Parquet file's schema.
        count: rows of a Parquet file; 0 for other forms.
    """

    path: Path
    names: tuple[str, ...]
    form: str
    _rows: Callable[[Sequence[int]], Iterator[Row]]
    separator: str = ""
    keyed: bool = False
    notes: tuple[str, ...] = ()
    lists: frozenset[str] = frozenset()
    facts: Mapping[bytes, bytes] = field(default_factory=dict)
    count: int = 0

    def rows(self, names: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows; their cells are those of the columns ``names``, else all."""
        if names is None:
            return self._rows(range(len(self.names)))
        check_columns(self.path, self.names, names)
        return self._rows([self.names.index(name) for name in names])


def check_columns(path: Path, names: Sequence[str], wanted: Sequence[str]) -> None:
    """Compare the wanted columns with those that are there.

    Raises:
        DataError: one is missing (names the closest), or occurs twice; a line for each.
    """
    have = ", ".join(one[:60] for one in names[:12]) + (", ..." if len(names) > 12 else "")
    problems = []
    for name in dict.fromkeys(wanted):
        if names.count(name) > 1:
            problems.append(
                f"{path}: column {name!r} occurs twice in the header; rename one of them"
            )
        elif name not in names:
            problems.append(f"{path}: no column {name!r}{_closest(name, names)} (it has {have})")
    if len(names) == 1:
        problems = problems[:1]  # the columns were not split: all are missing for one reason
    if problems:
        raise DataError("\n".join(problems))


def _closest(name: str, names: Sequence[str]) -> str:
    """Return what to do about a column that is not there, "" where nothing is alike."""
    if len(names) == 1 and any(sign in names[0] for sign in (*SEPARATORS, " ")):
        return "; state what separates its columns with separator"
    alike = {one.strip().casefold(): one for one in reversed(names)}
    close = [alike[name.strip().casefold()]] if name.strip().casefold() in alike else []
    close += difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


# text
