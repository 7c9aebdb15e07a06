"""Radial distribution function g(r) of a crystal, in bins of distance."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from atlas_core.api import F8, I8, DataError, Materials, Vectors
from atlas_crystal.hooks import RadialDistributionConfig

EDGE = 1e-6
"""Bins; a distance this near below an edge counts above it, whatever its rounding error."""
BLOCK = 65_536
"""Distances at a time: they stay in the processor's cache."""


def translations(lattice: F8, radius: float) -> F8:
    """Return (t, 3) lattice vectors in Å not longer than ``radius``, zero among them."""
    heights = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    a, b, c = (np.arange(-m, m + 1.0) for m in np.floor(radius / heights))
    # sums of three short lists, instead of a matrix product with every integer triple
    vectors = (a[:, None] * lattice[0])[:, None, None] + (b[:, None] * lattice[1])[:, None]
    vectors = (vectors + c[:, None] * lattice[2]).reshape(-1, 3)
    kept: F8 = vectors[np.einsum("ij,ij->i", vectors, vectors) <= radius**2]
    return kept


class RadialDistribution:
    """Turn crystals into g(r): 1 at distances where atoms are as dense as on average."""

    def __init__(self, config: RadialDistributionConfig) -> None:
        self.config = config
        self.bins = round(config.cutoff / config.bin_size)
        edges = np.linspace(0, config.cutoff, self.bins + 1)
        self.shell = 4 / 3 * np.pi * np.diff(edges**3)
        self.labels = np.asarray([f"rdf [{a:.5f} - {b:.5f}]A" for a, b in pairwise(edges)])

    def featurize(self, materials: Materials) -> Vectors:
        """Return (n, bins): neighbors an atom in each shell, by those of an even distribution.

        Raises:
            DataError: only compositions are known.
        """
        if materials.frac is None or materials.lattice is None:
            raise DataError("radial_distribution: needs crystal structures, not formulas")
        counts = np.zeros((len(materials), self.bins))
        for index in range(len(materials)):
            rows = slice(materials.offsets[index], materials.offsets[index + 1])
            counts[index] = self._counts(materials.frac[rows], materials.lattice[index])
        volume = np.abs(np.linalg.det(materials.lattice))
        counts *= (volume / materials.counts**2)[:, None]
        counts /= self.shell
        return Vectors(counts, self.labels)

    def _counts(self, frac: F8, lattice: F8) -> I8:
        """Return (bins,) numbers of ordered pairs of one crystal, images included."""
        n, cutoff = len(frac), self.config.cutoff
        i, j = np.triu_indices(n, 1)
        apart = frac[i] - frac[j]
        apart -= np.rint(apart)
        apart = apart @ lattice
        reach = float(np.sqrt((apart**2).sum(axis=1).max(initial=0.0)))
        shifts = translations(lattice, cutoff + reach + 1e-6)
        squared = (shifts**2).sum(axis=1)
        own = squared[squared > 0]  # an atom and its images: the same for each atom
        found = n * self._histogram(own)
        step = max(1, BLOCK // len(shifts))
        for start in range(0, len(apart), step):
            part = apart[start : start + step]
            # |d + t|² = |d|² + |t|² + 2 d·t
            all_ = part @ (2 * shifts.T)
            all_ += (part**2).sum(axis=1)[:, None]
            all_ += squared
            found += 2 * self._histogram(all_.ravel())
        return found

    def _histogram(self, squared: F8) -> I8:
        """Return (bins,) counts of squared distances; the last bin holds the cutoff itself."""
        near = squared[squared <= (self.config.cutoff + EDGE * self.config.bin_size) ** 2]
        np.maximum(near, 0, out=near)
        bins = np.sqrt(near, out=near)
        bins /= self.config.bin_size
        bins += EDGE
        which = np.minimum(bins.astype(np.int64), self.bins - 1)
        return np.bincount(which, minlength=self.bins).astype(np.int64)
