"""Which elements a material has, and the blocks that elements belong to. Light: numpy only."""

from __future__ import annotations

import numpy as np

from atlas_chemistry import f_block, periodic_group
from atlas_core.api import ATOMIC_NUMBER, I8, MAX_Z, Bool, Materials

_NON_METALS = "H He B C N O F Ne Si P S Cl Ar Ge As Se Br Kr Sb Te I Xe At Rn Ts Og"
"""Metalloids (B, Si, Ge, As, Sb, Te) count as non-metals: they make anions."""


def non_metals() -> Bool:
    """Return (119,) whether an atomic number is a non-metal or a metalloid."""
    table = np.zeros(MAX_Z + 1, dtype=np.bool_)
    table[[ATOMIC_NUMBER[symbol] for symbol in _NON_METALS.split()]] = True
    return table


BLOCKS = ("non-metal", "transition metal", "f-block", "s-block", "p-metal")


def blocks() -> I8:
    """Return (119,) the place in ``BLOCKS`` of each atomic number; -1 for number 0.

    Zn, Cd and Hg count as transition metals.
    """
    z = np.arange(MAX_Z + 1)
    column = periodic_group(np.maximum(z, 1))
    place = np.select(
        [z == 0, non_metals(), f_block(z), column <= 2, column <= 12],
        [-1, 0, 2, 3, 1],
        default=4,
    )
    return place.astype(np.int64)


def presence(materials: Materials) -> Bool:
    """Return (n, 119) whether a material contains an atomic number."""
    table = np.zeros((len(materials), MAX_Z + 1), dtype=np.bool_)
    table[materials.owner, materials.numbers] = True
    return table
