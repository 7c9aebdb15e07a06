"""Amounts of the elements of many materials as flat arrays. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_core.api import F8, I8, Bool, Materials, offsets_of

LARGEST_FACTOR = 1000
"""Fractional amounts are tried as multiples of 1/1 to 1/1000 of the smallest."""
WHOLE = 1e-6
"""An amount this near to a whole number is taken for one."""


@dataclass(frozen=True)
class Formulas:
    """Each element of each material once: m entries, in order of material and atomic number.

    Attributes:
        owner: (m,) the material.
        z: (m,) atomic number.
        amount: (m,) the sum over the sites of the element.
        counts: (n,) elements of each material.
    """

    owner: I8
    z: I8
    amount: F8
    counts: I8

    @property
    def offsets(self) -> I8:
        """Return (n + 1,) bounds of the entries of each material."""
        return offsets_of(self.counts)

    def total(self, values: F8) -> F8:
        """Return (n,) sums of (m,) values over each material."""
        sums = np.bincount(self.owner, weights=values, minlength=len(self.counts))
        return np.asarray(sums, dtype=np.float64)

    def fractions(self) -> F8:
        """Return (m,) shares of all atoms of the material."""
        return np.asarray(self.amount / self.total(self.amount)[self.owner], dtype=np.float64)

    def whole(self) -> tuple[I8, Bool]:
        """Return (m,) smallest whole amounts of the same ratio, and (n,) where there are such.

        Where there are none the amounts are 0.
        """
        n = len(self.counts)
        if n == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.bool_)
        first = self.offsets[:-1]
        near = np.rint(self.amount)
        broken = (np.abs(self.amount - near) > WHOLE) | (near < 1) | (near > 2**53)
        found = ~np.logical_or.reduceat(broken, first)
        found_here = found[self.owner]
        amounts = np.where(found_here, near, 0).astype(np.int64)
        for index in np.flatnonzero(~found):
            rows = slice(first[index], first[index] + self.counts[index])
            ratio = self.amount[rows] / self.amount[rows].min()
            tried = ratio * np.arange(1, LARGEST_FACTOR + 1)[:, None]
            off = np.abs(tried - np.rint(tried)).max(axis=1)
            if tried[-1].max() < 2**53 and (fits := np.flatnonzero(off <= WHOLE)).size:
                amounts[rows] = np.rint(tried[fits[0]]).astype(np.int64)
                found[index] = True
        amounts //= np.maximum(np.gcd.reduceat(amounts, first), 1)[self.owner]
        return amounts, found


def formulas_of(materials: Materials) -> Formulas:
    """Return the elements of each material; sites of one element are summed."""
    n, amount = len(materials), materials.amounts
    key: I8 = materials.owner << 7 | materials.numbers
    if len(key) and not (key[1:] > key[:-1]).all():
        order = np.argsort(key, kind="stable")
        key, amount = key[order], amount[order]
        new = np.concatenate([[True], key[1:] > key[:-1]])
        if not new.all():
            summed = np.bincount(np.cumsum(new) - 1, weights=amount)
            key, amount = key[new], np.asarray(summed, dtype=np.float64)
    owner = key >> 7
    counts: I8 = np.bincount(owner, minlength=n).astype(np.int64)
    return Formulas(owner, key & 127, amount, counts)
