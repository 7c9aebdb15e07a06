"""Give each cell of a page's tables the title of its column, for narrow screens. Light.

There a table is a list of cards: a cell stands below its title instead of below its column's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
_HEAD = re.compile(r"<thead\b.*?</thead>", re.DOTALL)
_ROW = re.compile(r"(<tr\b[^>]*>)(.*?)(</tr>)", re.DOTALL)
_CELL = re.compile(r"<(t[hd])\b([^>]*)>(.*?)</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_SPAN = re.compile(r'\bcolspan="(\d+)"')


def titled(page: str) -> str:
    """Return a page whose table cells have their column's title as ``data-title``.

    A table without a head stays as it is, so does a cell that is the title of its row or has one
    already; of a head with several rows a cell has all that stand above it, joined by commas. Cells
    span columns, not rows.
    """
    return _TABLE.sub(lambda found: _titled(found[0]), page)


def _titled(table: str) -> str:
    head = _HEAD.search(table)
    if head is None:
        return table
    titles = _titles(head[0])
    body = table[head.end() :]
    return table[: head.end()] + _ROW.sub(
        lambda row: row[1] + _cells(row[2], titles) + row[3], body
    )


def _spans(row: str) -> Iterator[tuple[range, re.Match[str]]]:
    """Yield the columns that each cell of a row takes, and the cell."""
    column = 0
    for cell in _CELL.finditer(row):
        found = _SPAN.search(cell[2])
        width = int(found[1]) if found else 1
        yield range(column, column + width), cell
        column += width


def _titles(head: str) -> list[list[str]]:
    """Return what stands above each column, a line per row of the head, escaped as it is there."""
    lines = []
    for row in _ROW.finditer(head):
        line = []
        for columns, cell in _spans(row[2]):
            line += [" ".join(_TAG.sub(" ", cell[3]).split()).replace('"', "&quot;")] * len(columns)
        lines.append(line)
    return lines


def _cells(row: str, titles: list[list[str]]) -> str:
    parts, end = [], 0
    for columns, cell in _spans(row):
        above = [{line[c] for c in columns if c < len(line)} for line in titles]
        title = ", ".join(one.pop() for one in above if len(one) == 1 and one != {""})
        parts.append(row[end : cell.end(1)])
        if title and cell[1] == "td" and "data-title=" not in cell[2]:
            parts.append(f' data-title="{title}"')
        parts.append(row[cell.end(1) : cell.end()])
        end = cell.end()
    return "".join(parts) + row[end:]
