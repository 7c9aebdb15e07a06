"""Read materials without a target, some thousands at a time; report unreadable ones. Light."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.errors import DataError
from atlas_core.kinds.dataset import Batch
from atlas_core.materials import Materials
from atlas_core.rows import LONGEST, BadRow
from atlas_core.store import utf8
from atlas_reading.cells import read_formula
from atlas_reading.crystals import Crystal, materials_of, one_crystal, read_crystals
from atlas_reading.geometry import check_geometry


@dataclass(frozen=True)
class Listed:
    """One row: its place, its id, its formula or what a crystal is made from.

    ``problem`` says why it cannot be read as a row; "" where it can.
    """

    place: str
    id: str
    content: Any
    problem: str = ""


@dataclass(frozen=True)
class Listing:
    """Read candidates from rows; implements ``atlas_core.kinds.dataset.Candidates``.

    Attributes:
        path: of the file or folder.
        structures: whether they are crystals.
        total: about how many rows there are.
        rows: yields them, as often as asked.
        notes: how they were read, where that was detected.
    """

    path: Path
    structures: bool
    total: int
    rows: Callable[[], Iterator[Listed]]
    notes: tuple[str, ...] = ()

    def batches(self, size: int, only: Collection[int] | None = None) -> Iterator[Batch]:
        """Yield batches of at most ``size`` rows, in the order of the file.

        Args:
            size: rows of a batch.
            only: numbers of rows that are wanted; None: all.
        """
        waiting: list[tuple[int, Listed]] = []
        last = max(only, default=-1) if only is not None else None
        for number, row in enumerate(self.rows()):
            if only is None or number in only:
                waiting.append((number, row))
                if len(waiting) == size:
                    yield _batch(waiting, structures=self.structures)
                    waiting = []
            if number == last:
                break
        if waiting:
            yield _batch(waiting, structures=self.structures)


@dataclass(frozen=True)
class _Read:
    """What was read of a row: amounts or a crystal, and what is odd about it."""

    number: int
    row: Listed
    made: Any
    flags: list[str]


def _batch(waiting: list[tuple[int, Listed]], *, structures: bool) -> Batch:
    kept: list[_Read] = []
    bad: list[BadRow] = []
    for number, row in waiting:
        try:
            if row.problem:
                raise ValueError(row.problem)
            made, flags = _crystal(row.content) if structures else read_formula(row.content)
            kept.append(_Read(number, row, made, list(flags)))
        except (ValueError, DataError) as err:
            bad.append(_unreadable(row, str(err)))
    ids = [f"{one.number:012d}" for one in kept]
    if structures:
        kept, materials = _possible(kept, materials_of(ids, [one.made for one in kept]), bad)
    else:
        materials = Materials.from_amounts(ids, [one.made for one in kept])
    return Batch(
        rows=np.array([one.number for one in kept], dtype=np.int64),
        places=[utf8(one.row.place) for one in kept],
        ids=[utf8(one.row.id) for one in kept],
        formulas=materials.written()
        if structures
        else [str(one.row.content).strip() for one in kept],
        materials=materials,
        unreadable=bad,
        flags=["; ".join(one.flags) for one in kept],
    )


def _unreadable(row: Listed, why: str) -> BadRow:
    text = row.content if isinstance(row.content, str) else ""
    return BadRow(*map(utf8, (row.place, row.id, text[:LONGEST], " ".join(why.split()))))


def _possible(
    kept: list[_Read], materials: Materials, bad: list[BadRow]
) -> tuple[list[_Read], Materials]:
    """Return the rows whose crystals can be, and these; the distances of all are checked."""
    refused: dict[int, str] = {}
    for i, severity, words in check_geometry(materials):
        if severity == "refuse":
            refused.setdefault(i, words)
        elif words not in kept[i].flags:
            kept[i].flags.append(words)
    bad += [_unreadable(kept[i].row, words) for i, words in refused.items()]
    rest = [i for i in range(len(kept)) if i not in refused]
    return [kept[i] for i in rest], materials.take(rest) if refused else materials


def _crystal(content: Any) -> tuple[Crystal, tuple[str, ...]]:
    """Return a crystal whose distances are checked later, and what is odd about it."""
    crystal = one_crystal(read_crystals(content, checked=False))
    return crystal, crystal.flags
