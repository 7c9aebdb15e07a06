"""Read the sites that a data block of CIF lists, and whether they are whole. Light."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8
from atlas_core.errors import DataError
from atlas_reading.cif import Block, Value, number
from atlas_reading.stated import Stated
from atlas_reading.symbols import isotope_flags, read_label, read_symbol

_COPIES = ("_atom_site_site_symmetry_multiplicity", "_atom_site_symmetry_multiplicity")


@dataclass(frozen=True, eq=False)
class Sites:
    """The listed sites.

    Attributes:
        labels: of each.
        numbers: (m,) atomic numbers.
        isotopes: ``D`` or ``T``, "" for others.
        frac: (m, 3) coordinates as they are written.
        step: (m, 3) of the last digit of each.
        copies: (m,) multiplicity that the file states; 0 where it states none.
        flags: what is odd about them.
    """

    labels: list[str]
    numbers: npt.NDArray[np.int16]
    isotopes: list[str]
    frac: F8
    step: F8
    copies: I8
    flags: tuple[str, ...]


def read_sites(block: Block, stated: Stated) -> Sites:
    """Return the sites of a data block.

    Raises:
        DataError: an element is unknown or ambiguous, a coordinate no number, a site not whole.
    """
    axes = [block.column(f"_atom_site_fract_{axis}") for axis in "xyz"]
    if any(axis is None for axis in axes):
        raise DataError(
            "its atoms have no fractional coordinates (_atom_site_fract_x, _y and _z); those of"
            " _atom_site_Cartn_ depend on the orientation of the axes"
        )
    rows = len(axes[0] or ())
    if not rows:
        raise DataError("its list of atoms is empty")
    if any(len(axis or ()) != rows for axis in axes):
        raise DataError("_atom_site_fract_x, _y and _z are in different loops")
    labels = _labels(block, rows)
    numbers, isotopes = _elements(block, labels, stated)
    _check_whole(block, labels)
    frac, decimals = np.zeros((rows, 3)), np.zeros((rows, 3), dtype=np.int64)
    for k, axis in enumerate(axes):
        for i, text in enumerate(axis or ()):
            try:
                frac[i, k], decimals[i, k] = number(text)
            except ValueError:
                raise DataError(
                    f"{labels[i]}: coordinate {'xyz'[k]} is {str(text)!r}, not a number"
                ) from None
    far = np.flatnonzero(~(np.abs(frac) < 1000).all(axis=1))
    if far.size:
        raise DataError(f"{labels[far[0]]}: its coordinates are not fractional")
    # 0, 0.5 or 0.25 are written short in a file of many digits: they have lost zeros only
    finest = int(decimals.max())
    digits = np.where(decimals <= 1, max(finest, 2), np.maximum(decimals, 2))
    flags = isotope_flags(isotopes)
    if _unknown_occupancy(block):
        flags += ("an occupancy is unknown (?): read as 1",)
    return Sites(labels, numbers, isotopes, frac, 10.0**-digits, _copies(block, rows), flags)


def _copies(block: Block, rows: int) -> I8:
    column = block.column(*_COPIES) or []
    copies = [int(text) if re.fullmatch(r"[0-9]{1,3}", text) else 0 for text in column]
    return np.array(copies if len(copies) == rows else [0] * rows, dtype=np.int64)


def _column(block: Block, tag: str, rows: int) -> list[Value] | None:
    """Return a column of the sites, None where it is not there.

    Raises:
        DataError: it is in another loop.
    """
    column = block.column(f"_atom_site_{tag}")
    if column is not None and len(column) not in (0, rows):
        raise DataError(f"_atom_site_{tag} is in another loop than the coordinates")
    return column


def _labels(block: Block, rows: int) -> list[str]:
    named = [_column(block, tag, rows) for tag in ("label", "type_symbol")]
    labels = named[0] or named[1]
    if not labels:
        raise DataError("its atoms have neither _atom_site_type_symbol nor _atom_site_label")
    return [str(label) for label in labels]


def _elements(
    block: Block, labels: Sequence[str], stated: Stated
) -> tuple[npt.NDArray[np.int16], list[str]]:
    """Return (m,) atomic numbers and the symbols of isotopes, from symbols, else from labels."""
    types = block.column("_atom_site_type_symbol")
    own_labels = block.column("_atom_site_label")
    known = stated.elements
    numbers, isotopes, bad = [], [], []
    for i, label in enumerate(labels):
        symbol = None if types is None or types[i].missing else types[i]
        source = symbol if symbol is not None else Value(label)
        try:
            if symbol is not None:
                z = read_symbol(symbol, known)
            elif own_labels is None or own_labels[i].missing:
                raise ValueError("it has neither a type symbol nor a label")
            else:
                z = read_label(label, known)
        except ValueError as err:
            bad.append(f"{label}: {err}" if symbol is not None else f"label: {err}")
            continue
        numbers.append(z)
        isotopes.append(source[0] if z == 1 and source[:1] in ("D", "T") else "")
    if bad:
        more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
        where = "" if types is not None else "; add the elements as _atom_site_type_symbol"
        raise DataError(f"{'; '.join(dict.fromkeys(bad[:3]))}{more}{where}")
    return np.array(numbers, dtype=np.int16), isotopes


def _unknown_occupancy(block: Block) -> bool:
    column = block.column("_atom_site_occupancy")
    return column is not None and any(v == "?" and not v.quoted for v in column)


def _check_whole(block: Block, labels: Sequence[str]) -> None:
    """Refuse sites that are partly there, alternatives, dummies, or lack their hydrogens.

    Raises:
        DataError: the crystal is disordered or incomplete.
    """

    def of(tag: str) -> list[Value]:
        return _column(block, tag, len(labels)) or []

    for label, text in zip(labels, of("occupancy"), strict=False):
        if text.missing:  # "." is 1 by the dictionary of CIF
            continue
        try:
            share, _ = number(text)
        except ValueError as err:
            raise DataError(f"{label}: occupancy {err}") from err
        if share > 1.0 + 1e-6:
            raise DataError(f"{label}: occupancy {text} is more than 1")
        if share <= 0.0:
            raise DataError(f"{label}: occupancy {text}; remove an empty site")
        if share < 1.0 - 1e-6:
            raise DataError(
                f"site occupancy is disordered ({label}: {text}); order the structure first"
            )
    groups = {str(text) for text in of("disorder_group") if not text.missing}
    if len(groups) > 1 or any(group.startswith("-") for group in groups):
        named = ", ".join(sorted(groups))
        raise DataError(
            f"the sites are disordered over alternatives (disorder groups {named}); keep one of"
            " them and order the structure first"
        )
    for label, text in zip(labels, of("calc_flag"), strict=False):
        if text.lower() == "dum":
            raise DataError(f"{label}: a dummy site (_atom_site_calc_flag dum); remove it")
    for label, text in zip(labels, of("attached_hydrogens"), strict=False):
        if not text.missing and text.strip() != "0":
            raise DataError(
                f"{label}: {text} hydrogens are attached to it but not listed: the crystal is"
                " incomplete"
            )
