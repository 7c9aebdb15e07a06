"""Write ``screened.parquet``: first what each candidate is on its own, then with rank and label.

A label may depend on the whole list, which need not fit into memory. Imports pyarrow.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from atlas_core.arrays import F8, I8, Bool, Str
from atlas_core.context import Notify
from atlas_core.errors import DataError
from atlas_core.kinds.acquisition import Goal
from atlas_core.kinds.dataset import Batch, Candidates
from atlas_core.rows import Flag, unreadable_rows
from atlas_core.store import cannot_write, write_bytes, written
from atlas_screening.folder import PROBLEMS, TABLE
from atlas_screening.open_arm import OpenArm
from atlas_screening.rows import KEPT, Tally, Training, columns_of

TRUSTED = 100
"""Candidates labeled trust that the page describes, wherever they stand in the ranking."""


def first_pass(
    opened: OpenArm,
    candidates: Candidates,
    folder: Path,
    *,
    parts: Path,
    chunk: int,
    notify: Notify,
    kept: tuple[str, ...] = KEPT,
) -> Tally:
    """Ask about every candidate, and write what each is on its own.

    Args:
        opened: the arm.
        candidates: are read once.
        folder: takes ``unreadable.csv``.
        parts: takes the table.
        chunk: number of rows that are looked at together.
        notify: is called with a line of progress.
        kept: columns that are kept in memory.

    Raises:
        DataError: a file cannot be written, or not one row can be screened.
    """
    tally, done, start = Tally(kept), 0, time.monotonic()
    problems = io.StringIO()
    unreadable = csv.writer(problems, lineterminator="\n")
    unreadable.writerow(["place", "id", "text", "why", "used"])
    training = Training.of(opened)
    try:
        with parts.open("wb") as sink, row_groups(sink) as write:
            for batch in candidates.batches(chunk):
                done += batch.count
                bad = list(batch.unreadable)
                columns = columns_of(opened, batch, bad, training)
                tally.leave_out(bad)
                unreadable.writerows(unreadable_rows(bad, _flagged(batch)))
                if columns is not None:
                    tally.add(columns)
                    write(pa.table(columns))
                rate = done / max(time.monotonic() - start, 1e-9)
                total = max(done, candidates.total)
                notify(f"rows read: {done:,} of {total:,}, {rate:,.0f} per second")
    except OSError as err:
        raise cannot_write(folder / TABLE, err) from err
    if not tally.screened:
        first = tally.shown[0]
        raise DataError(
            f"{candidates.path}: none of {tally.unreadable} rows can be screened; the first of"
            f" them: {first.place}: {first.why}"
        )
    write_bytes(folder / PROBLEMS, problems.getvalue().encode())
    return tally


def second_pass(
    parts: Path,
    path: Path,
    rank: I8,
    labels: Str | None,
    *,
    wanted: Bool,
    more: Mapping[str, npt.NDArray[Any]],
) -> list[dict[str, Any]]:
    """Write the table with ranks and labels; return those of its rows that are wanted, best first.

    Args:
        parts: what is known of each candidate on its own.
        path: takes the table.
        rank: (n,).
        labels: (n,), or None.
        wanted: (n,) rows to return.
        more: further columns, (n,) each.

    Raises:
        DataError: the file cannot be written.
    """
    best: list[dict[str, Any]] = []
    start = 0
    # streams: pyarrow takes no path that is not UTF-8
    with (
        parts.open("rb") as stream,
        pq.ParquetFile(stream) as source,
        written(path) as sink,
        row_groups(sink, write_page_checksum=True) as write,
    ):
        for group in range(source.num_row_groups):
            # by this thread alone: one of Arrow that asks for it while Python ends aborts
            table = source.read_row_group(group, use_threads=False)
            here = slice(start, start := start + table.num_rows)
            table = table.add_column(0, "rank", pa.array(rank[here]))
            if labels is not None:
                table = table.add_column(1, "label", pa.array(labels[here].tolist()))
            for name, values in more.items():
                table = table.append_column(name, pa.array(values[here]))
            write(table)
            best += table.filter(pa.array(wanted[here])).to_pylist()
    return sorted(best, key=lambda row: int(row["rank"]))


@contextmanager
def row_groups(sink: BinaryIO, **settings: Any) -> Iterator[Callable[[pa.Table], None]]:
    """Give a function that appends a table, of the first one's columns, to a Parquet file."""
    writer: pq.ParquetWriter | None = None

    def write(table: pa.Table) -> None:
        nonlocal writer
        writer = writer or pq.ParquetWriter(sink, table.schema, compression="zstd", **settings)
        writer.write_table(table)

    try:
        yield write
        if writer is not None:
            writer.close()
    finally:
        if writer is not None:
            with suppress(OSError):  # it writes, and may fail once more
                writer.close()
            writer.is_open = False  # else it tries again when it is deleted


def ranks(prediction: F8, goal: Goal, labels: Str | None) -> I8:
    """Return (n,) ranks from 1: deferred candidates come last, ties in the order of the list."""
    sign = 1.0 if goal == "minimize" else -1.0
    late = np.zeros(len(prediction), bool) if labels is None else labels == "defer"
    order = np.lexsort((np.arange(len(prediction)), sign * prediction, late))
    rank = np.empty(len(prediction), dtype=np.int64)
    rank[order] = np.arange(1, len(prediction) + 1)
    return rank


def by_worth(worth: F8, above: F8) -> I8:
    """Return (n,) ranks from 1: most worth first, then the lowest above the border.

    What has no worth comes last; ties stay in the order of the list.

    Args:
        worth: (n,) a probability, or one per cost; NaN without one.
        above: (n,) the expected margin; NaN without one.
    """
    order = np.lexsort(
        (np.arange(len(worth)), np.nan_to_num(above), -np.nan_to_num(worth), np.isnan(worth))
    )
    rank = np.empty(len(worth), dtype=np.int64)
    rank[order] = np.arange(1, len(worth) + 1)
    return rank


def listed(rank: I8, labels: Str | None, top: int) -> Bool:
    """Return (n,) what is described in full: the first ``top`` ranks, and the first to trust."""
    wanted: Bool = rank <= top
    if labels is not None:
        trusted = np.flatnonzero(labels == "trust")
        wanted[trusted[np.argsort(rank[trusted])][: min(top, TRUSTED)]] = True
    return wanted


def _flagged(batch: Batch) -> list[Flag]:
    """Return the candidates of a batch that are odd, and how."""
    odd = zip(batch.flags, batch.places, batch.ids, strict=True)
    return [Flag(kinds, place, own) for kinds, place, own in odd if kinds]
