"""Energies of convex hulls, for many compositions at once. Light: numpy only.

The energy of the hull at a composition is that of the cheapest mixture of phases with this
composition (Ong et al. 2008, 10.1021/cm702327g): a linear program with one constraint per element.
All compositions of so many elements are solved together by the revised simplex method (Dantzig
1963), which begins at the pure elements; each composition is held against the phases of its own
chemical system and of those inside it, and no others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from atlas_core.api import F8, I8

EXACT = 1e-10
"""eV/atom below the plane of a simplex from which a phase enters it."""
TINY = 1e-12
"""Ratios that differ by less than this are equal."""
PIVOT = 1e-9
"""Smallest entry through which a phase enters a simplex: smaller ones are what rounding left."""
LARGE = 10
"""Energies of up to 2^10 eV/atom are taken as they are, larger ones as so many of a larger unit."""
AT_ONCE = 100_000
"""Numbers in the largest array of one batch, so that it stays in a cache."""
PATIENT = 60
"""Pivots by the steepest gain; from there on by Bland's rule, which never cycles."""
ENDLESS = 10_000
"""Pivots that no program of well-known numbers needs."""

System = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Phases:
    """n phases by chemical system.

    Attributes:
        numbers: (m,) atomic numbers, rising within a phase.
        fractions: (m,) atomic fractions; those of a phase sum to 1.
        offsets: (n + 1,) phase i owns entries ``offsets[i]:offsets[i + 1]``.
        energy: (n,) formation energies in eV/atom.
    """

    numbers: I8
    fractions: F8
    offsets: I8
    energy: F8

    def __len__(self) -> int:
        return len(self.energy)

    def systems(self) -> list[System]:
        """Return the elements of each phase, as rising atomic numbers."""
        numbers, bounds = self.numbers.tolist(), self.offsets.tolist()
        return [tuple(numbers[a:b]) for a, b in pairwise(bounds)]

    def by_system(self) -> dict[System, I8]:
        """Return the phases of each chemical system."""
        found: dict[System, list[int]] = {}
        for row, system in enumerate(self.systems()):
            found.setdefault(system, []).append(row)
        return {system: np.array(rows, dtype=np.int64) for system, rows in found.items()}


@dataclass(frozen=True, eq=False)
class Hulls:
    """The hull at n compositions.

    Attributes:
        energy: (n,) of the hull, in eV/atom.
        phases: (n, k) the phases that a composition decomposes into; -1 where there are fewer.
        shares: (n, k) the share of the atoms that each has; 0 where there are fewer.
    """

    energy: F8
    phases: I8
    shares: F8


class HullIndex:
    """Find hulls among phases: made once, and asked for any number of compositions."""

    def __init__(self, phases: Phases) -> None:
        self._phases = phases
        self._own = phases.by_system()

    @property
    def elements(self) -> frozenset[int]:
        """Return the elements that there is a pure phase of."""
        return frozenset(system[0] for system in self._own if len(system) == 1)

    def competing(self, system: System) -> I8:
        """Return the phases of a chemical system and of those inside it; pure elements first."""
        found = [
            self._own[inside]
            for size in range(1, len(system) + 1)
            for inside in combinations(system, size)
            if inside in self._own
        ]
        return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)

    def at(self, asked: Phases, *, own: I8 | None = None, own_energy: F8 | None = None) -> Hulls:
        """Return the hull at n compositions.

        Args:
            asked: the compositions; their energies are not read.
            own: (n,) the phase whose energy is another one for this composition; -1 for none.
            own_energy: (n,) that energy in eV/atom; infinite where the phase is left out.

        Raises:
            ValueError: an element has no pure phase.
        """
        n = len(asked)
        widest = int(np.diff(asked.offsets).max(initial=1))
        found = Hulls(np.zeros(n), np.full((n, widest), -1), np.zeros((n, widest)))
        of_system: dict[System, list[int]] = {}
        for row, system in enumerate(asked.systems()):
            of_system.setdefault(system, []).append(row)
        if missing := {z for system in of_system for z in system} - self.elements:
            raise ValueError(f"no pure phase of atomic numbers {sorted(missing)}")
        for rows, competing in self._batches(of_system):
            program = self._program(asked, rows, competing)
            if own is not None and own_energy is not None:
                program.replace(competing, own[rows], own_energy[rows])
            energy, basis, shares = program.solved()
            width = basis.shape[1]
            phases = np.take_along_axis(competing, basis, axis=1)
            there = shares > 1e-9
            found.energy[rows] = energy
            found.phases[rows, :width] = np.where(there, phases, -1)
            found.shares[rows, :width] = np.where(there, shares, 0.0)
        return found

    def together(self, asked: Phases, energy: F8) -> F8:
        """Return (d, n) the hull at each of n compositions in d worlds, where the others compete.

        Args:
            asked: n different compositions, none of them that of a phase; their own energies are
                not read.
            energy: (d, n) of them in each world, in eV/atom.
        """
        systems, found = asked.systems(), np.empty_like(energy)
        for row, system in enumerate(systems):
            rest = [
                one for one, other in enumerate(systems) if one != row and set(other) <= set(system)
            ]
            competing, numbers = self.competing(system), np.array([system])
            known = self._amounts(competing[None], numbers)[0]
            rivals = [_fractions(asked, one, system) for one in rest]
            amounts = np.concatenate([known, np.reshape(rivals, (len(rest), len(system)))])
            wanted = asked.fractions[asked.offsets[row] : asked.offsets[row + 1]]
            most = max(1, AT_ONCE // amounts.size)
            for start in range(0, len(energy), most):
                some = energy[start : start + most][:, rest]
                own = np.broadcast_to(self._phases.energy[competing], (len(some), len(competing)))
                program = _Program(
                    np.broadcast_to(amounts, (len(some), *amounts.shape)),
                    np.concatenate([own, some], axis=1),
                    np.broadcast_to(wanted, (len(some), len(wanted))),
                )
                found[start : start + most, row] = program.solved()[0]
        return found

    def _batches(self, of_system: Mapping[System, Sequence[int]]) -> Iterator[tuple[I8, I8]]:
        """Yield rows with as many elements each, and (rows, p) phases that compete; -1 is none."""
        competing = {system: self.competing(system) for system in of_system}
        todo = sorted(of_system, key=lambda one: (len(one), len(competing[one]), one))
        batch: list[tuple[I8, I8]] = []
        for place, system in enumerate(todo):
            phases, rows = competing[system], np.array(of_system[system], dtype=np.int64)
            most = max(1, AT_ONCE // (len(phases) * len(system)))
            parts = [rows[start : start + most] for start in range(0, len(rows), most)]
            yield from (_stacked([(part, phases)]) for part in parts[:-1])
            batch.append((parts[-1], phases))
            following = todo[place + 1] if place + 1 < len(todo) else ()
            total = sum(len(one) for one, _ in batch) + len(of_system.get(following, ()))
            full = total * len(competing.get(following, ())) * len(following) > AT_ONCE
            if len(following) != len(system) or full:
                yield _stacked(batch)
                batch = []

    def _program(self, asked: Phases, rows: I8, competing: I8) -> _Program:
        size = int(asked.offsets[rows[0] + 1] - asked.offsets[rows[0]])
        places = asked.offsets[rows][:, None] + np.arange(size)
        numbers, wanted = asked.numbers[places], asked.fractions[places]
        energy = np.where(competing >= 0, self._phases.energy[competing], np.inf)
        return _Program(self._amounts(competing, numbers), energy, wanted)

    def _amounts(self, competing: I8, numbers: I8) -> F8:
        """Return (b, p, k) fractions of phases in the order of each row's elements."""
        phases = self._phases
        size = numbers.shape[1]
        amounts = np.zeros((*competing.shape, size))
        first = phases.offsets[competing]
        many = np.where(competing >= 0, phases.offsets[competing + 1] - first, 0)
        for place in range(size):
            some = np.nonzero(many > place)
            entry = first[some] + place
            column = (numbers[some[0]] < phases.numbers[entry][:, None]).sum(axis=1)
            amounts[some[0], some[1], column] = phases.fractions[entry]
        return amounts


class _Program:
    """b linear programs of k constraints and p columns: min E.x where A'x = w and x >= 0."""

    def __init__(self, amounts: F8, energy: F8, wanted: F8) -> None:
        self.amounts, self.energy, self.wanted = amounts, energy, wanted

    def replace(self, competing: I8, own: I8, energy: F8) -> None:
        """Give a row's own phase another energy; infinite leaves it out."""
        rows, columns = np.nonzero((competing == own[:, None]) & (own >= 0)[:, None])
        self.energy[rows, columns] = energy[rows]

    def solved(self) -> tuple[F8, I8, F8]:
        """Return (b,) energies, and (b, k) basic columns with their shares.

        Raises:
            ValueError: there is no end of it.
        """
        b, _, k = self.amounts.shape
        unit = _unit(self.energy, k)
        every = self.energy / unit[:, None]
        basis = np.tile(np.arange(k), (b, 1))  # the pure elements come first
        energy, shares = np.zeros(b), np.zeros((b, k))
        going = np.arange(b)
        pivots = 0
        while going.size:
            amounts, costs = self.amounts[going], every[going]
            some = np.take_along_axis(amounts, basis[going][:, :, None], axis=1)
            inverse = np.linalg.inv(some)
            price = (inverse @ np.take_along_axis(costs, basis[going], axis=1)[:, :, None])[..., 0]
            held = np.einsum("bkj,bk->bj", inverse, self.wanted[going])
            gain = costs - (amounts @ price[:, :, None])[..., 0]
            enters = gain.argmin(axis=1) if pivots < PATIENT else (gain < -EXACT).argmax(axis=1)
            better = np.take_along_axis(gain, enters[:, None], axis=1)[:, 0] < -EXACT
            done = going[~better]
            shares[done] = np.maximum(held[~better], 0.0)
            energy[done] = np.einsum("bk,bk->b", price, self.wanted[going])[~better]
            rows = np.flatnonzero(better)
            column = amounts[rows, enters[rows]]
            change = np.einsum("bkj,bk->bj", inverse[rows], column)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.where(change > PIVOT, np.maximum(held[rows], 0.0) / change, np.inf)
            least = ratio.min(axis=1, keepdims=True)
            tied = ratio <= least + TINY
            leaves = np.where(tied, basis[going[rows]], np.iinfo(np.int64).max).argmin(axis=1)
            going = going[rows]
            basis[going, leaves] = enters[rows]
            pivots += 1
            if pivots > ENDLESS:
                text = "fractions or energies are too many powers of ten apart"
                raise ValueError(f"{going.size} hulls not found in {ENDLESS} steps: {text}")
        return energy * unit, basis, shares


def _unit(energy: F8, k: int) -> F8:
    """Return (b,) powers of two that energies are divided by, so that rounding errors are small.

    It is 1 unless an energy is below -1024 eV/atom, or that of an element, the first k, is beyond.
    """
    size = np.maximum(-energy, 0.0)
    size[:, :k] = np.abs(energy[:, :k])
    exponent = np.frexp(size.max(axis=1))[1] - LARGE
    return np.asarray(np.ldexp(1.0, np.maximum(exponent, 0)))


def _fractions(phases: Phases, row: int, system: System) -> F8:
    """Return (k,) the fractions of a phase in the order of a system that holds it."""
    own = slice(phases.offsets[row], phases.offsets[row + 1])
    found = np.zeros(len(system))
    found[np.searchsorted(system, phases.numbers[own])] = phases.fractions[own]
    return found


def _stacked(batch: Sequence[tuple[I8, I8]]) -> tuple[I8, I8]:
    """Return the rows of some systems, and their phases padded to one width."""
    width = max(len(phases) for _, phases in batch)
    padded = np.full((len(batch), width), -1, dtype=np.int64)
    for place, (_, phases) in enumerate(batch):
        padded[place, : len(phases)] = phases
    owner = np.repeat(np.arange(len(batch)), [len(rows) for rows, _ in batch])
    return np.concatenate([rows for rows, _ in batch]), padded[owner]
