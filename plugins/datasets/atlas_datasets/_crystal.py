"""Read a crystal from text or a dict with pymatgen, which takes a second to import."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Mapping
from typing import Any

from pymatgen.core import DummySpecies, Structure
from pymatgen.io.vasp.inputs import BadPoscarWarning

from atlas_core.api import DataError, Materials


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
