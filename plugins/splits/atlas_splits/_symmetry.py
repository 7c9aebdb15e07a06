"""Space groups of crystals, by spglib."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import cast

import spglib

from atlas_core.api import F8, Materials


def space_groups(materials: Materials, tolerance: float) -> list[int]:
    """Return n international numbers of space groups; 0 where spglib finds none.

    Args:
        materials: crystals.
        tolerance: in Å.
    """
    numbers: list[int] = []
    frac, lattice = cast(F8, materials.frac), cast(F8, materials.lattice)
    with warnings.catch_warnings():
        # of every call, about how a later version will report that it found none
        warnings.filterwarnings("ignore", message="Set OLD_ERROR_HANDLING")
        for i, (start, end) in enumerate(pairwise(materials.offsets.tolist())):
            cell = (lattice[i], frac[start:end], materials.numbers[start:end])
            found = spglib.get_symmetry_dataset(cell, symprec=tolerance)
            numbers.append(0 if found is None else int(found.number))
    return numbers
