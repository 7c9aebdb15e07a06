"""Describe materials by numbers in which a split can measure distance. Light: numpy only."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, cast

import numpy as np

from atlas_chemistry import element_statistics
from atlas_core.api import F8, DataError, Materials

Representation = Literal["fractions", "statistics", "structure"]
SHELLS = (1, 2, 4, 6, 8, 12)
"""Neighbors whose distances describe a crystal."""
REACH = 2.5
"""Farthest neighbor looked at, in units of the edge of an atom's share of the volume."""
HELP = (
    "`fractions` of elements; `statistics` of their properties (electronegativity, radius, place"
    " in the periodic table; and the volume per atom if known); or the `structure`: distances to"
    " neighbors in units of the volume, regardless of the elements."
)


def requires_of(representation: Representation) -> set[str]:
    """Return the capability that a representation needs."""
    return {"inputs:structure" if representation == "structure" else "inputs:composition"}


def describe(materials: Materials, representation: Representation) -> F8:
    """Return (n, d) descriptions; columns of unlike units are in units of their spread.

    Raises:
        DataError: structures are needed and not there.
    """
    if representation == "fractions":
        return materials.element_fractions()
    table = (element_statistics if representation == "statistics" else shells)(materials)
    spread = table.std(axis=0)
    return np.asarray((table - table.mean(axis=0)) / np.where(spread > 1e-12, spread, 1.0))


def shells(materials: Materials) -> F8:
    """Return (n, 12) mean and spread over sites of the distances to the 1st, 2nd, ... neighbor.

    In units of the cube root of the volume per atom, so neither a supercell nor a larger lattice
    changes a number.

    Raises:
        DataError: only compositions are known.
    """
    if materials.frac is None or materials.lattice is None:
        raise DataError("representation structure: the data set has no structures")
    out = np.empty((len(materials), 2 * len(SHELLS)))
    for i, (start, end) in enumerate(pairwise(materials.offsets.tolist())):
        lattice, frac = materials.lattice[i], materials.frac[start:end]
        edge = float(np.cbrt(abs(np.linalg.det(lattice)) / (end - start)))
        found = _neighbors(lattice / edge, frac)[:, [k - 1 for k in SHELLS]]
        out[i] = np.concatenate([found.mean(axis=0), found.std(axis=0)])
    return out


def _neighbors(lattice: F8, frac: F8) -> F8:
    """Return (m, 12) distances to the nearest neighbors of each site; ``REACH`` where none is."""
    heights = 1.0 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    steps = [np.arange(-k, k + 1) for k in np.ceil(REACH / heights).astype(int) + 1]
    images = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = frac - np.floor(frac)
    most = max(SHELLS)
    found = np.empty((len(frac), most))
    for site, place in enumerate(inside):
        moves = (inside - place)[None] + images[:, None]
        distance = np.linalg.norm(moves.reshape(-1, 3) @ lattice, axis=1)
        near = np.sort(distance[(distance > 1e-6) & (distance < REACH)])[:most]
        found[site] = np.concatenate([near, np.full(most - len(near), REACH)])
    return cast(F8, found)
