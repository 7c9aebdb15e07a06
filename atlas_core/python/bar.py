"""A progress bar in a terminal and in Jupyter. Imports rich."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from io import StringIO

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from atlas_core.printing import on_one_line
from atlas_core.progress import Fit, HowFar, passing

BAR = 16
"""Characters of a bar: beside it, at 80, there is room for the names of an arm and a fold."""
PERCENT, TIME = 5, 13
"""Characters of ``100 %``, and of ``10:00:00 left``."""


EVERY = 0.5
"""Seconds between two bars of a notebook."""
ROWS = 6
"""Fits that have a row of their own, of those that go on at a time."""


@contextmanager
def shown(
    console: Console | None = None, keep: Callable[[str], None] | None = None
) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows lines of progress: what passes as a bar, the rest above it.

    Nothing is shown where the output is neither a terminal nor a notebook.

    Args:
        console: where; None: on stdout.
        keep: prints a line that is to be kept in sight; None: on the console.
    """
    where = console or Console()
    if where.is_jupyter:
        with _in_notebook() as notify:
            yield notify
        return
    if not where.is_terminal:
        yield lambda text: None if passing(text) or keep is None else keep(on_one_line(text))
        return
    far, spinner = HowFar(), Spinner("dots", style="green")

    def frame() -> Table:
        # at the end of a full line, the ^C that a terminal echoes would begin another
        return drawn(far, where.width - len(" ^C"), spinner, where.get_time())

    with Live(console=where, transient=True, get_renderable=frame, refresh_per_second=10) as live:

        def notify(text: str) -> None:
            if passing(text):
                far.hear(text)
                live.refresh()
            elif keep is not None:
                keep(on_one_line(text))
            else:
                print_line(where, on_one_line(text))

        yield notify


@contextmanager
def _in_notebook() -> Iterator[Callable[[str], None]]:
    """Show a bar of plain text below a cell, which needs no widgets; it is gone at the end."""
    from IPython.display import display

    far, ended = HowFar(), threading.Event()
    plain = Console(file=StringIO(), width=80, color_system=None, force_jupyter=False)

    def frame() -> dict[str, str]:
        with plain.capture() as text:
            plain.print(drawn(far, plain.width))
        return {"text/plain": text.get()}

    shown_at = display(frame(), raw=True, display_id=True)  # type: ignore[no-untyped-call]  # of IPython

    def go_on() -> None:
        while not ended.wait(EVERY):
            shown_at.update(frame(), raw=True)

    # the context says which cell is running
    thread = threading.Thread(target=copy_context().run, args=(go_on,), daemon=True)
    thread.start()
    try:
        yield lambda text: far.hear(text) if passing(text) else print(on_one_line(text))
    finally:
        ended.set()
        thread.join()
        shown_at.update({"text/plain": ""}, raw=True)


def print_line(console: Console, line: str) -> None:
    """Print a line whole, over as many rows as it needs, with what went wrong in color."""
    # brackets and colons in a line are no markup
    text = Text(line, overflow="fold")
    for word, color in (("warning:", "yellow"), ("failed:", "red")):
        if line.startswith(word):
            text.stylize(color, 0, len(word))
    console.print(text, highlight=False)


def drawn(far: HowFar, width: int, spinner: Spinner | None = None, now: float = 0.0) -> Table:
    """Return a row of all jobs, or of what is done before and after them, and one of each fit.

    What gives way where it is narrow are the names, never the figures.
    """
    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    table.width = width
    table.add_column(width=1 if spinner else 0)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for size in (BAR, PERCENT, TIME):
        table.add_column(width=size, no_wrap=True, justify="right")
    fits, jobs = far.fits, far.jobs
    if jobs is None:
        (share, left) = (fits[0].share, fits[0].left) if fits else (None, None)
    else:
        share, left = jobs[0] / max(jobs[1], 1), far.left
    time = f"{clock(far.seconds)} so far" if left is None else f"{clock(left)} left"
    bar = ProgressBar(
        total=None if share is None else 1.0,
        completed=share or 0.0,
        width=BAR,
        animation_time=now,
    )
    table.add_row(spinner or "", _words(_doing(far)), bar, _percent(share), time)
    for fit in fits[:ROWS] if jobs is not None else ():
        done, left = fit.share, fit.left
        bar = ProgressBar(total=1.0, completed=done or 0.0, width=BAR)
        time = "" if left is None else f"{clock(left)} left"
        text = _words(f"{_whose(fit, fits)}{fit.detail}")
        table.add_row("", text, "" if done is None else bar, _percent(done), time)
    if jobs is not None and len(fits) > ROWS:
        table.add_row("", _words(f"and {len(fits) - ROWS} more"), "", "", "")
    return table


def _doing(far: HowFar) -> str:
    """Return the stage, and during training which job it is, where it is one."""
    if far.jobs is None:
        return far.fits[0].detail if far.fits else far.stage
    done, total = far.jobs
    if len(far.fits) != 1:
        return f"{far.stage}, {done} of {total} jobs done"
    (fit,) = far.fits
    return f"{far.stage}, job {min(done + 1, total)} of {total}: {fit.arm}, {fit.fold}"


def _whose(fit: Fit, fits: Sequence[Fit]) -> str:
    """Return whose a line is where several go on: the arm, and the fold if it goes on twice."""
    if len(fits) == 1:
        return ""
    twice = sum(one.arm == fit.arm for one in fits) > 1
    return f"{fit.arm}, {fit.fold}: " if twice else f"{fit.arm}: "


def _words(text: str) -> Text:
    return Text(on_one_line(text), no_wrap=True, overflow="ellipsis")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{int(100 * share)} %"


def clock(seconds: float) -> str:
    """Return a time as 0:59, 59:59 or 1:00:59."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
