"""Read crystals from CIF, POSCAR and pymatgen dicts, or say exactly why not. Light.

The one reader of ``table``, ``cif_folder``, ``matbench`` and ``screen``. A CIF file is read by
ATLAS itself (``cif_crystal``), and so is a POSCAR (``poscar``); spglib is imported where a file
needs it.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from atlas_core.errors import DataError
from atlas_core.materials import Materials
from atlas_reading.cif import LIKE_CIF, Block, read_blocks
from atlas_reading.cif_crystal import Crystal, crystal_of
from atlas_reading.geometry import Oddity, check_geometry
from atlas_reading.poscar import is_poscar, read_poscar
from atlas_reading.structures import materials_of_dicts
from atlas_reading.symbols import isotope_flags

__all__ = ["Crystal", "Oddity", "check_geometry", "materials_of", "one_crystal", "read_crystals"]


def read_crystals(
    value: str | bytes | Mapping[str, Any] | Path | Block,
    *,
    form: Literal["cif"] | None = None,
    checked: bool = True,
) -> list[Crystal]:
    """Return the crystals of a CIF file (one per data block with atoms), a POSCAR or a dict.

    Of a dict only the lattice, the elements and the coordinates are read: pymatgen's own reader
    would import any module that a dict inside it names.

    Args:
        value: text or bytes of a CIF, a POSCAR or a dict; a pymatgen dict; a file; or one of
            ``cif_blocks``.
        form: ``cif`` where it can be nothing else; None: detected.
        checked: whether distances are checked, too.

    Raises:
        DataError: it is not an ordered, possible crystal; the text is the reason without a place.
    """
    found = _parsed(value, form)
    if not checked:
        return found
    several = len(found) > 1
    return [_checked(one, f"data block {one.name!r}: " if several else "") for one in found]


def _parsed(
    value: str | bytes | Mapping[str, Any] | Path | Block, form: Literal["cif"] | None
) -> list[Crystal]:
    """Return the crystals, without checks of their geometry."""
    what = "file" if isinstance(value, (Path, bytes)) else "structure"
    if isinstance(value, Block):
        return [crystal_of(value)]
    if isinstance(value, Path):
        value = _content(value)
    if isinstance(value, bytes):
        value = _text(value)
    if isinstance(value, Mapping):
        return [_from_dict(value)]
    if not isinstance(value, str):
        raise DataError(
            "the structure is empty"
            if value is None
            else f"the structure is {type(value).__name__}, no text or dict"
        )
    value = value.removeprefix("\ufeff")
    if not value.strip():
        raise DataError(f"the {what} is empty")
    if value.lstrip().startswith(("Full Formula (", "Structure Summary")):
        raise DataError(
            "this is what Python prints of a structure (str or repr), not the structure; write"
            " structure.to(fmt='cif') or json.dumps(structure.as_dict())"
        )
    if form is None and value.lstrip().startswith("{"):
        return [_from_dict(_dict(value))]
    if form == "cif" or (LIKE_CIF.search(value) and not is_poscar(value)):
        return _from_cif(value)
    return [_from_poscar(value)]


def one_crystal(crystals: Sequence[Crystal]) -> Crystal:
    """Return the only crystal, where one target belongs to one crystal.

    Raises:
        DataError: there are several.
    """
    if len(crystals) == 1:
        return crystals[0]
    names = ", ".join(repr(one.name) for one in crystals[:5])
    more = ", ..." if len(crystals) > 5 else ""
    raise DataError(
        f"it contains {len(crystals)} crystals (data blocks {names}{more}), but a target belongs to"
        " one; write each data block to its own file, with its own id"
    )


def materials_of(ids: Sequence[str], crystals: Iterable[Crystal]) -> Materials:
    """Return crystals as materials."""
    found = list(crystals)
    return Materials.from_sites(
        ids,
        [len(one.numbers) for one in found],
        numbers=np.concatenate([one.numbers for one in found] or [np.zeros(0, np.int16)]),
        frac=np.concatenate([one.frac for one in found] or [np.zeros((0, 3))]),
        lattice=np.array([one.lattice for one in found]),
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as err:  # the latter for a name with a null character
        reason = err.strerror if isinstance(err, OSError) else err
        raise DataError(f"cannot be read ({reason})") from err


def _text(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError("not UTF-8 text but UTF-16; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        raise DataError(
            f"not UTF-8 text (line {line}); save it as UTF-8, or remove the accents"
        ) from err


def _from_cif(text: str) -> list[Crystal]:
    blocks = read_blocks(text)
    if not blocks:
        raise DataError("not a CIF: it has no data_ line")
    atoms = [block for block in blocks if block.has_atoms]
    if not atoms:
        cell = any("_cell_length_a" in block.columns for block in blocks)
        what = "it states no cell and lists no atoms" if not cell else "it lists no atoms"
        raise DataError(f"no crystal in this CIF: {what} (_atom_site_fract_x, ...)")
    found = []
    for block in atoms:
        try:
            found.append(crystal_of(block))
        except DataError as err:
            place = f"data block {block.name!r}: " if len(atoms) > 1 else ""
            raise DataError(f"{place}{err}") from err
    return found


def cif_blocks(path: Path) -> list[tuple[str, Block]]:
    """Return a file's data blocks with atoms and their names; a repeated one is numbered.

    Raises:
        DataError: it is not a CIF.
    """
    names: Counter[str] = Counter()
    found = []
    for block in read_blocks(_text(_content(path))):
        if block.has_atoms:
            names[block.name] += 1
            again = names[block.name]
            found.append((block.name if again == 1 else f"{block.name}_{again}", block))
    return found


def _checked(crystal: Crystal, place: str) -> Crystal:
    """Return the crystal with what is odd about its geometry; ``place`` names it in an error.

    Raises:
        DataError: no crystal has this geometry.
    """
    found = check_geometry(materials_of(["0"], [crystal]))
    refused = [one.words for one in found if one.severity == "refuse"]
    if refused:
        raise DataError(f"{place}{'; '.join(refused)}")
    flags = tuple(dict.fromkeys([*crystal.flags, *(one.words for one in found)]))
    return replace(crystal, flags=flags)


def _from_dict(value: Mapping[str, Any]) -> Crystal:
    """Return the crystal of a pymatgen dict.

    Raises:
        DataError: it is not an ordered crystal.
    """
    if missing := [key for key in ("lattice", "sites") if key not in value]:
        raise DataError(
            f"no pymatgen dict of a crystal: it lacks {' and '.join(missing)}; write it with"
            " pymatgen's Structure.as_dict()"
        )
    try:
        made = materials_of_dicts(["0"], [value])
    except DataError as err:  # what comes before the colon is the made-up id
        raise DataError(str(err).partition(": ")[2] or str(err)) from err
    frac, lattice = made.sites
    flags = isotope_flags(str(site["species"][0]["element"]) for site in value["sites"])
    return Crystal("", made.numbers, frac, lattice[0], flags)


def _dict(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        try:
            found = ast.literal_eval(text)  # Python's own notation, as pandas writes a dict
        except (ValueError, SyntaxError, MemoryError, RecursionError) as err:
            reason = str(err).strip().split("\n")[0] or type(err).__name__
            raise DataError(f"the structure cannot be read as a pymatgen dict ({reason})") from err
    except RecursionError as err:
        raise DataError("the structure cannot be read as a pymatgen dict (too deep)") from err
    if not isinstance(found, Mapping):
        raise DataError("the structure cannot be read as a pymatgen dict (it is not one)")
    return found


def _from_poscar(text: str) -> Crystal:
    try:
        return read_poscar(text)
    except DataError as err:
        other = "" if is_poscar(text) else ", nor as CIF or dict"
        raise DataError(f"the structure cannot be read as POSCAR ({err}){other}") from err
