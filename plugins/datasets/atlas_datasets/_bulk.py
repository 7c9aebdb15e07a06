"""Read crystals that Parquet keeps as lists of numbers, without a loop over rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from atlas_core.api import I8, SYMBOLS, BadRow, Batch, DataError, Materials, offsets_of, segments
from atlas_datasets._reading import Cells, Kept
from atlas_reading import check_geometry
from atlas_reading.files import readable

NUMBERS, FRAC, LATTICE = "numbers", "frac_coords", "lattice"


class BulkCrystals:
    """The crystals of all rows of a table, and why some cannot be used.

    Raises:
        DataError: a column is missing, damaged or does not contain lists of numbers.
    """

    def __init__(self, path: Path, table: pa.Table, column: str) -> None:
        self.why: dict[int, str] = {}
        self.flags: dict[int, list[str]] = {}
        counts, numbers = self._lists(path, table, column)
        frac_counts, frac = self._lists(path, table, FRAC)
        lattice_counts, lattice = self._lists(path, table, LATTICE)
        self._refuse(counts == 0, f"column {column!r} is empty")
        self._refuse(
            frac_counts != 3 * counts, f"column {FRAC!r} does not contain 3 numbers per site"
        )
        self._refuse(lattice_counts != 9, f"column {LATTICE!r} does not contain 9 numbers")
        self._counts = counts
        self._numbers, self._frac, self._lattice = numbers, frac, lattice
        self._starts = offsets_of(counts), offsets_of(frac_counts), offsets_of(lattice_counts)
        owner = np.repeat(np.arange(len(counts)), counts)
        known = (numbers >= 1) & (numbers < len(SYMBOLS))
        self._refuse_rows(owner[~known], "atomic number outside 1..118")
        whole_numbers = numbers == np.trunc(numbers)
        self._refuse_rows(owner[~whole_numbers], "an atomic number is not whole")
        sites = np.repeat(np.arange(len(counts)), frac_counts)
        self._refuse_rows(sites[~np.isfinite(frac)], "a coordinate is not finite")
        cells = np.repeat(np.arange(len(counts)), lattice_counts)
        self._refuse_rows(cells[~np.isfinite(lattice)], "a lattice vector is not finite")
        self._check_cells()

    @classmethod
    def of_file(cls, path: Path, column: str) -> BulkCrystals:
        """Read a whole file."""
        with readable(path, pa.ArrowException), path.open("rb") as file:
            whole = pa.parquet.ParquetFile(file)
            there = whole.schema_arrow.names
            for name in (column, FRAC, LATTICE):
                if name not in there:
                    raise DataError(f"{path}: no column {name!r}, which {column!r} needs")
                if there.count(name) > 1:
                    raise DataError(f"{path}: column {name!r} occurs twice; rename one of them")
            table = whole.read(columns=[column, FRAC, LATTICE], use_threads=False)
        return cls(path, table, column)

    def _check_cells(self) -> None:
        good = np.array([i for i in range(len(self._counts)) if i not in self.why], dtype=np.int64)
        cells = self._lattice[segments(self._starts[2], good)].reshape(-1, 3, 3)
        flat = ~(np.abs(np.linalg.det(cells)) > 1e-3)
        self._refuse_rows(good[flat], "the cell has no volume")
        good = good[~flat]
        if not len(good):
            return
        for odd in check_geometry(self.at(good, [str(i) for i in good.tolist()])):
            row = int(good[odd.row])
            if odd.severity == "refuse":
                self.why.setdefault(row, odd.words)
            else:
                self.flags.setdefault(row, []).append(odd.words)

    def _refuse(self, bad: npt.NDArray[np.bool_], why: str) -> None:
        self._refuse_rows(np.flatnonzero(bad), why)

    def _refuse_rows(self, rows: npt.NDArray[Any], why: str) -> None:
        for row in np.unique(rows).tolist():
            self.why.setdefault(row, why)

    @staticmethod
    def _lists(path: Path, table: pa.Table, name: str) -> tuple[I8, npt.NDArray[Any]]:
        """Return (n,) lengths and the joined values of a column of lists; an empty cell has 0."""
        column = table[name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks)
        kind = column.type
        if not (
            pa.types.is_list(kind)
            or pa.types.is_large_list(kind)
            or pa.types.is_fixed_size_list(kind)
        ):
            raise DataError(f"{path}: column {name!r} does not contain lists of numbers")
        counts = pa.compute.fill_null(pa.compute.list_value_length(column), 0)
        flat = column.flatten()
        values = flat.to_numpy(zero_copy_only=False)  # an empty number is NaN
        if values.dtype.kind not in "iuf":
            raise DataError(f"{path}: column {name!r} does not contain lists of numbers")
        return counts.to_numpy(zero_copy_only=False).astype(np.int64), values

    def read(self, cells: Cells) -> tuple[int, Sequence[str]]:
        """Return the place of a row's crystal, and what is odd about it.

        Raises:
            ValueError: it cannot be used.
        """
        place = cells.row.number - 1
        if place in self.why:
            raise ValueError(self.why[place])
        return place, self.flags.get(place, ())

    def take(self, kept: Kept) -> Materials:
        """Return the crystals of the kept rows."""
        return self.at(np.asarray(kept.materials, dtype=np.int64), kept.ids)

    def at(self, rows: I8, ids: Sequence[str]) -> Materials:
        """Return the crystals of rows, which must be usable."""
        numbers, frac, lattice = self._starts
        return Materials.from_sites(
            ids,
            self._counts[rows],
            numbers=self._numbers[segments(numbers, rows)],
            frac=self._frac[segments(frac, rows)],
            lattice=self._lattice[segments(lattice, rows)],
        )


@dataclass(frozen=True)
class BulkListing:
    """Read candidates of a Parquet file in the bulk format.

    Attributes:
        path: of the file.
        total: how many there are.
        id: the column of ids; None where there is none.
    """

    path: Path
    total: int
    id: str | None
    structures: bool = True
    notes: tuple[str, ...] = ()

    @staticmethod
    def fits(names: Sequence[str]) -> bool:
        """Return whether a table with these columns is in the bulk format."""
        return {NUMBERS, FRAC, LATTICE} <= set(names)

    def batches(self, size: int, only: Collection[int] | None = None) -> Iterator[Batch]:
        """Yield batches of at most ``size`` rows, in the order of the file.

        Args:
            size: rows of a batch.
            only: numbers of rows that are wanted; None: all.
        """
        columns = [NUMBERS, FRAC, LATTICE, *([] if self.id is None else [self.id])]
        start = 0
        with readable(self.path, pa.ArrowException), self.path.open("rb") as file:
            whole = pa.parquet.ParquetFile(file)
            for part in whole.iter_batches(batch_size=size, columns=columns, use_threads=False):
                numbers = np.arange(start, start + part.num_rows)
                start += part.num_rows
                if only is not None:
                    numbers = numbers[np.isin(numbers, list(only))]
                if len(numbers):
                    here = pa.Table.from_batches([part]).take(numbers - (start - part.num_rows))
                    yield self._batch(here, numbers)
                if only is not None and start > max(only, default=-1):
                    break

    def _batch(self, table: pa.Table, numbers: I8) -> Batch:
        crystals = BulkCrystals(self.path, table, NUMBERS)
        places = [f"row {number + 1}" for number in numbers]
        own = [None] * len(places) if self.id is None else table[self.id].to_pylist()
        ids = [p if one is None else str(one) for p, one in zip(places, own, strict=True)]
        good = np.array([i for i in range(len(ids)) if i not in crystals.why], dtype=np.int64)
        materials = crystals.at(good, [f"{number:012d}" for number in numbers[good]])
        return Batch(
            rows=numbers[good],
            places=[places[i] for i in good],
            ids=[ids[i] for i in good],
            formulas=materials.written(),
            materials=materials,
            unreadable=[
                BadRow(places[i], ids[i], "", why) for i, why in sorted(crystals.why.items())
            ],
            flags=["; ".join(crystals.flags.get(i, ())) for i in good.tolist()],
        )
