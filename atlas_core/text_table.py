"""Plain text tables that fit a terminal without breaking a word. Light."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence

from atlas_core.printing import on_one_line

ROOM = 36
"""Characters that a last column of words is to have before another column is left out for it."""
GAP = "  "


def columns(
    rows: Sequence[Sequence[str]],
    header: Sequence[str],
    *,
    width: int | None = None,
    spare: Sequence[str] = (),
    numbers: Collection[str] = (),
) -> str:
    """Return rows as aligned columns under a header.

    Args:
        rows: a cell per column each.
        header: the names of the columns; one of empty names only is not printed.
        width: characters of a line, to which the last column is folded between words; None: each
            row is one line of any length.
        spare: columns that may be left out where it is narrow, the first of them first.
        numbers: columns that are aligned at their right; a last one is not folded.
    """
    table = [list(header), *([on_one_line(cell) for cell in row] for row in rows)]
    names = list(header)
    if width is not None:
        needed = 0 if header[-1] in numbers else min(ROOM, _longest(table, len(names) - 1))
        for name in spare:
            if _taken(table, names, needed) <= width:
                break
            at = names.index(name)
            names.pop(at)
            for row in table:
                row.pop(at)
    widths = [_longest(table, at) for at in range(len(names))]
    lines = []
    for row in table if any(header) else table[1:]:
        cells = [
            cell.rjust(n) if name in numbers else cell.ljust(n)
            for cell, n, name in zip(row, widths, names, strict=True)
        ]
        head = GAP.join([*cells[:-1], ""])
        room = None if width is None or names[-1] in numbers else width - len(head)
        lines += _folded(head, cells[-1].rstrip(), room)
    return "\n".join(map(str.rstrip, lines))


def _longest(table: Sequence[Sequence[str]], at: int) -> int:
    return max(len(row[at]) for row in table)


def _taken(table: Sequence[Sequence[str]], names: Sequence[str], last: int) -> int:
    """Return the characters of a line whose last column has ``last`` of them, if it is words."""
    ends = [_longest(table, at) for at in range(len(names))]
    return sum(ends[:-1]) + len(GAP) * (len(names) - 1) + (last or ends[-1])


def _folded(head: str, last: str, room: int | None) -> list[str]:
    if room is None or len(last) <= room:
        return [head + last]
    pieces = textwrap.wrap(last, max(room, 10), break_long_words=False, break_on_hyphens=False)
    return [head + pieces[0], *(" " * len(head) + piece for piece in pieces[1:])]
