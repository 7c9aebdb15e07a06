"""Read the text of a POSCAR or CONTCAR of VASP, or say why not. Light: numpy only.

The form: https://www.vasp.at/wiki/index.php/POSCAR. Elements are in the line above the counts
(VASP 5), else after the coordinates; the title is never taken for them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from math import isfinite

import numpy as np

from atlas_core.arrays import F8
from atlas_core.errors import DataError
from atlas_reading.cif_crystal import Crystal
from atlas_reading.symbols import isotope_flags, read_symbol

_FLAG = re.compile(r"\.?[TF](?:RUE|ALSE)?\.?", re.I)
_NEXT = re.compile(r"\s*(?:direct|cartesian)\s+configuration\s*=", re.I)


def is_poscar(text: str) -> bool:
    """Return whether a scaling factor and three vectors follow the first line."""
    lines = _lines(text)
    return _begins(lines, 0)


def read_poscar(text: str) -> Crystal:
    """Return the crystal of a POSCAR, without checks of its geometry.

    Raises:
        DataError: it is truncated, contains more than one crystal, names no elements or contradicts
            itself; the text is the reason.
    """
    lines = _lines(text)
    if len(lines) < 8:
        raise DataError("it has fewer than 8 lines")
    lattice, scale = _lattice(lines)
    symbols, counts, at = _counts(lines)
    atoms = sum(counts)
    selective = lines[at][:1].upper() == "S" if at < len(lines) else False
    at += selective
    if len(lines) < at + 1 + atoms or not atoms:
        raise DataError(f"it is truncated: the sum of its counts is {atoms}")
    if _three(lines[at]):
        raise DataError("the line with Direct or Cartesian is missing")
    rows = [line.split() for line in lines[at + 1 : at + 1 + atoms]]
    places = [_three(line) for line in lines[at + 1 : at + 1 + atoms]]
    for i, place in enumerate(places):
        if place is None:
            raise DataError(
                f"line {at + 2 + i} has no coordinates: the sum of its"
                f" counts is {atoms}, and it is number {i + 1}"
            )
    _check_rest(lines[at + 1 + atoms :], atoms)
    names = _names(symbols, counts, [_label(row[3:]) for row in rows])
    frac = np.array(places, dtype=np.float64)
    if lines[at][:1].upper() in ("C", "K"):
        frac = np.asarray(np.linalg.solve(lattice.T, (frac * scale).T).T, dtype=np.float64)
    return Crystal(
        "",
        np.array([read_symbol(name) for name in names], dtype=np.int16),
        frac,
        lattice,
        isotope_flags(names),
    )


def _lines(text: str) -> list[str]:
    """Return the lines without comments; the first one is the title."""
    lines = re.split(r"\r\n|\r|\n", text.rstrip())
    return [lines[0], *(re.split("[!#]", line)[0].strip() for line in lines[1:])]


def _numbers(words: Sequence[str]) -> list[float] | None:
    try:
        found = [float(word) for word in words]
    except ValueError:
        return None
    return found if all(map(isfinite, found)) else None


def _three(line: str) -> list[float] | None:
    found = _numbers(line.split()[:3])
    return found if found is not None and len(found) == 3 else None


def _begins(lines: Sequence[str], at: int, factors: Sequence[int] = (1, 3)) -> bool:
    """Return whether the head of a POSCAR with its title in line ``at`` stands there."""
    rows = [_numbers(line.split()[:3]) for line in lines[at + 1 : at + 5]]
    shapes = [len(row) if row else 0 for row in rows]
    return len(shapes) == 4 and shapes[0] in factors and shapes[1:] == [3, 3, 3]


def _lattice(lines: Sequence[str]) -> tuple[F8, F8]:
    """Return (3, 3) vectors in Å and the factors of x, y and z of Cartesian coordinates."""
    if not _begins(lines, 0):
        raise DataError("lines 2 to 5 are not a scaling factor (or three) and three vectors")
    rows = [_numbers(line.split()[:3]) for line in lines[2:5]]
    lattice = np.array(rows, dtype=np.float64)
    scale: F8 = np.array(_numbers(lines[1].split()[:3]), dtype=np.float64)
    if (scale == 0).any() or (len(scale) == 3 and (scale < 0).any()):
        raise DataError(f"the scaling factor of line 2 is {lines[1]}")
    volume = abs(np.linalg.det(lattice))
    if volume < 1e-9:
        raise DataError("its three vectors span no volume")
    if scale[0] < 0:  # the volume of the cell in its place
        scale = np.array([(-scale[0] / volume) ** (1 / 3)])
    return lattice * scale, scale


def _counts(lines: Sequence[str]) -> tuple[list[str] | None, list[int], int]:
    """Return the symbols, None where there are none, the counts, and the line after them.

    Both may go on in further lines, as VASP writes more than 20 groups.
    """
    symbols = None
    named = list(takewhile(lambda line: re.match("[A-Za-z]", line), lines[5:]))
    at = 5 + len(named)
    if named:
        # of potentials such as Na_pv or Na/1f2e
        symbols = [re.split("[_/]", word)[0] for line in named for word in line.split()]
    words = [word for line in lines[at : at + max(1, len(named))] for word in line.split()]
    if not words or not all(re.fullmatch("[0-9]{1,9}", word) for word in words):
        raise DataError(f"line {at + 1} contains no atom counts")
    counts = [int(word) for word in words]
    if symbols is not None and len(symbols) != len(counts):
        named_here, counted_here = (" ".join(some)[:60] for some in (symbols, words))
        raise DataError(
            f"its elements are {named_here} and its counts {counted_here}; they must match"
        )
    return symbols, counts, at + max(1, len(named))


def _label(words: Sequence[str]) -> str:
    """Return the element after coordinates, "" for none; flags of what may move are none."""
    if len(words) >= 3 and all(_FLAG.fullmatch(word) for word in words[:3]):
        words = words[3:]
    return words[0] if words else ""


def _names(symbols: list[str] | None, counts: Sequence[int], labels: Sequence[str]) -> list[str]:
    """Return the element of each atom.

    Raises:
        DataError: there are none, or labels contradict counts or symbols.
    """
    known = [_z(label) for label in labels]
    group = np.repeat(np.arange(len(counts)), counts)
    if symbols is None:
        if None in known:
            raise DataError(
                "it names no elements; write their symbols as a line above the counts, as VASP 5"
                " does"
            )
        symbols = [labels[int(np.argmax(group == i))] for i in range(len(counts))]
    try:
        stated = [read_symbol(symbol) for symbol in symbols]
    except ValueError as err:
        raise DataError(str(err)) from err
    if None not in known and any(z != stated[i] for z, i in zip(known, group, strict=True)):
        raise DataError("the elements after its coordinates do not match its counts")
    return [symbols[i] for i in group]


def _z(label: str) -> int | None:
    try:
        return read_symbol(label)
    except ValueError:
        return None


def _check_rest(rest: Sequence[str], atoms: int) -> None:
    """Refuse what is more than velocities after the coordinates.

    Raises:
        DataError: there are more coordinates than counted atoms, or a second crystal.
    """
    if rest and _three(rest[0]):
        raise DataError(f"it lists more coordinates than the sum of its counts, {atoms}")
    filled = [line for line in rest if line]
    if any(
        _NEXT.match(line)
        or (
            _begins(filled, i, (1,))
            and re.match(r"[A-Za-z]|[\d\s]+$", "".join(filled[i + 5 : i + 6]))
        )
        for i, line in enumerate(filled)
    ):
        raise DataError("it contains more than one crystal; write each to its own file")
