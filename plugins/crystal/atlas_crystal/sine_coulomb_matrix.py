"""Sine Coulomb matrix: sorted eigenvalues, padded with zeros (Faber et al. 2015)."""

from __future__ import annotations

import numpy as np

from atlas_core.api import F8, I8, DataError, Materials, Vectors
from atlas_crystal.hooks import SineCoulombMatrixConfig

BOHR_PER_ANGSTROM = 1.00001495 / 0.529177210544
"""CODATA 2022; the numerator is the "Angstrom star" that matminer takes, 15 ppm above 1."""
BLOCK = 250_000
"""Matrix elements at a time."""


def sine_coulomb(numbers: F8, frac: F8, lattice: F8) -> F8:
    """Return (b, s, s) matrices of b crystals with s sites (Faber et al. 2015, eq. 24).

    Args:
        numbers: (b, s) atomic numbers.
        frac: (b, s, 3) fractional coordinates.
        lattice: (b, 3, 3) rows are lattice vectors in Å.
    """
    wave = np.sin(np.pi * (frac[:, :, None, :] - frac[:, None, :, :])) ** 2
    # three terms instead of a matrix product: a row must not depend on the size of its block
    vectors = wave[..., 0, None] * lattice[:, None, None, 0, :]
    vectors += wave[..., 1, None] * lattice[:, None, None, 1, :]
    vectors += wave[..., 2, None] * lattice[:, None, None, 2, :]
    distance = np.sqrt((vectors**2).sum(axis=-1)) * BOHR_PER_ANGSTROM
    diagonal = np.arange(numbers.shape[1])
    distance[:, diagonal, diagonal] = 1.0
    with np.errstate(divide="ignore"):  # two atoms at one place: reported by the caller
        matrix = numbers[:, :, None] * numbers[:, None, :] / distance
    matrix[:, diagonal, diagonal] = 0.5 * numbers**2.4
    return np.asarray(matrix, dtype=np.float64)


class SineCoulombMatrix:
    """Turn crystals into the spectrum of their sine Coulomb matrix."""

    def __init__(self, config: SineCoulombMatrixConfig) -> None:
        self.config = config

    def featurize(self, materials: Materials) -> Vectors:
        """Return (n, max_sites) eigenvalues in atomic units.

        The spectrum depends on the cell that describes the crystal: a supercell has more values. A
        crystal with two atoms at one place gets a row of NaN and stands in ``failures``.

        Raises:
            DataError: only compositions are known.
        """
        if materials.frac is None or materials.lattice is None:
            raise DataError("sine_coulomb_matrix: needs crystal structures, not formulas")
        width = self.config.max_sites
        values = np.zeros((len(materials), width))
        failed: list[int] = []
        counts = materials.counts
        for sites in np.unique(counts):
            same = np.flatnonzero(counts == sites)
            for part in np.array_split(same, max(1, len(same) * sites**2 // BLOCK)):
                rows = materials.offsets[part][:, None] + np.arange(sites)
                matrices = sine_coulomb(
                    materials.numbers[rows].astype(np.float64),
                    materials.frac[rows],
                    materials.lattice[part],
                )
                usable = np.isfinite(matrices).all(axis=(1, 2))
                failed.extend(part[~usable].tolist())
                values[part[~usable]] = np.nan
                spectrum: F8 = np.linalg.eigvalsh(matrices[usable]).astype(np.float64)
                spectrum = _by_magnitude(spectrum)
                kept = min(width, int(sites))
                values[part[usable], :kept] = spectrum[:, :kept]
        labels = np.asarray([f"sine coulomb matrix eig {i}" for i in range(width)])
        reason = "two atoms are at the same position"
        failures = tuple((str(materials.ids[i]), reason) for i in sorted(failed))
        return Vectors(values, labels, failures)


def _by_magnitude(spectrum: F8) -> F8:
    """Return (b, s) eigenvalues sorted by magnitude, largest first; a positive one before."""
    order: I8 = np.lexsort((-spectrum, -np.abs(spectrum)), axis=-1)
    return np.take_along_axis(spectrum, order, axis=-1)
