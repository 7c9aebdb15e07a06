"""g(r), held against matminer and against shells counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from atlas_core.api import DataError, Materials
from atlas_crystal.hooks import RadialDistributionConfig
from atlas_crystal.radial_distribution import RadialDistribution


def random_cell(seed, sites):
    rng = np.random.default_rng(seed)
    lattice = Lattice.from_parameters(*rng.uniform(3, 9, 3), *rng.uniform(50, 130, 3))
    shift = rng.integers(-2, 3, (sites, 3))  # sites in other images
    return Structure(lattice, ["Fe"] * sites, rng.random((sites, 3)) + shift)


def g(structures, **options):
    ids = [f"m{i}" for i in range(len(structures))]
    config = RadialDistributionConfig(**options)
    return RadialDistribution(config).featurize(Materials.from_structures(ids, structures))


@pytest.mark.parametrize(
    "options", [{}, {"cutoff": 7.5, "bin_size": 0.25}, {"cutoff": 2.0, "bin_size": 0.5}]
)
def test_columns_equal_matminers_an_atom(options):
    module = pytest.importorskip("matminer.featurizers.structure")
    theirs = module.RadialDistributionFunction(**options)
    cells = [random_cell(seed, sites) for seed, sites in enumerate([1, 2, 3, 11, 30])]
    ours = g(cells, **options)
    assert ours.labels.tolist() == theirs.feature_labels()
    for row, cell in zip(ours.values, cells, strict=True):
        np.testing.assert_allclose(row * len(cell), theirs.featurize(cell), rtol=1e-9)


def test_a_skewed_cell_has_the_shells_of_its_reduced_cell():
    cell = random_cell(5, 4)
    skewed = Structure(
        [[1, 0, 0], [4, 1, 0], [-3, 2, 1]] @ cell.lattice.matrix,
        cell.species,
        cell.cart_coords,
        coords_are_cartesian=True,
    )
    np.testing.assert_allclose(g([skewed]).values, g([cell]).values, rtol=1e-9)


def test_shells_of_a_simple_cubic_crystal_by_hand():
    cell = Structure(Lattice.cubic(3), ["Po"], [[0.2, 0.4, 0.6]])
    values = g([cell], cutoff=6, bin_size=0.5).values[0]
    counts = np.zeros(12)
    counts[[6, 8, 10, 11]] = [6, 12, 8, 6]  # 3, 3√2, 3√3 and 6 Å; the last bin holds the cutoff
    shell = 4 / 3 * np.pi * np.diff((np.arange(13) * 0.5) ** 3)
    np.testing.assert_allclose(values, counts / shell * 27, rtol=1e-12)


def test_far_away_the_distribution_is_even():
    values = g([random_cell(7, 12)], cutoff=20, bin_size=4).values[0]
    np.testing.assert_allclose(values[2:], 1, atol=0.05)


def test_a_cutoff_of_no_whole_number_of_bins_is_refused():
    with pytest.raises(ValueError, match=r"cutoff 5 is no whole number of bins of 0\.3"):
        RadialDistributionConfig(cutoff=5, bin_size=0.3)


def test_formulas_are_refused():
    with pytest.raises(DataError, match="needs crystal structures"):
        RadialDistribution(RadialDistributionConfig()).featurize(
            Materials.from_formulas(["a"], ["NaCl"])
        )


def test_no_crystals_give_no_rows():
    assert g([]).values.shape == (0, 200)
