"""Show text that somebody else wrote so that a terminal obeys none; count and list. Light."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence

_OBEYED = {"Cc", "Cf", "Zl", "Zp"}
"""Categories of Unicode that a terminal acts on: control, format, line and paragraph ends."""


def printable(text: object, keep: str = "\n\t") -> str:
    """Return a text with what a terminal would act on escaped as JSON escapes it.

    Args:
        text: anything that has a text.
        keep: characters that stay although a terminal acts on them.
    """
    said = str(text)
    if said.translate(dict.fromkeys(map(ord, keep))).isprintable():
        return said
    return "".join(one if one in keep else _escaped(one) for one in said)


def on_one_line(text: object) -> str:
    """Return a text that may hold anything, such as a file's name, as one line."""
    return printable(text, keep="")


def _escaped(one: str) -> str:
    if unicodedata.category(one) not in _OBEYED:
        return one
    return "\\u007f" if one == "\x7f" else json.dumps(one)[1:-1]  # JSON leaves that one alone


def size(count: int) -> str:
    """Return a number of bytes in the unit that leaves it digits."""
    if count < 100:
        return f"{count} B"
    if count < 100_000:
        return f"{count / 1e3:.1f} kB"
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


def counted(n: int, singular: str, plural: str = "") -> str:
    """Return ``n`` with its noun: 1 row, 2 rows, 4 427 rows; the plural of an s unless given."""
    number = f"{n:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{number} {singular if n == 1 else plural or singular + 's'}"


def listed(words: Sequence[str]) -> str:
    """Return words joined with commas and "and"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
