"""Candidates from a user's file, some thousands at a time; what cannot be read is told. Light.

Formulas come as text (one a line), CSV, JSON, xlsx or Parquet; crystals as a folder of CIF files,
as JSON of pymatgen dicts, as a column of texts, or as Parquet in ATLAS's bulk format.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.arrays import I8
from atlas_core.elements import absent_elements, formula_flags, parse_formula
from atlas_core.errors import DataError
from atlas_core.materials import Materials
from atlas_core.rows import LONGEST, BadRow
from atlas_core.store import utf8
from atlas_reading.cells import refuse_printed
from atlas_reading.cif import Block
from atlas_reading.crystals import (
    Crystal,
    check_geometry,
    cif_blocks,
    materials_of,
    one_crystal,
    read_cif_block,
    read_crystals,
    read_dict,
)
from atlas_reading.lists import Known, ListRow, open_list


@dataclass(frozen=True, eq=False)
class Batch:
    """Hold some candidates.

    Attributes:
        rows: (n,) the number of each among all candidates, from 0; unreadable rows count.
        places: where each stands, such as ``line 5``.
        ids: n ids as the user gave them, else the place.
        formulas: n formulas as the user gave them, else as chemists write them.
        materials: the n candidates; their own ids are the row numbers.
        unreadable: rows that are none of them.
        count: candidates and unreadable rows.
        flags: n texts: what is odd about a candidate although it is used; "" for nothing.
    """

    rows: I8
    places: list[str]
    ids: list[str]
    formulas: list[str]
    materials: Materials
    unreadable: list[BadRow]
    count: int
    flags: list[str]


@dataclass(frozen=True)
class Candidates:
    """Read candidates, as often as asked.

    Attributes:
        path: the file or folder.
        structures: whether they are crystals.
        total: how many rows there are, for a bar of progress.
        notes: how they were read, where that was found out.
    """

    path: Path
    structures: bool
    total: int
    _rows: Callable[[], Iterator[ListRow]]
    notes: tuple[str, ...] = ()

    def batches(self, size: int, only: Collection[int] | None = None) -> Iterator[Batch]:
        """Yield batches of at most ``size`` rows, in the order of the file.

        Args:
            size: rows of a batch.
            only: numbers of rows that are wanted; None: all.
        """
        waiting: list[tuple[int, ListRow]] = []
        last = max(only, default=-1) if only is not None else None
        for number, row in enumerate(self._rows()):
            if only is None or number in only:
                waiting.append((number, row))
                if len(waiting) == size:
                    yield _batch(waiting, structures=self.structures)
                    waiting = []
            if number == last:
                break
        if waiting:
            yield _batch(waiting, structures=self.structures)


def open_candidates(path: Path, known: Known | None = None) -> Candidates:
    """Return the candidates of a file, by the columns ``known``, or of a folder.

    Raises:
        DataError: it is missing, of an unknown form or empty.
    """
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() == ".cif")
        if not files:
            raise DataError(f"{path}: a folder without a .cif file")
        return Candidates(path, True, len(files), lambda: _cif_rows(files))
    found = open_list(path, known)
    if not found.total:
        raise DataError(f"{path}: no candidate in it")
    return Candidates(path, found.structures, found.total, found.rows, found.notes)


def _batch(waiting: list[tuple[int, ListRow]], *, structures: bool) -> Batch:
    kept: list[tuple[int, ListRow, Any]] = []
    bad: list[BadRow] = []
    read = _crystal if structures else _formula
    for number, row in waiting:
        try:
            if row.problem:
                raise ValueError(row.problem)
            kept.append((number, row, read(row.content)))
        except (ValueError, DataError) as err:
            bad.append(_unreadable(row, str(err)))
    if structures:
        kept, flags, materials = _possible(kept, bad)
        formulas = materials.written()
    else:
        materials = Materials.from_amounts(_own_ids(kept), [made for _, _, made in kept])
        formulas = [str(row.content).strip() for _, row, _ in kept]
        flags = [_odd_formula(text) for text in formulas]
    return Batch(
        rows=np.array([number for number, _, _ in kept], dtype=np.int64),
        places=[utf8(row.place) for _, row, _ in kept],
        ids=[utf8(row.id) for _, row, _ in kept],
        formulas=formulas,
        materials=materials,
        unreadable=bad,
        count=len(waiting),
        flags=flags,
    )


def _unreadable(row: ListRow, why: str) -> BadRow:
    text = row.content if isinstance(row.content, str) else ""
    why = " ".join(why.split())
    return BadRow(*map(utf8, (row.place, row.id, text[:LONGEST], why)))


def _own_ids(kept: list[tuple[int, ListRow, Any]]) -> list[str]:
    return [f"{number:012d}" for number, _, _ in kept]


def _possible(
    kept: list[tuple[int, ListRow, Crystal]], bad: list[BadRow]
) -> tuple[list[tuple[int, ListRow, Crystal]], list[str], Materials]:
    """Return the rows whose crystals can be, what is odd about each, and the crystals."""
    materials = materials_of(_own_ids(kept), [made for _, _, made in kept])
    flags = [list(made.flags) for _, _, made in kept]
    refused: set[int] = set()
    for i, severity, words in check_geometry(materials):
        if severity == "refuse":
            if i not in refused:
                bad.append(_unreadable(kept[i][1], words))
            refused.add(i)
        elif words not in flags[i]:
            flags[i].append(words)
    if refused:
        rest = [i for i in range(len(kept)) if i not in refused]
        kept, flags = [kept[i] for i in rest], [flags[i] for i in rest]
        materials = materials.take(rest)
    return kept, ["; ".join(texts) for texts in flags], materials


def _formula(text: Any) -> dict[int, float]:
    if not isinstance(text, str) or not text.strip():
        raise ValueError("no formula")
    return parse_formula(text)


def _odd_formula(text: str) -> str:
    """Say what is odd about a formula that is used, "" for nothing.

    Elements may stand with an amount of 0, as Li in Li0CoO2.
    """
    gone = absent_elements(text)
    odd = [f"read without {' and '.join(gone)}, of which there is 0"] if gone else []
    return "; ".join([*odd, *formula_flags(text)])


def _crystal(content: Any) -> Crystal:
    """Return one crystal, from a CIF file or a block of one, its text, or a pymatgen dict."""
    if isinstance(content, Block):
        return read_cif_block(content)
    if isinstance(content, Path):
        return one_crystal(read_crystals(content, form="cif"))
    if isinstance(content, str):
        refuse_printed(content)
        return one_crystal(read_crystals(content))
    if not isinstance(content, Mapping):
        raise ValueError("no structure")
    return read_dict(content)  # distances are looked at a batch at a time


def _cif_rows(files: list[Path]) -> Iterator[ListRow]:
    """Yield a row per file, or per data block with atoms where a file has several."""
    for file in files:
        try:
            blocks = cif_blocks(file)
        except DataError:
            blocks = []  # the reader says why
        if not blocks:
            yield ListRow(file.name, file.stem, file)
        for name, block in blocks:
            own = f":{name}" if len(blocks) > 1 else ""
            yield ListRow(f"{file.name}{own}", f"{file.stem}{own}", block)
