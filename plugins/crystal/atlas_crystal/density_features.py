"""Density, volume per atom and packing fraction of a crystal."""

from __future__ import annotations

import numpy as np
from pymatgen.core import Element

from atlas_core.api import F8, SYMBOLS, DataError, Materials, Vectors
from atlas_crystal.hooks import DensityFeaturesConfig

GRAMS_PER_DALTON = 1.66053906892e-24
"""CODATA 2022."""
CUBIC_ANGSTROM_PER_CUBIC_CENTIMETER = 1e24


class DensityFeatures:
    """Turn crystals into density, volume per atom and packing fraction."""

    def __init__(self, config: DensityFeaturesConfig) -> None:
        self.config = config
        elements = [Element(symbol) for symbol in SYMBOLS[1:]]
        self.mass: F8 = np.asarray([0.0, *(float(e.atomic_mass) for e in elements)])
        radii = [e.atomic_radius for e in elements]
        known = [np.nan if radius is None else float(radius) for radius in radii]
        self.sphere: F8 = 4 / 3 * np.pi * np.asarray([np.nan, *known]) ** 3
        self.labels = np.asarray(["density", "vpa", "packing fraction"])

    def featurize(self, materials: Materials) -> Vectors:
        """Return (n, 3): density in g/cm³, volume in Å³ an atom, volume share of atomic spheres.

        The packing fraction is NaN where an element has no atomic radius in pymatgen's table.

        Raises:
            DataError: only compositions are known.
        """
        if materials.lattice is None:
            raise DataError("density_features: needs crystal structures, not formulas")
        volume = np.abs(np.linalg.det(materials.lattice))
        owner, n = materials.owner, len(materials)
        mass = np.bincount(owner, weights=self.mass[materials.numbers], minlength=n)
        spheres = np.bincount(owner, weights=self.sphere[materials.numbers], minlength=n)
        density = mass * GRAMS_PER_DALTON * CUBIC_ANGSTROM_PER_CUBIC_CENTIMETER / volume
        values = np.column_stack([density, volume / materials.counts, spheres / volume])
        return Vectors(values, self.labels)
