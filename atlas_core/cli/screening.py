"""Screen candidates, with a bar of progress, for ``atlas screen``."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from atlas_core.cli.progress import PlainLines, note
from atlas_core.metrics import digits
from atlas_core.metrics.digits import counted
from atlas_core.printing import on_one_line
from atlas_core.screen import PAGE, TABLE, TOP, Screened, ScreenOptions, screen
from atlas_registry.loading import Registry

TOLD = 10
"""Unreadable rows that are printed; the file has all of them."""
FIRST = 5
"""Ranks that are printed."""


@contextmanager
def bar(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a function of rows done and rows in all; it shows them on stderr."""
    if quiet:
        yield lambda _done, _total: None
        return
    if not sys.stderr.isatty():
        say = PlainLines(note)
        start = time.monotonic()

        def line(done: int, total: int) -> None:
            rate = done / max(time.monotonic() - start, 1e-9)
            say(f"rows read: {done:,} of {total:,}, {rate:,.0f} a second")

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("rows", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def screen_candidates(options: ScreenOptions, *, quiet: bool) -> tuple[dict[str, Any], str]:
    """Screen; return the facts as plain data and as text. What was left out goes to stderr."""
    with bar(quiet=quiet) as tell, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = screen(replace(options, tell=tell), Registry())
    for text in dict.fromkeys(" ".join(str(one.message).split()) for one in caught):
        note(f"warning: {text}")
    _tell_unreadable(result)
    about = dict(result.about) | {"folder": str(result.folder), "page": str(result.folder / PAGE)}
    return about, _text(result)


def _tell_unreadable(result: Screened) -> None:
    count = int(result.about["unreadable"])
    for row in result.shown[:TOLD]:
        note(f"left out: {row.place}: {row.why}")
    if count:
        more = f" ({count - TOLD} not printed)" if count > TOLD else ""
        note(f"left out: {counted(count, 'row')} in all{more}, see unreadable.csv")


def _text(result: Screened) -> str:
    about = result.about
    wanted = "lowest" if about["goal"] == "minimise" else "highest"
    unit = f" {about['unit']}" if about["unit"] else ""
    lines = [
        f"{counted(about['screened'], 'candidate')} by arm {about['arm']} ({about['fold']}),"
        f" {wanted} {about['target']} first"
    ]
    if about["labels"] is not None:
        lines.append(", ".join(f"{label} {n}" for label, n in about["labels"].items()))
    if about["outside"] is not None:
        lines.append(f"flagged as unlike the training data: {about['outside']}")
    for row in result.top[:FIRST]:
        label = f"  {row['label']}" if "label" in row else ""
        flag = f"  ({row['reason']})" if row["reason"] else ""
        value = f"{row['prediction']:.4g}{unit}"
        if about["task"] == "binary":
            value = f"P(1) {digits.probability(float(row['prediction']))}"
        lines.append(f"{row['rank']:>3}  {_named(row)}  {value}{label}{flag}")
    lines += [str(result.folder / name) for name in (TABLE, TOP, PAGE)]
    return "\n".join(map(on_one_line, lines))


def _named(row: dict[str, Any]) -> str:
    """Return a candidate's formula, and its own id (of a CIF file the name) where it has one."""
    formula, own = str(row["formula"]), str(row["id"])
    return formula if own == formula else f"{formula} ({own})"
