"""Read the crystals of a user's file, and tell what is odd about them. numpy only."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from atlas_core.api import (
    Crystal,
    DataError,
    Materials,
    check_geometry,
    one_crystal,
    read_crystals,
)
from atlas_datasets._reading import where

NAMED = 5
"""Ids that a line about odd crystals names."""


def crystal(
    value: str | bytes | Mapping[str, Any] | Path,
    place: str,
    *,
    form: Literal["cif"] | None = None,
) -> Crystal:
    """Return the one crystal of a pymatgen dict, or of CIF, POSCAR or dict text.

    Raises:
        DataError: it does not parse, is disordered, impossible or one of several; begins with
            ``place``.
    """
    try:
        return one_crystal(read_crystals(value, form=form))
    except DataError as err:
        raise DataError(f"{place}: {err}") from err


def tell_of_flags(source: str, ids: Sequence[str], crystals: Sequence[Crystal]) -> None:
    """Warn of each kind of oddity once, with the number and the ids of the crystals."""
    found: dict[str, list[str]] = {}
    for material_id, one in zip(ids, crystals, strict=True):
        for kind in (*one.flags, *one.notes):
            found.setdefault(kind, []).append(material_id)
    _warn(source, found)


def check(source: str, materials: Materials) -> None:
    """Refuse crystals that cannot be, and warn of odd ones.

    Raises:
        DataError: names the first crystal that cannot be.
    """
    found: dict[str, list[str]] = {}
    for row, severity, words in check_geometry(materials):
        material_id = str(materials.ids[row])
        if severity == "refuse":
            raise DataError(f"{where(source, row, material_id)}: {words}")
        found.setdefault(words, []).append(material_id)
    _warn(source, found)


def _warn(source: str, found: Mapping[str, Sequence[str]]) -> None:
    for kind, ids in found.items():
        more = ", ..." if len(ids) > NAMED else ""
        warnings.warn(
            f"{source}: {len(ids)} crystal{'s' if len(ids) > 1 else ''}: {kind}:"
            f" {', '.join(ids[:NAMED])}{more}",
            stacklevel=3,
        )
