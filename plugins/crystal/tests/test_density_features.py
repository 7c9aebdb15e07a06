"""Densities, held against matminer and a unit cell by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from atlas_core.api import DataError, Materials
from atlas_crystal.density_features import DensityFeatures
from atlas_crystal.hooks import DensityFeaturesConfig


def random_cell(seed, sites):
    rng = np.random.default_rng(seed)
    lattice = Lattice.from_parameters(*rng.uniform(4, 9, 3), *rng.uniform(65, 115, 3))
    return Structure(lattice, rng.choice(["Li", "O", "Fe", "U"], sites), rng.random((sites, 3)))


def features(structures):
    ids = [f"m{i}" for i in range(len(structures))]
    config = DensityFeaturesConfig()
    return DensityFeatures(config).featurize(Materials.from_structures(ids, structures))


def test_columns_equal_matminers():
    module = pytest.importorskip("matminer.featurizers.structure")
    theirs = module.DensityFeatures()
    cells = [random_cell(seed, sites) for seed, sites in enumerate([1, 2, 7, 20])]
    ours = features(cells)
    assert ours.labels.tolist() == theirs.feature_labels()
    np.testing.assert_allclose(ours.values, [theirs.featurize(cell) for cell in cells], rtol=1e-9)


def test_iron_by_hand():
    iron = Structure(Lattice.cubic(2.87), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    volume = 2.87**3
    expected = [2 * 55.845 / 0.602214076 / volume, volume / 2, 2 * 4 / 3 * np.pi * 1.4**3 / volume]
    np.testing.assert_allclose(features([iron]).values[0], expected, rtol=1e-8)


def test_only_the_packing_fraction_is_unknown_without_a_radius():
    xenon = Structure(Lattice.cubic(6), ["Xe"], [[0, 0, 0]])
    row = features([xenon]).values[0]
    assert np.isnan(row[2])
    np.testing.assert_allclose(row[1], 216)


def test_a_left_handed_cell_has_a_positive_volume():
    cell = Structure([[0, 3, 0], [3, 0, 0], [0, 0, 3]], ["Fe"], [[0, 0, 0]])
    assert (features([cell]).values > 0).all()


def test_formulas_are_refused():
    with pytest.raises(DataError, match="needs crystal structures"):
        DensityFeatures(DensityFeaturesConfig()).featurize(Materials.from_formulas(["a"], ["NaCl"]))


def test_no_crystals_give_no_rows():
    assert features([]).values.shape == (0, 3)
