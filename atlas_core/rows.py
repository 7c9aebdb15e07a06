"""Collect what is wrong with the rows of a file, so that all of it is reported at once. Light."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_core.errors import DataError
from atlas_core.store import write_bytes

SHOWN = 20
"""Bad rows that a message spells out; ``unreadable.csv`` has them all."""
UNREADABLE = "unreadable.csv"
LONGEST = 300
"""Characters of a row that are repeated where it cannot be read."""


@dataclass(frozen=True)
class BadRow:
    """Name a row that cannot be used.

    Attributes:
        place: ``row 17``, ``line 17`` or the name of a file.
        id: the user's own id; "" where there is none.
        text: what stands there.
        why: what is wrong with it and what to do.
        kind: the reason in words that rows of one kind share.
    """

    place: str
    id: str
    text: str
    why: str
    kind: str = "cannot be read"

    @property
    def line(self) -> str:
        """Return one line: place, id, reason."""
        own = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in self.id[:60])
        own += "..." if len(self.id) > 60 else ""
        return f"{self.place}{f', id {own}' if own else ''}: {' '.join(self.why.split())}"


@dataclass(frozen=True)
class Flag:
    """Name a row that is used although something about it is odd.

    Attributes:
        kind: what is odd, in words that rows of one kind share.
        place: ``row 17``, ``line 17`` or the name of a file.
        id: the user's own id; "" where there is none.
    """

    kind: str
    place: str
    id: str = ""


@dataclass(frozen=True)
class ReadingReport:
    """Say what became of the rows of a source.

    Attributes:
        rows: how many rows the source has.
        dropped: rows that were left out because the options say so.
        flagged: rows that are used although something about them is odd.
        notes: how the source was read where that was detected, such as its decimal sign.
    """

    rows: int = 0
    dropped: tuple[BadRow, ...] = ()
    flagged: tuple[Flag, ...] = ()
    notes: tuple[str, ...] = ()

    def reasons(self) -> dict[str, int]:
        """Return how many rows were dropped for each reason, most frequent first."""
        return dict(Counter(row.kind for row in self.dropped).most_common())

    def kinds(self) -> dict[str, int]:
        """Return how many rows were flagged for each reason, most frequent first."""
        return dict(Counter(flag.kind for flag in self.flagged).most_common())

    def describe(self) -> dict[str, Any]:
        """Return plain data for the manifest: counts by reason; the rows stand in a file."""
        return {
            "rows": self.rows,
            "dropped": len(self.dropped),
            "reasons": self.reasons(),
            "flagged": self.kinds(),
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """Return one line for what was dropped, one for what was flagged, and the notes."""
        said = list(self.notes)
        if self.dropped:
            said.append(
                f"left out: {len(self.dropped)} of {self.rows} rows ({_counted(self.reasons())})"
            )
        if self.flagged:
            said.append(f"flagged, but used: {_counted(self.kinds())}")
        return said


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {kind}" for kind, n in reasons.items())


class RowsError(DataError):
    """Rows of a source cannot be used; ``rows`` holds every one of them."""

    blamed = True  # the lines name the source already

    def __init__(self, source: str, rows: Sequence[BadRow], total: int, remedy: str = "") -> None:
        self.source, self.rows, self.total = source, tuple(rows), total
        shown = [f"{source}: {row.line}" for row in self.rows[:SHOWN]]
        if len(self.rows) > 1:
            more = len(self.rows) - len(shown)
            text = f"{source}: {len(self.rows)} of {total} rows cannot be used"
            shown.append(text + (f" ({more} more than shown)" if more else "") + remedy)
        elif remedy:
            shown[0] += remedy
        super().__init__("\n".join(shown))


_FORMULA_OF_A_SPREADSHEET = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|nan)")


def safe_cell(value: Any) -> Any:
    """Return a cell of a CSV file that no spreadsheet takes for a formula.

    Text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return gets an apostrophe
    in front, as OWASP advises; numbers stay as they are.
    """
    if not isinstance(value, str) or not _FORMULA_OF_A_SPREADSHEET.match(value):
        return value
    return value if _NUMBER.fullmatch(value) else f"'{value}"


def _in_one_row(cell: Any) -> Any:
    safe = safe_cell(cell)
    return re.sub("\r\n?", "\n", safe) if isinstance(safe, str) else safe


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a CSV file whose cells no spreadsheet takes for formulas.

    A carriage return within a cell would end a row where it is not quoted: it is written as a line
    feed, which is.
    """
    body = io.StringIO()
    writer = csv.writer(body, lineterminator="\n")
    writer.writerows([_in_one_row(cell) for cell in row] for row in [header, *rows])
    return body.getvalue().encode("utf-8", "backslashreplace")


def unreadable_rows(bad: Iterable[BadRow], flags: Iterable[Flag] = ()) -> list[list[str]]:
    """Return rows of ``unreadable.csv``: place, id, text, why, and whether the row is used."""
    rows = [[b.place, b.id, b.text[:LONGEST], b.why, "no"] for b in bad]
    rows += [[flag.place, flag.id, "", flag.kind, "yes"] for flag in flags]
    return [[safe_cell(cell) for cell in row] for row in rows]


def unreadable_csv(bad: Iterable[BadRow], flags: Iterable[Flag] = ()) -> bytes:
    """Return ``unreadable.csv``: rows that are not used, then rows that are used though odd."""
    return write_csv(("place", "id", "text", "why", "used"), unreadable_rows(bad, flags))


def all_rows_reported(error: RowsError, folder: Path) -> DataError:
    """Write every row that cannot be used to a file in ``folder``; return the error that names it.

    One row stands in the error itself, and needs no file.
    """
    if len(error.rows) == 1:
        return error
    path = folder / UNREADABLE
    write_bytes(path, unreadable_csv(error.rows))
    whole = DataError(f"{error}\n{error.source}: all of them are in {path}")
    whole.blamed = True
    return whole
