"""Nearest-neighbor distance and coordination number: statistics over the sites."""

from __future__ import annotations

import numpy as np
from pymatgen.optimization.neighbors import find_points_in_spheres

from atlas_core.api import F8, DataError, Materials, Vectors
from atlas_crystal.hooks import NeighborStatisticsConfig

STATISTICS = ("mean", "std_dev", "minimum", "maximum")
EXPECTED = 6
"""Atoms expected in the first search sphere."""
GROWTH = 1.4
PERIODIC = np.ones(3, dtype=np.int64)


def nearest(cart: F8, lattice: F8, tolerance: float) -> tuple[F8, F8]:
    """Return (s,) distances in Å of each site's nearest atom, and (s,) coordination numbers."""
    sites = len(cart)
    volume = abs(float(np.linalg.det(lattice))) / sites
    radius = float(np.cbrt(3 * EXPECTED * volume / (4 * np.pi)))
    while True:
        src, dst, image, distance = find_points_in_spheres(
            cart, cart, r=radius, pbc=PERIODIC, lattice=lattice, tol=1e-8
        )
        other = np.flatnonzero((src != dst) | image.any(axis=1))
        src, distance = src[other], distance[other]
        first = np.full(sites, np.inf)
        np.minimum.at(first, src, distance)
        needed = float(first.max()) * (1 + tolerance)
        if needed <= radius:
            near = src[distance < (1 + tolerance) * first[src]]
            return first, np.bincount(near, minlength=sites).astype(np.float64)
        radius = needed * (1 + 1e-6) if np.isfinite(needed) else radius * GROWTH


class NeighborStatistics:
    """Turn crystals into statistics of their sites' nearest neighbors."""

    def __init__(self, config: NeighborStatisticsConfig) -> None:
        self.config = config
        quantities = ("nearest neighbor distance", "CN_MinimumDistanceNN")
        self.labels = np.asarray([f"{stat} {name}" for name in quantities for stat in STATISTICS])

    def featurize(self, materials: Materials) -> Vectors:
        """Return (n, 8): mean, standard deviation, minimum and maximum over the sites.

        First of the distance of the nearest atom in Å, then of the coordination number.

        Raises:
            DataError: only compositions are known.
        """
        if materials.frac is None or materials.lattice is None:
            raise DataError("neighbor_statistics: needs crystal structures, not formulas")
        n = len(materials)
        distance, number = np.empty(len(materials.numbers)), np.empty(len(materials.numbers))
        for index in range(n):
            rows = slice(materials.offsets[index], materials.offsets[index + 1])
            lattice = materials.lattice[index]
            cart = np.ascontiguousarray(materials.frac[rows] @ lattice)
            distance[rows], number[rows] = nearest(cart, lattice, self.config.tolerance)
        values = np.zeros((n, 2, len(STATISTICS)))
        owner, first = materials.owner, materials.offsets[:-1]
        for index, quantity in enumerate((distance, number)):
            if n == 0:
                break
            mean = np.bincount(owner, weights=quantity, minlength=n) / materials.counts
            away = (quantity - mean[owner]) ** 2
            values[:, index, 0] = mean
            variance = np.bincount(owner, weights=away, minlength=n) / materials.counts
            values[:, index, 1] = np.sqrt(variance)
            values[:, index, 2] = np.minimum.reduceat(quantity, first)
            values[:, index, 3] = np.maximum.reduceat(quantity, first)
        return Vectors(values.reshape(n, len(self.labels)), self.labels)
