"""Handle the rows that cannot be used: all of them are reported at once. Light."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from atlas_core.rows import BadRow, Flag, ReadingReport, RowsError

OnBad = Literal["stop", "drop"]

MISSING = "without a target"
"""The kind of rows whose target is empty."""


@dataclass
class Sifter:
    """Collect the rows of a source that cannot be used, and decide whether to drop them.

    Attributes:
        source: the file, for messages.
        on_error: what happens where a row cannot be read.
        missing: what happens where a row has no target.
        choose: whether the options of the source can say ``drop``.
    """

    source: str
    on_error: OnBad = "stop"
    missing: OnBad = "stop"
    choose: bool = True
    rows: int = 0
    bad: list[BadRow] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)

    def add(self, row: BadRow) -> None:
        """Note a row that cannot be used."""
        self.bad.append(row)

    def flag(self, kinds: Iterable[str], place: str, material_id: str) -> None:
        """Note a row that is used although it is odd."""
        self.flags += [Flag(kind, place, material_id) for kind in kinds]

    def finish(self, kept: int, notes: Sequence[str] = ()) -> ReadingReport:
        """Return the outcome for the rows.

        Raises:
            RowsError: a row cannot be used and none of its kind may be dropped, or none is left.
        """
        stopping = [row for row in self.bad if self._policy(row) == "stop"]
        if stopping:
            options = dict.fromkeys(
                f"{'missing' if row.kind == MISSING else 'on_error'}: drop" for row in stopping
            )
            one = len(stopping) == 1
            fix, leave = ("fix it", "leave it") if one else ("fix them", "leave them")
            remedy = f"; {fix}, or {leave} out with {' and '.join(options)}" if self.choose else ""
            raise RowsError(self.source, stopping, self.rows, remedy)
        if not kept and self.bad:
            raise RowsError(self.source, self.bad, self.rows, "; no row is left")
        return ReadingReport(self.rows, tuple(self.bad), tuple(self.flags), tuple(notes))

    def _policy(self, row: BadRow) -> OnBad:
        return self.missing if row.kind == MISSING else self.on_error
