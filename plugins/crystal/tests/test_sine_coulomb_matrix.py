"""The spectrum, held against matminer and against a matrix of two atoms."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from atlas_core.api import DataError, Materials
from atlas_crystal.hooks import SineCoulombMatrixConfig
from atlas_crystal.sine_coulomb_matrix import SineCoulombMatrix


def random_cell(seed, sites):
    rng = np.random.default_rng(seed)
    lattice = Lattice.from_parameters(*rng.uniform(4, 9, 3), *rng.uniform(65, 115, 3))
    return Structure(lattice, rng.choice(["Li", "O", "Fe", "U"], sites), rng.random((sites, 3)))


CRYSTALS = [
    Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(3.905), ["Sr", "Ti", "O"], [[0] * 3, [0.5] * 3, [0.5, 0.5, 0]]
    ),
    Structure(Lattice.cubic(3), ["Po"], [[0, 0, 0]]),
    *[random_cell(seed, sites) for seed, sites in enumerate([2, 5, 9, 5])],
]


def spectra(structures, **options):
    ids = [f"m{i}" for i in range(len(structures))]
    return SineCoulombMatrix(SineCoulombMatrixConfig(**options)).featurize(
        Materials.from_structures(ids, structures)
    )


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # numpy.matrix in matminer
def test_eigenvalues_equal_matminers_sorted_by_magnitude():
    module = pytest.importorskip("matminer.featurizers.structure")
    theirs = module.SineCoulombMatrix(flatten=True).fit(CRYSTALS)
    ours = spectra(CRYSTALS, max_sites=9)
    assert ours.labels.tolist() == theirs.feature_labels()
    for row, structure in zip(ours.values, CRYSTALS, strict=True):
        expected = np.asarray(theirs.featurize(structure), dtype=np.float64)
        expected = expected[np.argsort(-np.abs(expected), kind="stable")]
        np.testing.assert_allclose(row, expected, rtol=1e-9, atol=1e-6)


def test_two_atoms_by_hand():
    cell = Structure(Lattice.cubic(4), ["H", "He"], [[0, 0, 0], [0.5, 0, 0]])
    off = 1 * 2 / (4 * 1.8897543773)  # sin²(π/2) = 1 along one 4 Å vector
    low, high = 0.5, 0.5 * 2**2.4
    middle, half = (low + high) / 2, (high - low) / 2
    root = np.hypot(half, off)
    np.testing.assert_allclose(
        spectra([cell], max_sites=3).values[0], [middle + root, middle - root, 0], rtol=1e-8
    )


def test_a_crystal_with_more_sites_keeps_its_largest_eigenvalues():
    wide, narrow = spectra(CRYSTALS, max_sites=9).values, spectra(CRYSTALS, max_sites=3).values
    np.testing.assert_array_equal(narrow, wide[:, :3])


def test_neither_order_of_sites_nor_origin_changes_the_spectrum():
    cell = CRYSTALS[4]
    order = np.random.default_rng(1).permutation(len(cell))
    mixed = Structure(
        cell.lattice,
        [cell.species[i] for i in order],
        cell.frac_coords[order] + np.array([0.2, 1.7, -3.1]),
    )
    one, two = spectra([cell, mixed]).values
    np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-9)


def test_a_crystal_alone_gives_the_bytes_it_gives_in_a_batch():
    many = CRYSTALS * 40
    together = spectra(many).values
    for i in (0, 1, 5, 100, 239):
        assert spectra([many[i]]).values[0].tobytes() == together[i].tobytes()


def test_atoms_at_one_place_give_a_row_of_nan_and_a_reason():
    bad = Structure(Lattice.cubic(4), ["H", "He"], [[0, 0, 0], [0, 0, 0]])
    ours = spectra([CRYSTALS[0], bad])
    assert ours.failures == (("m1", "two atoms are at the same position"),)
    assert np.isnan(ours.values[1]).all()
    assert np.isfinite(ours.values[0]).all()


def test_formulas_are_refused():
    with pytest.raises(DataError, match="needs crystal structures"):
        SineCoulombMatrix(SineCoulombMatrixConfig()).featurize(
            Materials.from_formulas(["a"], ["NaCl"])
        )
