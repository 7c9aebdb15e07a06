"""A progress bar in a terminal and in Jupyter. Imports rich."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from atlas_core.printing import on_one_line

_COUNT = re.compile(r"\b([0-9][0-9,]*) of ([0-9][0-9,]*)\b")


@contextmanager
def shown(console: Console | None = None) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows a line of progress, with a bar where it counts ("3 of 8").

    Nothing is shown where the output is neither a terminal nor a notebook.

    Args:
        console: where; None: on stdout.
    """
    where = console or Console()
    line = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), BarColumn(bar_width=20), line, TimeElapsedColumn())
    visible = where.is_terminal or where.is_jupyter
    with Progress(*columns, console=where, transient=True, disable=not visible) as bar:
        task = bar.add_task("loading", total=None)

        def notify(text: str) -> None:
            plain = on_one_line(text)
            found = _COUNT.search(plain)
            done, total = (int(n.replace(",", "")) for n in found.groups()) if found else (0, None)
            bar.update(task, description=plain, completed=done, total=total)

        yield notify
