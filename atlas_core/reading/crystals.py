"""Read crystals from CIF, POSCAR and pymatgen dicts, or say truly why not. Light.

The one reader of ``table``, ``cif_folder``, ``matbench`` and ``screen``. A CIF file is read by
ATLAS itself (``cif``, ``symbols``, ``symmetry``); spglib and pymatgen are imported where needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, frozen, offsets_of
from atlas_core.errors import DataError
from atlas_core.materials import Materials


@dataclass(frozen=True, eq=False)
class Crystal:
    """Hold one ordered crystal of m sites.

    Attributes:
        name: of its CIF data block; "" for other forms.
        numbers: (m,) atomic numbers.
        frac: (m, 3) fractional coordinates.
        lattice: (3, 3) rows are the lattice vectors in Å.
        flags: what is odd about it although it is used, in words that crystals of one kind share.
        notes: kinds of warnings of the library that read it, counted.
    """

    name: str
    numbers: npt.NDArray[np.int16]
    frac: F8
    lattice: F8
    flags: tuple[str, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind in (("numbers", np.int16), ("frac", np.float64), ("lattice", np.float64)):
            object.__setattr__(self, name, frozen(getattr(self, name), kind))


class Oddity(NamedTuple):
    """Say that the geometry of a material is impossible, or odd.

    Attributes:
        index: of the material.
        severity: ``refuse``: no crystal is such; ``flag``: it can be real.
        words: what is odd; flags of one kind share them, a refusal names figures.
    """

    index: int
    severity: Literal["refuse", "flag"]
    words: str


def read_crystals(
    value: str | bytes | Mapping[str, Any] | Path, *, form: Literal["cif"] | None = None
) -> list[Crystal]:
    """Return the crystals of a CIF file (one per data block with atoms), a POSCAR or a dict.

    Args:
        value: text or bytes of a CIF, a POSCAR or a dict; a pymatgen dict; or a file.
        form: ``cif`` where it can be nothing else; None: found out.

    Raises:
        DataError: it is no ordered, possible crystal; the text is the reason without a place.
    """
    raise NotImplementedError


def one_crystal(crystals: Sequence[Crystal]) -> Crystal:
    """Return the only crystal, where one target belongs to one crystal.

    Raises:
        DataError: there are several.
    """
    raise NotImplementedError


def materials_of(ids: Sequence[str], crystals: Iterable[Crystal]) -> Materials:
    """Return crystals as materials."""
    found = list(crystals)
    flat = np.concatenate([c.numbers for c in found]) if found else np.zeros(0, np.int16)
    return Materials(
        ids=np.asarray(ids, dtype=np.str_),
        offsets=offsets_of([len(c.numbers) for c in found]),
        numbers=flat,
        amounts=np.ones(len(flat)),
        frac=np.concatenate([c.frac for c in found]) if found else np.zeros((0, 3)),
        lattice=np.stack([c.lattice for c in found]) if found else np.zeros((0, 3, 3)),
    )


def check_geometry(materials: Materials) -> list[Oddity]:
    """Return what is impossible or odd about cells and distances, ascending by index.

    Vectorized: about a second per 10,000 crystals of 30 atoms.
    """
    raise NotImplementedError


__all__ = [
    "Crystal",
    "DataError",
    "Oddity",
    "check_geometry",
    "materials_of",
    "one_crystal",
    "read_crystals",
]
