"""Find the symmetry operations that a data block of CIF states, by list or by name. Light.

Names are looked up in the 530 settings of International Tables A (``space_groups``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.errors import DataError
from atlas_reading.cif import Block
from atlas_reading.space_groups import hall_key, settings, spglib_says, symbol_key

METRIC = 0.02
"""Share by which an operation may change the metric tensor of the cell: 1 % of a length, 1°."""
_LISTED = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_MAGNETIC = "_space_group_symop_magn_operation_xyz"
_CENTERING = ("_space_group_symop_magn_centering_xyz", "_space_group_symop_magn_centring_xyz")
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_NAMES = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_space_group_name_h-m_ref",
)
_NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number")
_CODE = ("_space_group_it_coordinate_system_code",)
_SYSTEM = ("_space_group_crystal_system", "_symmetry_cell_setting")
_ANY = re.compile(
    r"_(?:parent_|magnetic_)?(?:symmetry|space_group)_(?!(?:.*_)?id$)|_cell_modulation_dimension$"
)
"""Tags that say something of the symmetry, understood here or not; those of keys do not."""
_NOTHING = frozenset({"p1", "1", "c1", "c1^1", "x,y,z"})
_TERM = re.compile(r"([+-]?)(\d{1,4}/\d{1,4}|\d{0,4}\.\d{1,16}|\d{1,4}\.?)?\*?([xyz])?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Operations:
    """K symmetry operations x' = R x + t of fractional coordinates.

    Attributes:
        rotations: (k, 3, 3) whole numbers.
        translations: (k, 3).
        name: of the setting, for messages.
        flags: what is odd about how they were stated.
        number: of the space group; 0 where it is not known.
    """

    rotations: I8
    translations: F8
    name: str
    flags: tuple[str, ...] = ()
    number: int = 0

    def __len__(self) -> int:
        return len(self.rotations)

    def fit(self, lattice: F8) -> bool:
        """Return whether every operation keeps the lengths and angles of the cell."""
        metric = lattice @ lattice.T
        turned = np.einsum("kji,jl,klm->kim", self.rotations, metric, self.rotations)
        size = np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
        return bool((np.abs(turned - metric) <= METRIC * size).all())


@dataclass(frozen=True)
class Symmetry:
    """Say what a data block states of its symmetry.

    Attributes:
        listed: the operations that it lists; None where it lists none.
        named: the settings that its names can mean and that fit the cell.
        name: as it is written.
    """

    listed: Operations | None
    named: tuple[Operations, ...]
    name: str


def read_symmetry(block: Block, lattice: F8) -> Symmetry:
    """Return what a block states of its symmetry; if it states none, P 1 and a flag.

    Raises:
        DataError: the operations cannot be read, are not a group or do not fit the cell; or none is
            listed and the name is unknown, contradicts itself or does not fit the cell, or what is
            stated of the symmetry is not understood.
    """
    listed = _listed(block)
    if listed is not None:
        if not listed.fit(lattice):
            raise DataError(
                f"its {len(listed)} symmetry operations do not fit the lengths and angles of the"
                " cell (rhombohedral axes with hexagonal operations, or a wrong cell?)"
            )
        try:
            name, named = _named(block)
        except DataError:
            return Symmetry(listed, (), "")  # the list is complete
        return Symmetry(listed, tuple(one for one in named if one.fit(lattice)), name)
    name, named = _named(block)
    if not named:
        return Symmetry(None, (_unstated(block),), "")
    fitting = [one for one in named if one.fit(lattice)]
    if not fitting:
        raise DataError(
            f"space group {name!r} does not fit the lengths and angles of the cell, and no"
            " operations are listed"
        )
    return Symmetry(None, tuple(fitting), name)


def _unstated(block: Block) -> Operations:
    system = block.first(*_SYSTEM)
    if system is not None and system.strip().lower() not in ("triclinic", "anorthic"):
        raise DataError(
            f"it names the crystal system ({system}) but neither a space group nor operations;"
            " add _symmetry_space_group_name_H-M or list the operations"
        )
    for tag, values in block.columns.items():
        if not _ANY.match(tag) or tag in _SYSTEM:
            continue
        trivial = {"0"} if tag.startswith("_cell") else _NOTHING
        value = next((one for one in values if symbol_key(one) not in {"", "?", ".", *trivial}), "")
        if value:
            raise DataError(
                f"its only symmetry is {tag} {' '.join(value.split())[:40]!r}, which is not"
                " supported; list the operations as _symmetry_equiv_pos_as_xyz"
            )
    flag = "states no symmetry: read as P 1"
    return Operations(np.eye(3, dtype=np.int64)[None], np.zeros((1, 3)), "P 1", (flag,))


def _listed(block: Block) -> Operations | None:
    lists = [made for tag in _LISTED if (made := _operations_of(block, tag)) is not None]
    if not lists and (made := _operations_of(block, _MAGNETIC, *_CENTERING)) is not None:
        lists.append(made)
    if not lists:
        return None
    if len(distinct(lists)) > 1:
        raise DataError(f"{_LISTED[0]} and {_LISTED[1]} list operations that differ")
    _check_group(lists[0])
    return lists[0]


def _operations_of(block: Block, tag: str, *centering: str) -> Operations | None:
    texts = block.column(tag)
    if texts is None or all(text.missing for text in texts):
        return None
    found = [operation(text) for text in texts]
    if more_texts := block.column(*centering):
        shifts = [operation(text)[1] for text in more_texts if not text.missing]
        found = [(turn, shift + more) for turn, shift in found for more in shifts or [np.zeros(3)]]
    rotations = np.array([turn for turn, _ in found], dtype=np.int64)
    translations = np.array([shift for _, shift in found]) % 1.0
    keys = _keys(rotations, translations)
    first = np.sort(np.unique(keys, axis=0, return_index=True)[1])
    return Operations(rotations[first], translations[first], f"its {len(first)} operations")


def _keys(rotations: I8, translations: F8) -> I8:
    """Return (k, 12) whole numbers that are equal for equal operations."""
    cells = np.rint(translations * 1000).astype(np.int64) % 1000
    return np.concatenate([rotations.reshape(-1, 9), cells], axis=1)


def _check_group(operations: Operations) -> None:
    turn, shift = operations.rotations, operations.translations
    identity = (turn == np.eye(3, dtype=np.int64)).all(axis=(1, 2)) & (shift == 0).all(axis=1)
    if not identity.any():
        raise DataError("its list of symmetry operations lacks x,y,z: it is incomplete")
    if (np.abs(np.rint(np.linalg.det(turn))) != 1).any():
        raise DataError(
            "one of its symmetry operations is invalid (its determinant is not 1 or -1)"
        )
    if len(turn) > 768:
        raise DataError(f"it lists {len(turn)} symmetry operations; a space group has at most 192")
    own = {tuple(key) for key in _keys(turn, shift).tolist()}
    for one, by in zip(turn, shift, strict=True):
        both = (one @ turn, (shift @ one.T + by) % 1.0)
        # 1/3 written 0.333 is not closed to the last digit
        if not all(_near(key, own) for key in _keys(*both).tolist()):
            raise DataError(
                "its list of symmetry operations is not a group: one of them is missing or wrong"
            )


def _near(key: list[int], own: set[tuple[int, ...]]) -> bool:
    if tuple(key) in own:
        return True
    steps = [(a, b, c) for a in (0, 1, -1) for b in (0, 1, -1) for c in (0, 1, -1)]
    turn, cells = tuple(key[:9]), key[9:]
    return any(
        (*turn, *((cell + step) % 1000 for cell, step in zip(cells, by, strict=True))) in own
        for by in steps
    )


def operation(text: str) -> tuple[I8, F8]:
    """Return (3, 3) rotation and (3,) translation of an operation such as ``-x+1/2, y, z-x``.

    Decimals that are a rounded multiple of 1/24 are taken as that.

    Raises:
        DataError: it is not an operation.
    """
    parts = re.sub(r"\s", "", text.lower()).split(",")
    if len(parts) == 4 and parts[3] in ("+1", "-1", "1"):  # time reversal of a magnetic group
        parts = parts[:3]
    turn, shift = np.zeros((3, 3), dtype=np.int64), np.zeros(3)
    if len(parts) != 3 or not all(parts):
        raise DataError(
            f"symmetry operation {text!r} is invalid; expected three parts as in x,y,-z"
        )
    for row, part in enumerate(parts):
        at = 0
        while at < len(part):
            match = _TERM.match(part, at)
            if match is None or match.end() == at or not (match[2] or match[3]):
                raise DataError(f"symmetry operation {text!r} cannot be read")
            if at and not match[1]:
                raise DataError(f"symmetry operation {text!r} cannot be read")
            sign = -1 if match[1] == "-" else 1
            if match[3]:
                factor = _value(match[2] or "1", text)
                if factor != int(factor):
                    raise DataError(f"symmetry operation {text!r} has a fraction of {match[3]}")
                turn[row, "xyz".index(match[3])] += sign * int(factor)
            else:
                shift[row] += sign * _value(match[2], text)
            at = match.end()
    return turn, shift


def _value(text: str, whole: str) -> float:
    if "/" in text:
        top, bottom = text.split("/")
        if int(bottom) == 0:
            raise DataError(f"symmetry operation {whole!r} divides by zero")
        return float(Fraction(int(top), int(bottom)))
    value = float(text)
    nearest = round(value * 24) / 24
    return nearest if abs(value - nearest) <= 10.0 ** -len(text.partition(".")[2]) / 2 else value


def _named(block: Block) -> tuple[str, list[Operations]]:
    """Return the name as it is written and the settings that it can mean; none if it is absent.

    Raises:
        DataError: it is unknown, or names and number contradict each other.
    """
    table = settings()
    code = (block.first(*_CODE) or "").strip()
    halls = [str(hall) for hall in map(block.first, _HALL) if hall]
    symbols = [str(name) for name in map(block.first, _NAMES) if name]
    symbols = [name for name in symbols if name.strip() not in ("?", ".")]  # they are in quotes
    read = [(hall, table.hall.get(hall_key(hall), frozenset())) for hall in halls]
    read += [(name, table.lookup(name, code)) for name in symbols]
    said = [(name, found) for name, found in read if found]
    unknown = [name for name, found in read if not found]
    if unknown and not said:
        raise DataError(
            f"names a space group that is not known ({unknown[0]!r}) and lists no operations; list"
            " them as _symmetry_equiv_pos_as_xyz, or write the symbol as International Tables do"
        )
    by_name = bool(said)
    said += [
        (f"number {number.strip()}", _by_number(number, code, hall=by_name))
        for number in filter(None, map(block.first, _NUMBERS))
    ]
    if not said:
        return "", []
    groups = [{table.numbers[h] for h in found} for _, found in said]
    if not set.intersection(*groups):
        raise DataError(
            f"its space groups contradict each other ({' and '.join(name for name, _ in said)})"
            " and it lists no operations"
        )
    name = said[0][0]
    common = frozenset.intersection(*(found for _, found in said))
    return name, [_operations(hall) for hall in sorted(common or said[0][1])]


def _by_number(text: str, code: str, *, hall: bool) -> frozenset[int]:
    """Return the settings of a number: all if named, else those of the standard symbol."""
    table = settings()
    if not re.fullmatch(r"\s*\d{1,3}\s*", text) or not 1 <= int(text) <= 230:
        raise DataError(f"space group number {text!r} is not in 1 to 230")
    own = [h for h, number in table.numbers.items() if number == int(text)]
    if hall:
        return frozenset(own)
    return table.lookup(table.symbols[own[0]], code)


def _operations(hall: int) -> Operations:
    found = spglib_says("get_symmetry_from_database", hall)
    table = settings()
    choice = table.choices[hall]
    return Operations(
        np.asarray(found["rotations"], dtype=np.int64),
        np.rint(np.asarray(found["translations"]) * 24) / 24,
        f"{table.symbols[hall]}{f' (setting {choice})' if choice else ''}",
        number=table.numbers[hall],
    )


def number_of(operations: Operations) -> int:
    """Return the number of the space group that operations make; 0 where it is not found."""
    kind = spglib_says(
        "get_spacegroup_type_from_symmetry",
        operations.rotations,
        operations.translations,
        symprec=1e-3,
    )
    return 0 if kind is None else int(kind.number)


def distinct(several: Sequence[Operations]) -> list[Operations]:
    """Return those of which no two hold the same operations, the first of its kind each."""
    seen: set[frozenset[tuple[int, ...]]] = set()
    kept = []
    for one in several:
        key = frozenset(tuple(row) for row in _keys(one.rotations, one.translations).tolist())
        if key not in seen:
            seen.add(key)
            kept.append(one)
    return kept
