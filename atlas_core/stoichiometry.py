"""One formula for one composition, however it is written. Light: numpy only.

A composition is its atomic fractions. Its canonical amounts are the smallest whole numbers of the
same ratio; where there are none, the fractions rounded to 1e-4. Both depend on the fractions alone,
so that a formula in fractions and the same one in percent get one key.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
_EN = dict(zip(SYMBOLS, _ORDER, strict=True))
DIATOMIC = frozenset({"H", "N", "O", "F", "Cl"})
PEROXIDES = frozenset({"H", "Li", "Na", "K", "Rb", "Cs"})
ANION = 1.65
"""Elements whose electronegativities differ by less form an anion, as pymatgen has it."""
NONMETALS = frozenset({
    *("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Ge", "As", "Se", "Br", "Te", "I", "At"),
    *("He", "Ne", "Ar", "Kr", "Xe", "Rn"),
})  # fmt: skip
"""With the metalloids."""
HALOGENS = frozenset({"F", "Cl", "Br", "I"})
OXYANIONS = {"C": 3, "N": 3, "P": 4, "S": 4, "As": 4}
"""Oxygen atoms of the oxyanions that stand beside OH in minerals such as Ca5(PO4)3(OH)."""


@dataclass(frozen=True, eq=False)
class Amounts:
    """Canonical amounts of n compositions, elements in alphabetical order.

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
    """Return n formulas as chemists write them.

    The least electronegative element comes first; two that form an anion get brackets: the rules of
    pymatgen's ``reduced_formula``. Hydroxides, ammonium salts, hydrogen salts and acids, CH4, NH3
    and organic molecules (Hill's order) have the order of their own that chemists give them.
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
    return str(int(value)) if float(value).is_integer() else f"{value:.10g}"


def _written(parts: Sequence[tuple[int, float]]) -> str:
    amounts = {SYMBOLS[z]: value for z, value in sorted(parts, key=lambda part: _ORDER[part[0]])}
    if not all(value.is_integer() for value in amounts.values()):
        return _row(amounts)
    if "H" in amounts and set(amounts) - {"H", "O"} and (text := _with_hydrogen(amounts)):
        return text
    if len(amounts) == 1 and (only := next(iter(amounts))) in DIATOMIC:
        return f"{only}2"
    if len(amounts) == 2 and set(amounts.values()) == {1} and "O" in amounts:
        (other,) = set(amounts) - {"O"}
        if other in PEROXIDES:
            return f"{other}2O2"
    return _by_electronegativity(amounts)


def _row(amounts: Mapping[str, float]) -> str:
    return "".join(symbol + _amount(value) for symbol, value in amounts.items())


def _group(text: str, count: float, *, alone: bool = False) -> str:
    return text if count == 1 and alone else f"({text}){_amount(count)}"


def _by_electronegativity(amounts: Mapping[str, float]) -> str:
    """Return whole amounts in their order; the last two in brackets where they form an anion."""
    names = list(amounts.items())
    if len(names) >= 3:
        (one, a), (two, b) = names[-2:]
        units = math.gcd(int(a), int(b))
        if units > 1 and _EN[two] - _EN[one] < ANION:
            anion = _group(f"{one}{_amount(a / units)}{two}{_amount(b / units)}", units)
            return _row(dict(names[:-2])) + anion
    return _row(amounts)


def _with_hydrogen(amounts: Mapping[str, float]) -> str:
    """Return CH4, NaOH, FeO(OH), Ca5(PO4)3(OH), (NH4)2SO4 or NaH2PO4; "" for other compounds.

    Their order is not that of electronegativity.
    """
    h, o, n = (amounts.get(symbol, 0.0) for symbol in ("H", "O", "N"))
    rest = {symbol: value for symbol, value in amounts.items() if symbol not in ("H", "O")}
    metals = {symbol: value for symbol, value in rest.items() if symbol not in NONMETALS}
    others = {symbol: value for symbol, value in rest.items() if symbol in NONMETALS}
    if set(amounts) in ({"C", "H"}, {"N", "H"}):
        return _row({**rest, "H": h})
    if (n, h, o) == (2, 4, 3) and len(amounts) == 3:
        return "NH4NO3"
    if h == 4 * n and (o == 3 * others.get("C", 0.0) or "C" not in others):
        salt = {symbol: value for symbol, value in amounts.items() if symbol not in ("N", "H")}
        return _group("NH4", n, alone=True) + (_by_electronegativity(salt) if salt else "")
    if "C" in others and not metals:  # an organic molecule, in the order of Hill
        carbon = others.pop("C")
        return _row(
            {"C": carbon, "H": h} | dict(sorted((others | ({"O": o} if o else {})).items()))
        )
    if metals and o:
        hydroxide = _hydroxide(metals, others, h, o)
        if hydroxide:
            return hydroxide
    if o and ("C" not in others or o == 3 * others["C"]):
        last = {symbol: value for symbol, value in amounts.items() if symbol in {*others, "O"}}
        return _by_electronegativity({**metals, "H": h, **last})
    return ""


def _hydroxide(metals: Mapping[str, float], others: Mapping[str, float], h: float, o: float) -> str:
    """Return the formula of a hydroxide, oxyhydroxide or hydroxide salt; "" for what is none."""
    if set(others) <= HALOGENS and o == h:
        return _row({**metals, **others}) + _group("OH", h, alone=not others)
    if not others and o == 2 * h == 2 * sum(metals.values()) and not set(metals) & PEROXIDES:
        return f"{_row(metals)}{_row({'O': h})}(OH){_amount(h)}"
    if len(others) == 1:
        ((center, count),) = others.items()
        oxygens = OXYANIONS.get(center)
        if oxygens is not None and o == oxygens * count + h:
            anion = _group(f"{center}O{oxygens}", count, alone=True)
            return f"{_row(metals)}{anion}(OH){_amount(h)}"
    return ""
