"""Columns that a split can derive from materials, and which rows carry which value.

Space groups are spglib's; that module is imported only where a data set states none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np

from atlas_chemistry import anion_family, f_block, periodic_group, periodic_row
from atlas_core.api import I8, SYMBOLS, Bool, DataError, Materials, SplitRequest, Str

MISSING = ""
"""Text of a row that has no value: it belongs to no group and is never held out."""
TOLERANCE = 0.1
"""Å by which atoms may stand off their places, as MatFold takes it."""
SYSTEMS = (
    (2, "triclinic"),
    (15, "monoclinic"),
    (74, "orthorhombic"),
    (142, "tetragonal"),
    (167, "trigonal"),
    (194, "hexagonal"),
    (230, "cubic"),
)
"""Last space group of each crystal system."""
_AMOUNT = re.compile(r"[A-Z][a-z]?([\d.e+-]*)")


@dataclass(frozen=True, eq=False)
class Groups:
    """Which rows belong to which group; a row may belong to several, or to none.

    Attributes:
        rows: (k,) row numbers.
        names: (k,) the group that this row belongs to.
    """

    rows: I8
    names: Str

    def sizes(self) -> dict[str, int]:
        """Return the rows of each group, by name."""
        return dict(Counter(self.names.tolist()))

    def mask(self, names: Sequence[str], n: int) -> Bool:
        """Return (n,) whether a row belongs to one of the groups."""
        table = np.zeros(n, dtype=np.bool_)
        table[self.rows[np.isin(self.names, names)]] = True
        return table


def as_text(value: object) -> str:
    """Return the name of a group: 225, 225.0 and "225" are one group; None and NaN are none."""
    if value is None or value != value:  # noqa: PLR0124 - NaN differs from itself
        return MISSING
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def groups_of(request: SplitRequest, column: str) -> Groups | None:
    """Return the groups of a metadata column or of a derived one; None for an unknown name.

    A metadata column comes before a derived one of the same name.

    Raises:
        DataError: the column needs structures that are not there.
    """
    if column in request.columns:
        return _one_a_row([as_text(value) for value in request.columns[column]])
    if column in SEVERAL:
        return SEVERAL[column](request.materials)
    if column in SINGLE:
        return _one_a_row(SINGLE[column](request))
    return None


def _one_a_row(values: Sequence[str]) -> Groups:
    names = np.asarray(values, dtype=np.str_)
    rows = np.flatnonzero(names != MISSING)
    return Groups(rows, names[rows])


def _of_elements(materials: Materials, names: Sequence[str]) -> Groups:
    """Return groups of materials that contain an element of the group; names by atomic number."""
    table = np.asarray(names, dtype=np.str_)[materials.numbers]
    distinct, place = np.unique(table, return_inverse=True)
    pairs = np.unique(materials.owner * len(distinct) + place)
    return Groups(pairs // len(distinct), distinct[pairs % len(distinct)])


def _groups_of_the_table(materials: Materials) -> Groups:
    z = np.arange(len(SYMBOLS))
    names = periodic_group(np.maximum(z, 1)).astype(np.str_).tolist()
    for number in np.flatnonzero(f_block(z)):
        names[number] = "lanthanoid" if number < 80 else "actinoid"
    return _of_elements(materials, names)


def _rows_of_the_table(materials: Materials) -> Groups:
    z = np.maximum(np.arange(len(SYMBOLS)), 1)
    return _of_elements(materials, periodic_row(z).astype(np.str_).tolist())


def anonymous_formulas(materials: Materials) -> list[str]:
    """Return n formulas with letters in the order of amounts: ``ABC3`` for SrTiO3."""
    found: dict[str, str] = {}
    formulas = materials.formulas()
    for formula in set(formulas):
        amounts = sorted((float(a or 1), a) for a in _AMOUNT.findall(formula))
        found[formula] = "".join(f"{_letter(i)}{text}" for i, (_, text) in enumerate(amounts))
    return [found[formula] for formula in formulas]


def amounts_of_formulas(formulas: Sequence[str]) -> list[list[float]]:
    """Return the amounts in each reduced formula, in its order."""
    return [[float(a or 1) for a in _AMOUNT.findall(formula)] for formula in formulas]


def _letter(i: int) -> str:
    return ascii_uppercase[i] if i < 26 else f"({i})"


def _space_groups(request: SplitRequest) -> list[str]:
    """Return the stated space groups, or spglib's; "" where spglib finds none."""
    if "space_group" in request.columns:
        return [as_text(value) for value in request.columns["space_group"]]
    if not request.materials.has_structure:
        raise DataError(
            "leave_group_out: a space group needs structures or a metadata column space_group"
        )
    from atlas_splits._symmetry import space_groups  # spglib is loaded only where it is needed

    return [as_text(number or None) for number in space_groups(request.materials, TOLERANCE)]


def _crystal_systems(request: SplitRequest) -> list[str]:
    groups = _space_groups(request)
    return [
        next((name for last, name in SYSTEMS if int(g) <= last), MISSING)
        if g.isdigit()
        else MISSING
        for g in groups
    ]


def _prototypes(request: SplitRequest) -> list[str]:
    anonymous = anonymous_formulas(request.materials)
    if "space_group" not in request.columns and not request.materials.has_structure:
        return anonymous
    groups = _space_groups(request)
    return [f"{a} {g}" if g else MISSING for a, g in zip(anonymous, groups, strict=True)]


SINGLE: dict[str, Callable[[SplitRequest], Sequence[str]]] = {
    "chemical_system": lambda request: request.materials.chemical_systems(),
    "formula": lambda request: request.materials.formulas(),
    "anonymous_formula": lambda request: anonymous_formulas(request.materials),
    "n_elements": lambda request: [
        str(system.count("-") + 1) for system in request.materials.chemical_systems()
    ],
    "anion_family": lambda request: anion_family(request.materials).tolist(),
    "space_group": _space_groups,
    "crystal_system": _crystal_systems,
    "prototype": _prototypes,
}
"""Derived columns with one value per row."""
SEVERAL: dict[str, Callable[[Materials], Groups]] = {
    "element": lambda materials: _of_elements(materials, SYMBOLS),
    "periodic_group": _groups_of_the_table,
    "periodic_row": _rows_of_the_table,
}
"""Derived columns of which a row has a value for each of its elements."""
DERIVED = (*SINGLE, *SEVERAL)
