"""Check a crystal against the formula, Z, volume and density that its file states. Light."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

from atlas_chemistry import atomic_mass
from atlas_core.elements import ATOMIC_NUMBER, SYMBOLS, parse_formula
from atlas_reading.cif import Block, number
from atlas_reading.geometry import GRAMS
from atlas_reading.symbols import ISOTOPES

VOLUME = 0.01
"""Share by which the stated volume may differ from the cell's: lengths and angles are rounded."""
DENSITY = 0.05
"""Share by which the stated density may differ; one hydrogen of C6H12 missing is 1 %."""
UNREAD = "its _chemical_formula_sum cannot be read, and was not compared with its atoms"
_ISOTOPE_MASS = {"D": 2.014, "T": 3.016}
_TOKEN = re.compile(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?", re.ASCII)


@dataclass(frozen=True)
class Stated:
    """What a data block states about its contents; None where nothing is usable.

    Attributes:
        formula: the least and largest amount that each symbol (D and T apart) can mean.
        text: the formula as it is written.
        units: formula units in the cell.
        volume: of the cell, Å3.
        density: g/cm3.
    """

    formula: Mapping[str, tuple[float, float]] | None
    text: str
    units: float | None
    volume: float | None
    density: float | None

    @property
    def elements(self) -> frozenset[int]:
        """Return the atomic numbers of the formula; none where there is no formula."""
        return frozenset(_z(symbol) for symbol in self.formula or ())

    @property
    def counts(self) -> bool:
        """Return whether it states how many atoms the cell contains, by Z or by the density."""
        return self.density is not None or (self.formula is not None and self.units is not None)

    @property
    def flags(self) -> tuple[str, ...]:
        """Return what of it could not be compared with the atoms."""
        return (UNREAD,) if self.text and self.formula is None else ()

    def against(self, symbols: Sequence[str], volume: float) -> str:
        """Say what of the contents of the cell contradicts the file; "" where nothing does.

        Args:
            symbols: of each atom in the cell; D and T are apart from H.
            volume: of the cell, Å3.
        """
        if self.volume is not None and abs(volume / self.volume - 1) > VOLUME:
            return (
                f"its cell has {volume:.6g} Å3, but _cell_volume is {self.volume:.6g}: lengths,"
                " angles or their unit are wrong"
            )
        return self._composition(symbols) or self._density(symbols, volume)

    def _composition(self, symbols: Sequence[str]) -> str:
        if self.formula is None:
            return ""
        counts = Counter(_z(symbol) for symbol in symbols)
        wanted: dict[int, tuple[float, float]] = {}
        for symbol, (low, high) in self.formula.items():
            old = wanted.get(_z(symbol), (0.0, 0.0))
            wanted[_z(symbol)] = (old[0] + low, old[1] + high)
        wanted = {z: both for z, both in wanted.items() if both[1] > 0}
        if not wanted:
            return ""
        read = _formula(symbols)
        if not _multiples(counts, wanted):
            heavy = {z: both for z, both in wanted.items() if z != 1}
            others = Counter({z: n for z, n in counts.items() if z != 1})
            ratio = _multiples(others, heavy) if heavy else None
            if 1 in wanted and ratio and counts[1] < ratio[0] * wanted[1][1]:
                return (
                    f"its atoms are {read}, but its formula is {self.text!r}: hydrogens are not"
                    " listed, the crystal is incomplete"
                )
            return f"its atoms are {read}, but its formula is {self.text!r}"
        low, high = _multiples(counts, wanted) or (0.0, 0.0)
        if self.units is None:
            return ""
        # some programs write the contents of the cell as formula, and Z of the reduced one, which
        # for K2O2 is not KO
        whole = gcd(*counts.values())
        if low <= self.units * (1 + 1e-6) and self.units <= high * (1 + 1e-6):
            return ""
        if low <= 1 + 1e-6 and high >= 1 - 1e-6 and whole % self.units == 0:
            return ""
        return (
            f"its cell contains {(low + high) / 2:.3g} formula units of {self.text!r}, but"
            f" _cell_formula_units_Z is {self.units:g}: symmetry, cell or sites are incomplete"
        )

    def _density(self, symbols: Sequence[str], volume: float) -> str:
        if self.density is None:
            return ""
        table = atomic_mass()
        mass = sum(_ISOTOPE_MASS.get(symbol) or float(table[_z(symbol)]) for symbol in symbols)
        found = GRAMS * mass / volume
        # kg/m3 instead of g/cm3 is the file's slip, not the crystal's
        if any(abs(found / (self.density / unit) - 1) <= DENSITY for unit in (1.0, 1000.0)):
            return ""
        return (
            f"its cell has {found:.4g} g/cm3, but _exptl_crystal_density_diffrn is"
            f" {self.density:.4g}: symmetry, cell or sites are incomplete"
        )


def _z(symbol: str) -> int:
    return ISOTOPES.get(symbol) or ATOMIC_NUMBER[symbol]


def _multiples(
    counts: Mapping[int, int], wanted: Mapping[int, tuple[float, float]]
) -> tuple[float, float] | None:
    """Return the least and largest number of formula units that give the counts; None for none."""
    if {z for z, n in counts.items() if n} != set(wanted):
        return None
    low = max(counts[z] / both[1] for z, both in wanted.items())
    high = min(counts[z] / both[0] if both[0] > 0 else float("inf") for z, both in wanted.items())
    return (low, high) if low <= high * (1 + 1e-6) else None


def _formula(symbols: Sequence[str]) -> str:
    """Return the contents of a cell as a reduced formula in Hill's order."""
    counts = Counter(symbols)
    units = gcd(*counts.values())
    order = sorted(counts, key=lambda s: (s != "C", s != "H", s) if "C" in counts else (s,))
    return "".join(f"{s}{counts[s] // units if counts[s] > units else ''}" for s in order)


def read_stated(block: Block) -> Stated:
    """Return what a block states about its contents; what cannot be read counts as not stated."""
    text = block.first("_chemical_formula_sum")
    return Stated(
        formula=None if text is None else _amounts(text) or _other_notation(text),
        text="" if text is None else " ".join(text.split()),
        units=_positive(block, "_cell_formula_units_z"),
        volume=_positive(block, "_cell_volume"),
        density=_positive(block, "_exptl_crystal_density_diffrn"),
    )


def _amounts(text: str) -> dict[str, tuple[float, float]] | None:
    """Return the range of each amount: a decimal is rounded, a whole number is exact."""
    found: dict[str, tuple[float, float]] = {}
    for part in text.split():
        read = 0
        for match in _TOKEN.finditer(part):
            symbol, digits = match.group(1), match.group(2) or "1"
            if match.start() != read or (symbol not in ATOMIC_NUMBER and symbol not in ISOTOPES):
                return None
            read = match.end()
            value, decimals = float(digits), len(digits.partition(".")[2])
            half = 0.5 * 10.0**-decimals if decimals else 0.0
            old = found.get(symbol, (0.0, 0.0))
            found[symbol] = (old[0] + max(value - half, 0.0), old[1] + value + half)
        if read != len(part):
            return None
    return found or None


def _other_notation(text: str) -> dict[str, tuple[float, float]] | None:
    """Return the amounts of a formula in brackets, of a polymer, or with commas between elements.

    D and T are hydrogen in it.
    """
    unit = re.fullmatch(r"\s*\((.*)\)\s*n\s*", text, re.S)
    plain = (unit[1] if unit else text).replace(",", " ")
    try:
        return {SYMBOLS[z]: (a, a) for z, a in parse_formula(plain).items()}
    except ValueError:
        return None


def _positive(block: Block, tag: str) -> float | None:
    text = block.first(tag)
    if text is None:
        return None
    try:
        value, _ = number(text)
    except ValueError:
        return None
    return value if 0.0 < value < float("inf") else None
