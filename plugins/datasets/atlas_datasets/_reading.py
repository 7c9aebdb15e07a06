"""Turn cells of a user's file into ids, targets and crystals, naming the row that is wrong."""

from __future__ import annotations

import ast
import json
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pymatgen.core import DummySpecies, Structure
from pymatgen.io.vasp.inputs import BadPoscarWarning

from atlas_core.api import F8, DataError, Materials, Task

_TRUE = ("true", "yes", "1", "1.0")
_FALSE = ("false", "no", "0", "0.0")


def where(source: str, row: int, material_id: str | None = None) -> str:
    """Return the place in words; ``row`` counts from 0, people count from 1."""
    return f"{source}: row {row + 1}" + ("" if material_id is None else f", id {material_id}")


def check_ids(source: str, ids: Sequence[str]) -> None:
    """Refuse empty and repeated ids.

    Raises:
        DataError: names both rows.
    """
    first: dict[str, int] = {}
    for row, material_id in enumerate(ids):
        if not material_id.strip():
            raise DataError(f"{where(source, row)}: the id is empty")
        if material_id in first:
            raise DataError(
                f"{where(source, row, material_id)}: duplicate id, also in row"
                f" {first[material_id] + 1}; ids must be distinct"
            )
        first[material_id] = row


def targets(
    source: str, ids: Sequence[str], values: Sequence[Any], *, column: str, task: Task
) -> F8:
    """Return (n,) targets as numbers, 0 or 1 when ``task`` is ``binary``.

    Raises:
        DataError: a value is empty, text, NaN, infinite, or no truth value when binary.
    """
    out = np.empty(len(ids))
    for row, (material_id, value) in enumerate(zip(ids, values, strict=True)):
        place = f"{where(source, row, material_id)}: target {column!r}"
        text = "" if value is None else str(value).strip()
        if not text:
            raise DataError(f"{place} is empty")
        if task == "binary":
            if text.lower() not in _TRUE + _FALSE:
                raise DataError(f"{place} is {text!r}; expected true/false, yes/no or 1/0")
            out[row] = text.lower() in _TRUE
            continue
        if isinstance(value, bool):
            raise DataError(f"{place} is {text!r}, not a number; a yes/no target is task: binary")
        try:
            out[row] = number(text)
        except ValueError:
            raise DataError(f"{place} is {text!r}, not a number") from None
        if not math.isfinite(out[row]):
            raise DataError(f"{place} is {text}; remove the row or mend it")
    return out


def number(text: str) -> float:
    """Return the number that ``text`` says, in plain digits.

    Python would also take ``5_000`` and digits of other scripts, where a file more likely holds a
    slip or a code.

    Raises:
        ValueError: it is no such number.
    """
    if "_" in text or not text.isascii():
        raise ValueError(f"not a number: {text!r}")
    return float(text)


def crystal(value: Any, place: str) -> Structure:
    """Return an ordered crystal from a pymatgen dict, or from CIF, POSCAR or dict text.

    Of a dict only the lattice, the elements and the coordinates are read: pymatgen's own reader
    would import any module that a dict inside it names.

    Raises:
        DataError: it does not parse or is disordered; begins with ``place``.
    """
    form = "pymatgen dict"
    try:
        if isinstance(value, Mapping):
            structure = _from_dict(value)
        elif not isinstance(value, str) or not value.strip():
            raise ValueError("the cell is empty" if not value else f"it is {type(value).__name__}")
        elif value.lstrip().startswith("{"):
            structure = _from_dict(_dict(value))
        elif "_cell_length_a" in value:
            form = "CIF"
            structure = Structure.from_str(value, fmt="cif")
        else:
            form = "POSCAR"
            with warnings.catch_warnings():
                # without element names pymatgen would make hydrogen, helium, ... up
                warnings.simplefilter("error", BadPoscarWarning)
                structure = Structure.from_str(value, fmt="poscar")
    except DataError as err:  # of a dict; what stands before the colon is the made-up id
        raise DataError(f"{place}: {str(err).partition(': ')[2]}") from err
    except Exception as err:  # parsers raise anything; the row must be named
        first = str(err).strip().split("\n")[0] or type(err).__name__
        raise DataError(f"{place}: the structure cannot be read as {form} ({first})") from err
    if not structure.is_ordered:
        raise DataError(f"{place}: site occupancy is disordered; order the structure first")
    for site in structure:
        if isinstance(site.specie, DummySpecies):
            raise DataError(f"{place}: unknown element {site.specie.symbol!r}")
    return structure


def _from_dict(value: Mapping[str, Any]) -> Structure:
    return Materials.from_dicts(["0"], [value]).structure(0)


def _dict(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = ast.literal_eval(text)  # Python's own notation, as pandas writes a dict to CSV
    return dict(found)
