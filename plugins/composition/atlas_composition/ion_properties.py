"""Ionic character of element pairs, and whether charges can balance (Ward et al. 2016)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from atlas_composition._formula import Formulas, formulas_of
from atlas_composition.hooks import IonPropertiesConfig
from atlas_core.api import F8, SYMBOLS, DataError, Materials, Vectors

LARGEST_AMOUNT = 10_000
"""Whole amounts above it are not balanced; the sums of charges would be too many."""


@dataclass(frozen=True)
class Sums:
    """The total charges that the atoms of one element can have, as bits of an integer.

    Attributes:
        low: the lowest total charge.
        bits: bit i is set where ``low + i`` is possible.
        width: highest minus lowest total charge.
        steps: the numbers of the set bits.
    """

    low: int
    bits: int
    width: int
    steps: tuple[int, ...]

    @classmethod
    def of(cls, low: int, bits: int) -> Sums:
        """Return the sums from their bits."""
        width = bits.bit_length() - 1
        return cls(low, bits, width, tuple(i for i in range(width + 1) if bits >> i & 1))

    def can_cancel(self, other: Sums) -> bool:
        """Return whether a sum of this set and one of the other add up to 0."""
        mirrored = int(f"{other.bits:b}"[::-1], 2)  # bit i: the charge other.high - i
        shift = self.low + other.low + other.width
        moved = self.bits << shift if shift >= 0 else self.bits >> -shift
        return bool(moved & mirrored)


def read_table() -> tuple[F8, list[tuple[int, ...]]]:
    """Return (119,) electronegativities and the common oxidation states by atomic number.

    Raises:
        DataError: the file of this plugin is damaged.
    """
    text = (files("atlas_composition") / "data" / "ions.csv").read_text()
    _, *rows = csv.reader(text.splitlines())
    if [row[0] for row in rows] != list(SYMBOLS[1:]):
        raise DataError("ions.csv: the elements are not H to Og; install the plugin anew")
    pauling = [np.nan, *(float(row[1]) if row[1] else np.nan for row in rows)]
    return np.asarray(pauling), [(), *(tuple(map(int, row[2].split())) for row in rows)]


class IonProperties:
    """Turn compositions into three numbers about their ions."""

    def __init__(self, config: IonPropertiesConfig) -> None:
        self.config = config
        self.electronegativity, self.states = read_table()
        self.lowest = np.asarray([min(s, default=0) for s in self.states])
        self.highest = np.asarray([max(s, default=0) for s in self.states])
        self.charged = np.asarray([bool(s) for s in self.states])
        self.labels = np.asarray(["compound possible", "max ionic char", "avg ionic char"])
        self._known: dict[tuple[int, int], Sums] = {}

    def featurize(self, materials: Materials) -> Vectors:
        """Return (n, 3): 1 where charges can balance, largest and mean ionic character.

        The ionic character of two elements is 1 - exp(-(difference of electronegativity)^2 / 4);
        the mean is weighted by the product of fractions. NaN where an electronegativity is
        unknown. Charges: each atom takes any common oxidation state of its element, in the formula
        of smallest whole numbers; NaN where no whole numbers have the ratio of the amounts.
        """
        formulas = formulas_of(materials)
        values = np.zeros((len(materials), 3))
        values[:, 0] = self._balanced(formulas)
        fractions, pauling = formulas.fractions(), self.electronegativity[formulas.z]
        first = formulas.offsets[:-1]
        for count in np.unique(formulas.counts[formulas.counts > 1]):
            same = np.flatnonzero(formulas.counts == count)
            rows = first[same] + np.arange(count)[:, None]
            a, b = np.triu_indices(int(count), 1)
            x, share = pauling[rows], fractions[rows]
            character = -np.expm1(-0.25 * (x[a] - x[b]) ** 2)
            values[same, 1] = character.max(axis=0)
            mean = np.zeros(len(same))
            for pair, i, j in zip(character, a, b, strict=True):  # in a fixed order
                mean += share[i] * share[j] * pair
            values[same, 2] = mean
        return Vectors(values, self.labels)

    def _balanced(self, formulas: Formulas) -> F8:
        """Return (n,) 1 where the charges can add up to zero, 0 where not, NaN where not asked."""
        amounts, whole = formulas.whole()
        n = len(formulas.counts)
        if n == 0:
            return np.zeros(0)
        first, owner, z = formulas.offsets[:-1], formulas.owner, formulas.z
        usable = whole & (np.maximum.reduceat(amounts, first) <= LARGEST_AMOUNT)
        alone = formulas.counts == 1
        charged = np.logical_and.reduceat(self.charged[z], first)
        low = np.bincount(owner, weights=amounts * self.lowest[z], minlength=n)
        high = np.bincount(owner, weights=amounts * self.highest[z], minlength=n)
        # both bounds are sums that can be had; between them some sums cannot
        possible = alone | (charged & ((low == 0) | (high == 0)))
        open_ = np.flatnonzero(usable & charged & (low < 0) & (high > 0) & ~alone)
        pairs = list(zip(z.tolist(), amounts.tolist(), strict=True))
        bounds = formulas.offsets.tolist()
        for index in open_.tolist():
            possible[index] = self._can_balance(pairs[bounds[index] : bounds[index + 1]])
        return np.where(usable | alone, possible, np.nan)

    def _can_balance(self, pairs: list[tuple[int, int]]) -> bool:
        """Return whether (atomic number, amount) pairs can be neutral, each atom with any state."""
        sums = sorted((self._sums(*pair) for pair in pairs), key=lambda s: len(s.steps))
        *rest, last = sums
        low, bits = rest[0].low, rest[0].bits
        for one in rest[1:]:
            low += one.low
            seen, bits = bits, 0
            for step in one.steps:
                bits |= seen << step
        return Sums(low, bits, bits.bit_length() - 1, ()).can_cancel(last)

    def _sums(self, z: int, amount: int) -> Sums:
        """Return the total charges of ``amount`` atoms of element ``z``."""
        if (known := self._known.get((z, amount))) is not None:
            return known
        lowest = int(self.lowest[z])
        bits = 1
        for _ in range(amount):
            seen, bits = bits, 0
            for state in self.states[z]:
                bits |= seen << state - lowest
        found = Sums.of(amount * lowest, bits)
        self._known[z, amount] = found
        return found
