"""Fit text to a terminal: whole words, colors where they are wanted, links. Light.

Elsewhere, in a pipe or a file, text stays as it is, each line of any length.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import click

GRADE_COLORS = {
    "trust": "green",
    "labels_reliable": "green",
    "caution": "yellow",
    "do_not_trust": "red",
}
"""By grade of a verdict; any other has no color."""
MARKS = {"error:": "red", "warning:": "yellow"}
"""Words that a line may begin with, and the color of each."""
_NO_LINKS = {"dumb", "linux"}
"""Terminals that would print the characters of a link."""


def width(stream: TextIO | None = None) -> int | None:
    """Return the characters of a line of stdout, or of another stream; None for no terminal."""
    stream = stream or sys.stdout
    try:
        if stream is None or not stream.isatty():
            return None
        given = os.environ.get("COLUMNS", "")
        found = int(given) if given.isdecimal() else os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return None
    return found or None


def colors(stream: TextIO | None = None) -> bool:
    """Return whether colors are wanted: on a terminal that has them, unless NO_COLOR is set."""
    dumb = os.environ.get("TERM", "dumb") == "dumb"
    return width(stream) is not None and not dumb and not os.environ.get("NO_COLOR")


def fitted(text: str, columns: int | None) -> str:
    """Return a text whose lines are broken between words to fit, with what follows indented.

    A word that is longer than a line, such as a path, is never broken.
    """
    if columns is None:
        return text
    return "\n".join(
        line if len(line) <= columns else _broken(line, columns) for line in text.split("\n")
    )


def _broken(line: str, columns: int) -> str:
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(
        line,
        max(columns, 20),
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        expand_tabs=False,
    )


def marked(text: str, marks: Mapping[str, str], stream: TextIO | None = None) -> str:
    """Return lines with what some begin with in its color, where colors are wanted."""
    if not marks or not colors(stream):
        return text
    return "\n".join(_marked(line, marks) for line in text.split("\n"))


def _marked(line: str, marks: Mapping[str, str]) -> str:
    mark = next((mark for mark in marks if line.startswith(mark)), "")
    return click.style(mark, fg=marks[mark]) + line[len(mark) :] if mark else line


def linked(text: str) -> str:
    """Return a text in which each path of a file at its end is a link (OSC 8), on a terminal."""
    if width() is None or os.environ.get("TERM", "dumb") in _NO_LINKS:
        return text
    lines = text.split("\n")
    for number in range(len(lines) - 1, -1, -1):
        path = Path(lines[number])
        if not path.suffix or not _is_file(path):
            break
        address = path.absolute().as_uri()
        lines[number] = f"\x1b]8;;{address}\x1b\\{lines[number]}\x1b]8;;\x1b\\"
    return "\n".join(lines)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def open_page(path: Path) -> str:
    """Show a page in the browser; return why it is not shown, "" where it is."""
    import webbrowser

    address = path.absolute().as_uri()
    try:
        shown = webbrowser.open(address)
    except (OSError, webbrowser.Error):
        shown = False
    return "" if shown else f"--open: no browser is found here; open {address}"
