"""Name the anion family of each material, a partition by composition alone. Light: numpy only.

A family is a group of chemistry that a model may know well or hardly: coverage is stated a family,
intervals can be calibrated a family, and a whole family can be held out. The first line that fits
decides; which elements are there counts, never how much of them.

| family | has |
| --- | --- |
| ``elemental`` | one element only, whichever it is |
| ``fluoride`` | F; oxyfluorides too |
| ``oxide`` | O; hydroxides, carbonates, phosphates and oxychlorides too |
| ``halide`` | Cl, Br, I or At |
| ``chalcogenide`` | S, Se, Te or Po |
| ``pnictide`` | N, P, As, Sb or Bi |
| ``carbide`` | C; a carbonitride is a pnictide |
| ``hydride`` | H; borohydrides too |
| ``boride`` | B |
| ``silicide`` | Si |
| ``other`` | a noble gas |
| ``intermetallic`` | nothing of the above |

The order is that of electronegativity (Pauling's scale: F 3.98, O 3.44, Cl 3.16; C 2.55, H 2.20,
B 2.04, Si 1.90), but for N (3.04), which stands behind Br, I (2.66) and S (2.58): it is part of the
cation in an ammonium halide, and of a molecular ion in a thiocyanate. So the family is that of the
anion in most compounds. Holding out the fluorides holds out every material that has F.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import I8, Str
from atlas_core.elements import ATOMIC_NUMBER, SYMBOLS
from atlas_core.materials import Materials

_DECIDING = (
    ("fluoride", "F"),
    ("oxide", "O"),
    ("halide", "Cl Br I At"),
    ("chalcogenide", "S Se Te Po"),
    ("pnictide", "N P As Sb Bi"),
    ("carbide", "C"),
    ("hydride", "H"),
    ("boride", "B"),
    ("silicide", "Si"),
    ("other", "He Ne Ar Kr Xe Rn Og"),
)

FAMILIES: tuple[str, ...] = (
    "elemental",
    *(family for family, _ in _DECIDING),
    "intermetallic",
)
"""Every name that :func:`anion_family` returns, in order of precedence."""

_PLACE = np.full(len(SYMBOLS), len(FAMILIES) - 1)
for _place, (_, _symbols) in enumerate(_DECIDING, start=1):
    _PLACE[[ATOMIC_NUMBER[symbol] for symbol in _symbols.split()]] = _place


def anion_family(materials: Materials) -> Str:
    """Return (n,) one of ``FAMILIES`` for each material.

    Args:
        materials: formulas or structures; the same composition has the same family in both.
    """
    return family_of_elements(materials.numbers, materials.offsets)


def family_of_elements(numbers: npt.NDArray[np.integer], offsets: I8) -> Str:
    """Return (n,) families; ``numbers`` (m,) are atomic numbers, material i's from offset i on."""
    names = np.asarray(FAMILIES)
    if len(offsets) < 2:
        return names[:0]
    place = np.minimum.reduceat(_PLACE[numbers], offsets[:-1])
    lowest = np.minimum.reduceat(numbers, offsets[:-1])
    single = lowest == np.maximum.reduceat(numbers, offsets[:-1])
    return np.asarray(names[np.where(single, 0, place)], dtype=np.str_)
