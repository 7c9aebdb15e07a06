"""Print whatever a path or a name holds, on a terminal of whatever encoding."""

from __future__ import annotations

import codecs
import io
import json
import sys
from contextlib import suppress
from typing import Any

import click

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


def echo(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Print a text as one for people to read: whatever it quotes, the terminal obeys none of it."""
    click.echo(printable(text), err=err, nl=nl)


def answer(value: Any, text: str, *, as_json: bool) -> None:
    """Print the answer on stdout: as JSON for a script, else as text."""
    from atlas_core.store import plain

    echo(json.dumps(plain(value), indent=1) if as_json else text)


def note(text: str) -> None:
    """Print a line on stderr; a log on a full disk must not end a run of hours."""
    with suppress(OSError):
        echo(on_one_line(text), err=True)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    note(f"warning: {text}")
