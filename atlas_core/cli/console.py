"""Print whatever a path or a name holds, on a terminal of whatever encoding."""

from __future__ import annotations

import codecs
import io
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from atlas_core.cli.terminal import GRADE_COLORS, MARKS, fitted, linked, marked, open_page, width
from atlas_core.printing import on_one_line, printable

_NAME = "atlas-bytes"


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Give back the byte that a file name had, and escape a character that cannot be printed."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    code = ord(error.object[error.start])
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is no UTF-8
        return bytes([code - 0xDC00]), error.start + 1
    return error.object[error.start].encode("ascii", "backslashreplace").decode(), error.start + 1


def print_anything() -> None:
    """Let stdout and stderr never fail at a character: a path is printed byte for byte."""
    codecs.register_error(_NAME, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_NAME)


def echo(text: object, *, err: bool = False, marks: Mapping[str, str] = MARKS) -> None:
    """Print a text as one for people to read: whatever it quotes, the terminal obeys none of it.

    On a terminal, lines are broken between words, and paths of files at its end are links.

    Args:
        text: any number of lines.
        err: on stderr.
        marks: {what a line begins with: its color}.
    """
    stream = sys.stderr if err else sys.stdout
    shown = marked(fitted(printable(text), width(stream)), marks, stream)
    click.echo(shown if err else linked(shown), err=err, color=True)


def answer(
    value: Any, text: str, *, as_json: bool, grades: Mapping[str, str] | None = None
) -> None:
    """Print the answer on stdout: as JSON for a script, else as text.

    Args:
        value: plain data.
        text: the same for people.
        as_json: print the value.
        grades: {what a line begins with: grade of a verdict, whose color it has}.
    """
    if not as_json:
        colored = {
            printable(start): GRADE_COLORS[grade]
            for start, grade in (grades or {}).items()
            if grade in GRADE_COLORS
        }
        echo(text, marks=colored | MARKS)
        return
    from atlas_core.store import plain

    print_json(plain(value))


def print_json(value: Any) -> None:
    """Print plain data as JSON, which no terminal changes."""
    click.echo(printable(json.dumps(value, indent=1)))


def note(text: str) -> None:
    """Print a line on stderr; a log on a full disk must not end a run of hours."""
    with suppress(OSError):
        echo(on_one_line(text), err=True)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    note(f"warning: {text}")


def open_report(page: Path | None) -> None:
    """Show a report in the browser, or say in one line why it is not shown."""
    if page is None:
        warn("--open: the spec asks for no report")
    elif why := open_page(page):
        warn(why)
