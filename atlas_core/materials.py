"""n crystals or formulas as flat numpy arrays: what every featurizer reads. Light: numpy only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Str, fingerprint, frozen, offsets_of, segments
from atlas_core.elements import MAX_Z, SYMBOL_Z, SYMBOLS, parse_formula
from atlas_core.errors import DataError
from atlas_core.stoichiometry import canonical_formulas, written_formulas


@dataclass(frozen=True, eq=False)
class Materials:
    """The n materials as a struct of arrays: m sites (or elements of a formula) in all.

    Attributes:
        ids: (n,) distinct text ids.
        offsets: (n + 1,) material i owns rows ``offsets[i]:offsets[i + 1]`` of the flat arrays.
        numbers: (m,) atomic numbers, 1 to 118.
        amounts: (m,) 1 for a site; the stoichiometric amount for an element of a formula.
        frac: (m, 3) fractional coordinates, or None for compositions.
        lattice: (n, 3, 3) rows are the lattice vectors in Å, or None for compositions.

    Raises:
        DataError: shapes do not fit, an id is repeated, a number or coordinate is not usable.
    """

    ids: Str
    offsets: I8
    numbers: npt.NDArray[np.int16]
    amounts: F8
    frac: F8 | None = None
    lattice: F8 | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "ids", frozen(self.ids, np.str_))
        put(self, "offsets", frozen(self.offsets, np.int64))
        put(self, "numbers", frozen(self.numbers, np.int16))
        put(self, "amounts", frozen(self.amounts, np.float64))
        n, m = len(self.ids), len(self.numbers)
        if self.offsets.shape != (n + 1,) or self.offsets[0] != 0 or self.offsets[-1] != m:
            raise DataError(f"materials: offsets must be ({n + 1},) from 0 to {m}")
        if (empty := np.flatnonzero(np.diff(self.offsets) <= 0)).size:
            raise DataError(f"material {self.ids[empty[0]]}: it has no atom")
        if self.amounts.shape != (m,):
            raise DataError(f"materials: amounts must be ({m},), not {self.amounts.shape}")
        if not (self.ids[1:] > self.ids[:-1]).all():  # in rising order they are distinct
            unique, counts = np.unique(self.ids, return_counts=True)
            if counts.max() > 1:
                twice = unique[counts > 1]
                raise DataError(
                    f"duplicate id {str(twice[0])!r} ({len(twice)} ids occur more than once)"
                )
        self._refuse((self.numbers < 1) | (self.numbers > MAX_Z), "atomic number outside 1..118")
        self._refuse(~(np.isfinite(self.amounts) & (self.amounts > 0)), "amount is not positive")
        if (self.frac is None) != (self.lattice is None):
            raise DataError("materials: give both frac and lattice, or neither")
        if self.frac is not None and self.lattice is not None:
            put(self, "frac", frozen(self.frac, np.float64))
            put(self, "lattice", frozen(self.lattice, np.float64))
            if self.frac.shape != (m, 3) or self.lattice.shape != (n, 3, 3):
                raise DataError(f"materials: frac must be ({m}, 3) and lattice ({n}, 3, 3)")
            self._refuse(~np.isfinite(self.frac).all(axis=1), "a coordinate is not finite")
            volume = np.abs(np.linalg.det(self.lattice)) if n else np.zeros(0)
            if (flat := np.flatnonzero(~(volume > 1e-3))).size:
                raise DataError(f"material {self.ids[flat[0]]}: the cell has no volume")

    def _refuse(self, bad_rows: npt.ArrayLike, what: str) -> None:
        rows = np.flatnonzero(bad_rows)
        if rows.size:
            row = int(rows[0])
            owner = int(np.searchsorted(self.offsets, row, side="right")) - 1
            raise DataError(f"material {self.ids[owner]}: {what}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def has_structure(self) -> bool:
        """Return whether sites and cells are known, not only formulas."""
        return self.frac is not None

    @property
    def sites(self) -> tuple[F8, F8]:
        """Return (m, 3) fractional coordinates and (n, 3, 3) cells, as ``frac`` and ``lattice``.

        Raises:
            DataError: only compositions are known.
        """
        if self.frac is None or self.lattice is None:
            raise DataError("only compositions are known, and structures are needed")
        return self.frac, self.lattice

    @property
    def counts(self) -> I8:
        """Return (n,) rows (sites, or elements of the formula) of each material."""
        return np.diff(self.offsets)

    @property
    def owner(self) -> I8:
        """Return (m,) the material that each flat row belongs to."""
        return np.repeat(np.arange(len(self)), self.counts)

    @cached_property
    def fingerprint(self) -> str:
        """Return the sha256 of the content."""
        return fingerprint(self.to_arrays())

    def to_arrays(self) -> dict[str, npt.NDArray[Any] | None]:
        """Return the fields by name; ``Materials(**arrays)`` makes the same materials again."""
        names = ("ids", "offsets", "numbers", "amounts", "frac", "lattice")
        return {name: getattr(self, name) for name in names}

    def take(self, indices: npt.ArrayLike) -> Materials:
        """Return the materials at ``indices``, in that order."""
        chosen = np.asarray(indices, dtype=np.int64)
        rows = segments(self.offsets, chosen)
        return Materials(
            ids=self.ids[chosen],
            offsets=offsets_of(self.counts[chosen]),
            numbers=self.numbers[rows],
            amounts=self.amounts[rows],
            frac=None if self.frac is None else self.frac[rows],
            lattice=None if self.lattice is None else self.lattice[chosen],
        )

    def element_fractions(self) -> F8:
        """Return (n, 118) atomic fractions; column z - 1 belongs to atomic number z."""
        flat = self.owner * MAX_Z + (self.numbers.astype(np.int64) - 1)
        table = np.bincount(flat, weights=self.amounts, minlength=len(self) * MAX_Z)
        table = table.reshape(len(self), MAX_Z)
        return np.asarray(table / table.sum(axis=1, keepdims=True), dtype=np.float64)

    def volumes(self) -> F8 | None:
        """Return (n,) volumes per atom in Angstrom^3, None where only compositions are known."""
        if self.lattice is None:
            return None
        return np.asarray(np.abs(np.linalg.det(self.lattice)) / self.counts, dtype=np.float64)

    def formulas(self) -> list[str]:
        """Return n canonical formulas, elements in alphabetical order: a key for grouping.

        One composition has one key, however it is written: Fe0.65Ni0.35, Fe65Ni35 and Fe13Ni7 are
        Fe13Ni7. See ``atlas_core.stoichiometry``. To show a formula to people use ``written``.
        """
        return canonical_formulas(self.owner, self.numbers, self.amounts)

    def written(self) -> list[str]:
        """Return n reduced formulas as chemists write them, such as Ca3(PO4)2 and LiYF4."""
        return written_formulas(self.owner, self.numbers, self.amounts)

    def chemical_systems(self) -> list[str]:
        """Return n element sets such as ``"Li-O-P"``, elements in alphabetical order."""
        return [
            "-".join(sorted({SYMBOLS[int(z)] for z in self.numbers[start:end]}))
            for start, end in pairwise(self.offsets)
        ]

    @classmethod
    def from_formulas(cls, ids: Sequence[str], formulas: Iterable[str]) -> Materials:
        """Parse formula texts.

        Raises:
            DataError: a text is no formula; the line names the id.
        """
        parsed = []
        for material_id, formula in zip(ids, formulas, strict=True):
            try:
                parsed.append(parse_formula(str(formula)))
            except ValueError as err:
                raise DataError(f"id {material_id}: {err}") from err
        return cls.from_amounts(ids, parsed)

    @classmethod
    def from_amounts(cls, ids: Sequence[str], amounts: Sequence[Mapping[int, float]]) -> Materials:
        """Return the compositions of n {atomic number: amount}, as ``parse_formula`` gives them."""
        return cls(
            ids=np.asarray(ids, dtype=np.str_),
            offsets=offsets_of([len(one) for one in amounts]),
            numbers=np.array([z for one in amounts for z in one], dtype=np.int16),
            amounts=np.array([a for one in amounts for a in one.values()], dtype=np.float64),
        )

    @classmethod
    def from_sites(
        cls,
        ids: Sequence[str] | Str,
        counts: npt.ArrayLike,
        *,
        numbers: npt.ArrayLike,
        frac: npt.ArrayLike,
        lattice: npt.ArrayLike,
    ) -> Materials:
        """Return n crystals from the flat arrays of their m sites.

        Args:
            ids: n.
            counts: (n,) sites of each.
            numbers: (m,) atomic numbers.
            frac: (m, 3) fractional coordinates, or the same flat.
            lattice: (n, 3, 3) vectors in Å, or the same flat.
        """
        flat = np.asarray(numbers, dtype=np.int16)
        return cls(
            ids=np.asarray(ids, dtype=np.str_),
            offsets=offsets_of(np.asarray(counts, dtype=np.int64)),
            numbers=flat,
            amounts=np.ones(len(flat)),
            frac=np.asarray(frac, dtype=np.float64).reshape(-1, 3),
            lattice=np.asarray(lattice, dtype=np.float64).reshape(-1, 3, 3),
        )

    @classmethod
    def from_structures(cls, ids: Sequence[str], structures: Iterable[Any]) -> Materials:
        """Convert ordered, periodic pymatgen structures.

        Raises:
            DataError: a structure is disordered or no crystal; the line names the id.
        """
        numbers: list[int] = []
        frac: list[F8] = []
        lattices: list[F8] = []
        counts: list[int] = []
        for material_id, structure in zip(ids, structures, strict=True):
            if not hasattr(structure, "lattice"):
                raise DataError(f"id {material_id}: a molecule has no lattice; give a crystal")
            if not structure.is_ordered:
                raise DataError(
                    f"id {material_id}: site occupancy is disordered; order the structure first"
                )
            symbols = [str(site.specie.symbol) for site in structure]
            if unknown := sorted(set(symbols) - set(SYMBOL_Z)):
                raise DataError(f"id {material_id}: unknown element {unknown[0]!r}")
            counts.append(len(symbols))
            numbers += [SYMBOL_Z[one] for one in symbols]
            frac += [site.frac_coords for site in structure]
            lattices.append(structure.lattice.matrix)
        return cls.from_sites(ids, counts, numbers=numbers, frac=frac, lattice=lattices)
