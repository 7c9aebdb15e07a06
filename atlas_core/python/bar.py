"""A progress bar in a terminal and in Jupyter. Imports rich."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from atlas_core.printing import on_one_line
from atlas_core.progress import HowFar, passing

BAR = 16
"""Characters of a bar: beside it, at 80, there is room for the names of an arm and a fold."""
PERCENT, TIME = 5, 13
"""Characters of ``100 %``, and of ``10:00:00 left``."""


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
    if not (where.is_terminal or where.is_jupyter):
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


def print_line(console: Console, line: str) -> None:
    """Print a line whole, over as many rows as it needs, with what went wrong in color."""
    # brackets and colons in a line are no markup
    text = Text(line, overflow="fold")
    for word, color in (("warning:", "yellow"), ("failed:", "red")):
        if line.startswith(word):
            text.stylize(color, 0, len(word))
    console.print(text, highlight=False)


def drawn(far: HowFar, width: int, spinner: Spinner | None = None, now: float = 0.0) -> Table:
    """Return a row of all jobs, or of what is done before and after them, and one of the fit.

    What gives way where it is narrow are the names, never the figures.
    """
    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    table.width = width
    table.add_column(width=1 if spinner else 0)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for size in (BAR, PERCENT, TIME):
        table.add_column(width=size, no_wrap=True, justify="right")
    if far.jobs is None:
        share, left = far.share, far.fit_left
    else:
        share, left = far.jobs[0] / max(far.jobs[1], 1), far.jobs_left
    time = f"{clock(far.seconds)} so far" if left is None else f"{clock(left)} left"
    bar = ProgressBar(
        total=None if share is None else 1.0,
        completed=share or 0.0,
        width=BAR,
        animation_time=now,
    )
    table.add_row(spinner or "", _words(_doing(far)), bar, _percent(share), time)
    if far.arm and far.detail:
        done, left = far.share, far.fit_left
        bar = ProgressBar(total=1.0, completed=done or 0.0, width=BAR)
        time = "" if left is None else f"{clock(left)} left"
        table.add_row("", _words(far.detail), "" if done is None else bar, _percent(done), time)
    return table


def _doing(far: HowFar) -> str:
    """Return the stage, and during training which job it is, its arm and its fold."""
    if far.jobs is None:
        return far.detail or far.stage
    done, total = far.jobs
    if not far.arm:  # in worker processes, from which no line comes
        return f"{far.stage}, {done} of {total} jobs done"
    return f"{far.stage}, job {min(done + 1, total)} of {total}: {far.arm}, {far.fold}"


def _words(text: str) -> Text:
    return Text(on_one_line(text), no_wrap=True, overflow="ellipsis")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{int(100 * share)} %"


def clock(seconds: float) -> str:
    """Return a time as 0:59, 59:59 or 1:00:59."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
