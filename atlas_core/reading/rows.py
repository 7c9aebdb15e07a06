"""Collect what is wrong with the rows of a file, so that all of it is reported at once. Light."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from atlas_core.errors import DataError

SHOWN = 20
"""Bad rows that a message spells out; ``unreadable.csv`` has them all."""
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
    """

    place: str
    id: str
    text: str
    why: str

    @property
    def line(self) -> str:
        """Return one line: place, id, reason."""
        return f"{self.place}{f', id {self.id}' if self.id else ''}: {self.why}"


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
    """

    rows: int = 0
    dropped: tuple[BadRow, ...] = ()
    flagged: tuple[Flag, ...] = ()

    def kinds(self) -> dict[str, int]:
        """Return how many rows were flagged for each reason, most frequent first."""
        return dict(Counter(flag.kind for flag in self.flagged).most_common())


class RowsError(DataError):
    """Rows of a source cannot be used; ``rows`` holds every one of them."""

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
