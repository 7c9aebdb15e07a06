"""Name the anion family of each material, a partition by composition alone. Light: numpy only.

A family is a group of chemistry that a model may know well or hardly: coverage is stated per
family, intervals can be calibrated per family, and a whole family can be held out. The first line
that fits decides.

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
| ``intermetallic`` | nothing of the above: metals with metals, alloys such as steels too |

The order is that of electronegativity (Pauling's scale: F 3.98, O 3.44, Cl 3.16; C 2.55, H 2.20,
B 2.04, Si 1.90), but for N (3.04), which stands behind Br, I (2.66) and S (2.58): it is part of the
cation in an ammonium halide, and of a molecular ion in a thiocyanate. So the family is that of the
anion in most compounds.

An element decides only where it is more than a trace of the atoms: ``TRACE``, and for C and Si
``DISSOLVED``, which metals take up without becoming another compound. A steel with 0.05 % of its
atoms C is an alloy, no carbide; GaSb with 0.1 % Te is a doped antimonide.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Str
from atlas_core.elements import ATOMIC_NUMBER, SYMBOLS
from atlas_core.materials import Materials

TRACE = 0.025
"""Share of the atoms from which an element decides: one in forty.

Below it stand dopants and the N of steels (0.6 % at most in Matbench's); above it the leanest
anions of ordered compounds: F in Ba4B11O20F (2.8 %), N in Ca6Ag16N (4.3 %), F in the apatite
Ca5(PO4)3F (4.8 %), B in Nd2Fe14B (5.9 %)."""

DISSOLVED = 0.1
"""The same for C and Si: austenite dissolves up to 9 % C (2.14 % of the mass), ferrite about 10 %
Si (Fe-C and Fe-Si in Massalski, Binary Alloy Phase Diagrams, ASM (1990)); common ordered carbides
and silicides have 20 % or more (Fe23C6, Fe3Si)."""

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
_LEAST = np.full(len(FAMILIES), TRACE)
_LEAST[[FAMILIES.index("carbide"), FAMILIES.index("silicide")]] = DISSOLVED
for _place, (_, _symbols) in enumerate(_DECIDING, start=1):
    _PLACE[[ATOMIC_NUMBER[symbol] for symbol in _symbols.split()]] = _place


def anion_family(materials: Materials) -> Str:
    """Return (n,) one of ``FAMILIES`` for each material.

    Args:
        materials: formulas or structures; the same composition has the same family in both.
    """
    return family_of_elements(materials.numbers, materials.offsets, materials.amounts)


def families_of(fractions: F8) -> Str:
    """Return (n,) one of ``FAMILIES`` for each row of (n, 118) element fractions."""
    owner, column = np.nonzero(fractions)
    offsets = np.searchsorted(owner, np.arange(len(fractions) + 1))
    return family_of_elements(column + 1, offsets, fractions[owner, column])


def family_of_elements(numbers: npt.NDArray[np.integer], offsets: I8, amounts: F8) -> Str:
    """Return (n,) families.

    Args:
        numbers: (m,) atomic numbers; material i's stand from offset i on.
        offsets: (n + 1,).
        amounts: (m,) atoms of each, in any unit.
    """
    names = np.asarray(FAMILIES)
    if len(offsets) < 2:
        return names[:0]
    starts = offsets[:-1]
    place, total = _PLACE[numbers], np.add.reduceat(amounts, starts)
    found = np.full(len(starts), len(FAMILIES) - 1)
    for family in range(len(FAMILIES) - 2, 0, -1):  # the first in order has the last word
        share = np.add.reduceat(np.where(place == family, amounts, 0.0), starts) / total
        found[share >= _LEAST[family]] = family
    single = np.minimum.reduceat(numbers, starts) == np.maximum.reduceat(numbers, starts)
    return np.asarray(names[np.where(single, 0, found)], dtype=np.str_)
