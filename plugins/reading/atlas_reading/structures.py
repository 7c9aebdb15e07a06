"""Exchange crystals with pymatgen: its dicts, and its structures. Light: numpy only at import."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from atlas_core.elements import ATOMIC_NUMBER, SYMBOLS
from atlas_core.errors import DataError
from atlas_core.materials import Materials
from atlas_reading.symbols import read_symbol

if TYPE_CHECKING:
    from pymatgen.core import Structure


def materials_of_dicts(ids: Sequence[str], structures: Iterable[Mapping[str, Any]]) -> Materials:
    """Read ordered crystals in pymatgen's dict form, without making pymatgen objects.

    Raises:
        DataError: a dict is not a crystal, or disordered; the line names the id.
    """
    numbers, frac, lattice, counts = array("h"), array("d"), array("d"), array("q")
    for material_id, structure in zip(ids, structures, strict=True):
        try:
            for row in structure["lattice"]["matrix"]:
                a, b, c = row
                lattice.extend((a, b, c))
            for site in structure["sites"]:
                species = site["species"]
                if len(species) != 1 or species[0]["occu"] != 1:
                    raise DataError(
                        f"id {material_id}: site occupancy is disordered; order the structure first"
                    )
                element = species[0]["element"]
                numbers.append(ATOMIC_NUMBER.get(element) or _number(element, material_id))
                x, y, z = site["abc"]
                frac.extend((x, y, z))
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as err:
            raise DataError(
                f"id {material_id}: no pymatgen dict of a crystal ({type(err).__name__}: {err})"
            ) from err
        counts.append(len(structure["sites"]))
        if len(lattice) != 9 * len(counts):
            raise DataError(f"id {material_id}: the lattice is not 3 x 3")
    return Materials.from_sites(ids, counts, numbers=numbers, frac=frac, lattice=lattice)


def structure_of(materials: Materials, index: int) -> Structure:
    """Return material ``index`` as a pymatgen structure.

    Raises:
        DataError: only compositions are known.
    """
    from pymatgen.core import Lattice, Structure

    frac, lattice = materials.sites
    rows = slice(materials.offsets[index], materials.offsets[index + 1])
    species = [SYMBOLS[int(z)] for z in materials.numbers[rows]]
    return Structure(Lattice(lattice[index]), species, frac[rows])


def _number(text: Any, material_id: str) -> int:
    """Return the atomic number of a species such as ``Na+`` or ``D``.

    Raises:
        DataError: it is none.
    """
    try:
        return read_symbol(str(text))
    except ValueError as err:
        raise DataError(f"id {material_id}: {err}") from err
