"""One formula for one composition, however it is written. Light: numpy only.

A composition is its atomic fractions. Its canonical amounts are the smallest whole numbers of the
same ratio; where there are none, the fractions rounded to 1e-4. Both depend on the fractions alone,
so that a formula in fractions and the same one in percent get one key.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Bool
from atlas_core.elements import ELECTRONEGATIVITY, MAX_Z, SYMBOLS

SIMPLE, NEAR = 24, 4.8765e-5
"""Up to ``SIMPLE`` atoms a ratio of whole numbers is meant where every fraction is within ``NEAR``
of it, as in Li0.3333O0.6667. Cells of up to 850 atoms are never taken for a simpler one so: two
different ratios of N and of 24 atoms are at least 1 / (24 N) apart. The number is no round one, so
that no decimal amount stands at the border, where rounding would decide."""
LARGEST, SAME = 1000, 4.0123e-7
"""Up to ``LARGEST`` atoms a ratio of whole numbers must be met within ``SAME``: two different
ratios are at least 1e-6 apart."""
STEP = 1e-4
"""Fractions are rounded to this where no whole numbers fit; smaller ones to three digits."""
_NUDGE = 1 + 3.14e-11
"""Keeps decimal fractions off the border between two roundings."""
_EXACT = 2.0**53
_ALPHABET = sorted(SYMBOLS[1:])
_RANK = np.array([0, *(_ALPHABET.index(symbol) for symbol in SYMBOLS[1:])])
"""(119,) the place of an atomic number in the alphabet of symbols."""
_BY_RANK = np.array([SYMBOLS.index(symbol) for symbol in _ALPHABET])
_ORDER = [math.inf if math.isnan(x) else x for x in ELECTRONEGATIVITY]
DIATOMIC = frozenset({"H", "N", "O", "F", "Cl"})
PEROXIDES = frozenset({"H", "Li", "Na", "K", "Rb", "Cs"})


@dataclass(frozen=True, eq=False)
class Amounts:
    """Hold canonical amounts of n compositions, elements in alphabetical order.

    Attributes:
        starts: (n + 1,) material i owns entries ``starts[i]:starts[i + 1]``.
        numbers: (k,) atomic numbers.
        values: (k,) whole numbers, or fractions rounded to ``STEP``.
        whole: (n,) whether they are whole numbers.
    """

    starts: I8
    numbers: I8
    values: F8
    whole: Bool


def canonical_amounts(owner: I8, numbers: npt.NDArray[np.int16], amounts: F8) -> Amounts:
    """Return the canonical amounts of materials.

    Args:
        owner: (m,) rising: the material that each entry belongs to; each has one.
        numbers: (m,) atomic numbers.
        amounts: (m,) positive.
    """
    keys, inverse = np.unique(owner * MAX_Z + _RANK[numbers], return_inverse=True)
    summed: F8 = np.bincount(inverse, weights=amounts).astype(np.float64)
    owners = keys // MAX_Z
    n = int(owners[-1]) + 1 if len(keys) else 0
    starts = np.searchsorted(owners, np.arange(n + 1)).astype(np.int64)
    first = starts[:-1]
    values = np.zeros(len(keys))
    whole = np.zeros(n, dtype=np.bool_)
    if n:
        _count(summed, first, owners, values, whole)
        left = np.flatnonzero(~whole[owners])
        if left.size:
            _ratios(summed, owners, values, whole, left)
    return Amounts(starts, _BY_RANK[keys % MAX_Z].astype(np.int64), values, whole)


def _count(summed: F8, first: I8, owners: I8, values: F8, whole: Bool) -> None:
    """Fill in the materials whose amounts are whole numbers of a ratio that is exact."""
    near = np.rint(summed)
    close = (np.abs(summed - near) <= 1e-12 * near) & (near > 0) & (near < _EXACT)
    countable = np.logical_and.reduceat(close, first)
    counts = np.where(countable[owners], near, 1.0).astype(np.int64)
    counts //= np.gcd.reduceat(counts, first)[owners]
    atoms = np.add.reduceat(counts.astype(np.float64), first)
    # beyond these a simpler ratio may be within the tolerances
    whole[:] = countable & (atoms <= 850)
    mine = whole[owners]
    values[mine] = counts[mine]


def _ratios(summed: F8, owners: I8, values: F8, whole: Bool, left: I8) -> None:
    """Fill in what is left: the smallest ratio of whole numbers, else rounded fractions."""
    materials, mine = np.unique(owners[left], return_inverse=True)
    first = np.searchsorted(mine, np.arange(len(materials)))
    largest = np.maximum.reduceat(summed[left], first)
    fractions = summed[left] / largest[mine]
    fractions /= np.add.reduceat(fractions, first)[mine]
    atoms = _atoms(fractions, mine, first, limit=SIMPLE, tolerance=NEAR)
    other = _atoms(fractions, mine, first, limit=LARGEST, tolerance=SAME)
    atoms = np.where(atoms > 0, atoms, other)
    rounded = np.round(np.floor(fractions * _NUDGE / STEP + 0.5) * STEP, 4)
    small = rounded < 10 * STEP
    rounded[small] = [float(f"{x:.3g}") for x in (fractions[small] * _NUDGE).tolist()]
    found = atoms > 0
    values[left] = np.where(found[mine], np.rint(fractions * atoms[mine]), rounded)
    whole[materials] = found


def _atoms(fractions: F8, mine: I8, first: I8, *, limit: int, tolerance: float) -> I8:
    """Return how many atoms make every fraction of a material a whole number; 0 where none do.

    ``limit`` and ``tolerance`` must leave no two ratios within the tolerance of one fraction:
    ``limit**-2 > 2 * tolerance``. A fraction that is so near to a ratio has it among its
    convergents (Legendre), so that its continued fraction finds the denominator.
    """
    denominator = _denominators(fractions, limit, tolerance)
    ends = np.append(first[1:], len(fractions))
    atoms = denominator[first]
    for place in range(1, int((ends - first).max(initial=1))):
        some = np.flatnonzero(first + place < ends)
        atoms[some] = np.lcm(atoms[some], denominator[first[some] + place])
        atoms[atoms > limit] = 0  # and stays so: the lcm of 0 is 0
    return atoms


def _denominators(fractions: F8, limit: int, tolerance: float) -> I8:
    """Return the denominators of positive ratios near fractions; 0 where there is none."""
    found = np.zeros(len(fractions), dtype=np.int64)
    rest = np.arange(len(fractions))
    x = y = fractions
    above, above_before = np.ones(len(x)), np.zeros(len(x))
    below, below_before = np.zeros(len(x)), np.ones(len(x))
    while rest.size:
        digit = np.floor(y)
        above, above_before = digit * above + above_before, above
        below, below_before = digit * below + below_before, below
        good = (np.abs(x - above / below) <= tolerance) & (above > 0) & (below <= limit)
        found[rest[good]] = below[good].astype(np.int64)
        go_on = ~good & (below <= limit) & (y > digit)
        rest, x, y, digit = rest[go_on], x[go_on], y[go_on], digit[go_on]
        above, above_before = above[go_on], above_before[go_on]
        below, below_before = below[go_on], below_before[go_on]
        y = 1.0 / (y - digit)
    return found


def canonical_formulas(owner: I8, numbers: npt.NDArray[np.int16], amounts: F8) -> list[str]:
    """Return n canonical formulas, elements in alphabetical order."""
    found = canonical_amounts(owner, numbers, amounts)
    symbols = [SYMBOLS[z] for z in found.numbers.tolist()]
    texts = [
        symbol + _amount(value)
        for symbol, value in zip(symbols, found.values.tolist(), strict=True)
    ]
    return ["".join(texts[a:b]) for a, b in _bounds(found.starts)]


def written_formulas(owner: I8, numbers: npt.NDArray[np.int16], amounts: F8) -> list[str]:
    """Return n formulas as chemists write them, by pymatgen's rules for ``reduced_formula``.

    The least electronegative element comes first; two that form an anion get brackets.
    """
    found = canonical_amounts(owner, numbers, amounts)
    z, values = found.numbers.tolist(), found.values.tolist()
    known: dict[tuple[tuple[int, float], ...], str] = {}
    texts = []
    for a, b in _bounds(found.starts):
        parts = tuple(zip(z[a:b], values[a:b], strict=True))
        if parts not in known:
            known[parts] = _written(parts)
        texts.append(known[parts])
    return texts


def _bounds(starts: I8) -> list[tuple[int, int]]:
    return list(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))


def _amount(value: float) -> str:
    if value == 1:
        return ""
    return str(int(value)) if value.is_integer() else f"{value:.10g}"


def _written(parts: Sequence[tuple[int, float]]) -> str:
    ordered = sorted((_ORDER[z], SYMBOLS[z], value) for z, value in parts)
    names = [(symbol, value) for _, symbol, value in ordered]
    whole = all(value.is_integer() for _, value in names)
    if whole:
        if len(names) == 1 and names[0][0] in DIATOMIC:
            return f"{names[0][0]}2"
        if (
            len(names) == 2
            and names[0][0] in PEROXIDES
            and names[0][1] == 1
            and (names[1] == ("O", 1.0))
        ):
            return f"{names[0][0]}2O2"
        if len(names) >= 3 and ordered[-1][0] - ordered[-2][0] < 1.65:
            (one, a), (two, b) = names[-2:]
            units = math.gcd(int(a), int(b))
            if units > 1:
                anion = f"({one}{_amount(a / units)}{two}{_amount(b / units)}){units}"
                return "".join(symbol + _amount(value) for symbol, value in names[:-2]) + anion
    return "".join(symbol + _amount(value) for symbol, value in names)
