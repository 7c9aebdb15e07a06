"""Known phases: the lowest energy of each composition, and what looks wrong with them. Light."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from atlas_core.api import F8, MAX_Z, SYMBOLS, Bool, CautionWarning, DataError, Materials
from atlas_stability.hull import HullIndex, Phases

ZERO = 0.1
"""eV/atom that the lowest phase of an element may be away from 0 without a word."""
DEEPEST = -6.0
"""eV/atom: no compound has so low a formation energy; the lowest known are fluorides near -4.7."""
TRACE = 1e-5
"""Atomic fraction below which an element is there in traces: a hull cannot tell it from none."""


def phases_of(materials: Materials, energy: F8) -> Phases:
    """Return n materials as phases."""
    keys = materials.owner * MAX_Z + materials.numbers.astype(np.int64) - 1
    unique, inverse = np.unique(keys, return_inverse=True)
    amounts = np.bincount(inverse, weights=materials.amounts)
    owner = unique // MAX_Z
    offsets = np.searchsorted(owner, np.arange(len(materials) + 1))
    total = np.add.reduceat(amounts, offsets[:-1])
    return Phases(unique % MAX_Z + 1, amounts / total[owner], offsets, energy)


def in_traces(materials: Materials) -> Bool:
    """Return (n,) whether an element of a material is there in traces only."""
    phases = phases_of(materials, np.zeros(len(materials)))
    return np.asarray(np.minimum.reduceat(phases.fractions, phases.offsets[:-1]) < TRACE)


@dataclass(frozen=True, eq=False)
class Known:
    """Phases that compete, one for each composition: the one of lowest energy.

    Attributes:
        materials: n, of different compositions.
        energy: (n,) formation energies in eV/atom.
        formulas: {canonical formula: row}.
        runner_up: (n,) the lowest energy of another material of the same composition; infinite
            where there is none.
    """

    materials: Materials
    energy: F8
    formulas: dict[str, int]
    runner_up: F8

    @classmethod
    def of(cls, materials: Materials, energy: F8) -> Known:
        """Take the lowest of each composition, of equal ones the first; none with a trace."""
        whole = np.flatnonzero(~in_traces(materials))
        materials, energy = materials.take(whole), energy[whole]
        names = np.asarray(materials.formulas())
        order = np.lexsort((np.arange(len(names)), energy, names))
        first = np.append(True, names[order][1:] != names[order][:-1])[: len(order)]
        starts = np.flatnonzero(first)
        following = np.append(starts[1:], len(order))
        second = np.where(
            following - starts > 1, energy[order][np.minimum(starts + 1, len(order) - 1)], np.inf
        )
        kept = order[starts]
        place = np.argsort(kept, kind="stable")
        kept, second = kept[place], second[place]
        formulas = {name: row for row, name in enumerate(names[kept].tolist())}
        return cls(materials.take(kept), energy[kept], formulas, second)

    def __len__(self) -> int:
        return len(self.energy)

    @cached_property
    def index(self) -> HullIndex:
        """Return what finds hulls among them."""
        return HullIndex(phases_of(self.materials, self.energy))

    @cached_property
    def written(self) -> list[str]:
        """Return their formulas as chemists write them."""
        return self.materials.written()

    def with_elements_at_zero(self, asked: Materials) -> Known:
        """Add each element that is asked about and has no phase, at 0 eV/atom."""
        there = self.index.elements
        missing = sorted(set(asked.numbers.tolist()) - there)
        if not missing:
            return self
        pure = Materials.from_amounts([SYMBOLS[z] for z in missing], [{z: 1.0} for z in missing])
        return self.joined(Known.of(pure, np.zeros(len(missing))))

    def joined(self, other: Known) -> Known:
        """Return the phases of both, the lower of each composition."""
        a, b = self.materials, other.materials
        both = Materials(
            ids=np.array([*(f"a {one}" for one in a.ids), *(f"b {one}" for one in b.ids)]),
            offsets=np.append(a.offsets, b.offsets[1:] + a.offsets[-1]),
            numbers=np.append(a.numbers, b.numbers),
            amounts=np.append(a.amounts, b.amounts),
        )
        return Known.of(both, np.append(self.energy, other.energy))

    def require_elements(self, asked: Materials, where: str) -> None:
        """Stop unless every element that is asked about has a phase.

        Raises:
            DataError: names all elements without one.
        """
        missing = sorted(set(asked.numbers.tolist()) - self.index.elements)
        if missing:
            names = ", ".join(SYMBOLS[z] for z in missing)
            raise DataError(
                f"{where}: no phase of {names} alone, and a hull ends at the pure elements; add"
                " rows for them, or say `elements: zero` where energies are formation energies"
            )


def warn_of_units(known: Known, where: str) -> None:
    """Warn of energies that are not formation energies per atom, as far as can be seen."""
    system = np.diff(known.materials.offsets)
    numbers = known.materials.numbers[known.materials.offsets[:-1]]
    away = [
        f"{SYMBOLS[int(z)]} {e:.2f}"
        for z, e in zip(numbers[system == 1], known.energy[system == 1], strict=True)
        if abs(e) > ZERO
    ]
    # a few are polymorphs, most are another zero
    total = bool(away) and float(np.median(np.abs(known.energy[system == 1]))) > ZERO
    if away:
        shown = ", ".join(away[:5]) + (f" and {len(away) - 5} more" if len(away) > 5 else "")
        means = (
            "these seem to be total energies, not formation energies"
            if total
            else "the ground states of these seem to be missing, and hulls with them are too high"
        )
        warnings.warn(
            f"{where}: the lowest phases of pure elements are not at 0 eV/atom ({shown}): {means}",
            CautionWarning,
            stacklevel=2,
        )
    deep = np.flatnonzero(known.energy < DEEPEST)
    if len(deep) and not total:
        warnings.warn(
            f"{where}: {len(deep)} phases lie below {DEEPEST:g} eV/atom, such as"
            f" {known.written[int(deep[0])]} at {known.energy[deep[0]]:.2f}; no compound does:"
            " these seem to be energies per cell or per formula, not per atom",
            CautionWarning,
            stacklevel=2,
        )
