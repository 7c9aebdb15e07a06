"""Progress on stderr: a live line on a terminal, few plain lines elsewhere, or none."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from atlas_core.cli.console import note
from atlas_core.progress import is_brief

EVERY = 30.0
"""Seconds between two plain lines about one thing: a log of hours stays readable."""


class PlainLines:
    """Print lines of progress, and of those that only count on, one in ``EVERY`` seconds."""

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write, self._clock = write, clock
        self._printed: dict[str, float] = {}

    def __call__(self, text: str) -> None:
        """Print ``text``, unless a line that differs in its last numbers only was just printed."""
        head, colon, tail = text.rpartition(": ")
        same = f"{head}{colon}{re.sub(r'[0-9.,]+', '', tail)}"
        now = self._clock()
        if now - self._printed.get(same, -EVERY) >= EVERY:
            self._printed[same] = now
            self._write(text)


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows a line of progress: as a bar on a terminal, else as a line.

    On a terminal what passes ("3 of 8") is a bar, and all else stays above it.
    """
    if quiet:
        yield lambda _text: None
        return
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        lines = PlainLines(note)
        yield lambda text: None if is_brief(text) else lines(text)
        return
    from rich.console import Console

    from atlas_core.python.bar import print_line, shown

    console = Console(stderr=True)

    def keep(line: str) -> None:
        with suppress(OSError):  # a terminal that is gone ends no run of hours
            print_line(console, line)

    with shown(console, keep) as show:
        yield show
