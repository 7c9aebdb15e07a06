"""Progress on stderr: a live line on a terminal, few plain lines elsewhere, or none."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from atlas_core.cli.console import note
from atlas_core.printing import on_one_line

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
    """Yield a function that shows a line of progress, with a bar where it counts ("3 of 8")."""
    if quiet:
        yield lambda _text: None
        return
    if not sys.stderr.isatty():
        yield PlainLines(note)
        return
    from rich.console import Console
    from rich.text import Text

    from atlas_core.python.bar import shown

    console = Console(stderr=True, log_path=False)
    # brackets and colons in a line are no markup
    log = PlainLines(lambda text: console.log(Text(text), highlight=False))
    with shown(console) as show:

        def notify(text: str) -> None:
            log(on_one_line(text))
            show(text)

        yield notify
