"""Nearest neighbors, held against matminer and counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from atlas_core.api import DataError, Materials
from atlas_crystal.hooks import NeighborStatisticsConfig
from atlas_crystal.neighbor_statistics import NeighborStatistics

PEROVSKITE = Structure.from_spacegroup(
    "Pm-3m", Lattice.cubic(3.9), ["Sr", "Ti", "O"], [[0] * 3, [0.5] * 3, [0.5, 0.5, 0]]
)


def random_cell(seed, sites):
    rng = np.random.default_rng(seed)
    lattice = Lattice.from_parameters(*rng.uniform(3, 8, 3), *rng.uniform(60, 120, 3))
    return Structure(lattice, ["Fe"] * sites, rng.random((sites, 3)))


def features(structures, **options):
    ids = [f"m{i}" for i in range(len(structures))]
    config = NeighborStatisticsConfig(**options)
    return NeighborStatistics(config).featurize(Materials.from_structures(ids, structures))


@pytest.mark.parametrize("tolerance", [0.1, 0.35])
def test_coordination_equals_matminers_by_minimum_distance(tolerance):
    module = pytest.importorskip("matminer.featurizers.structure")
    site = pytest.importorskip("matminer.featurizers.site")
    theirs = module.SiteStatsFingerprint(
        site.CoordinationNumber.from_preset("MinimumDistanceNN", tol=tolerance),
        stats=("mean", "std_dev", "minimum", "maximum"),
    )
    cells = [random_cell(seed, sites) for seed, sites in enumerate([1, 2, 5, 16])]
    ours = features([*cells, PEROVSKITE], tolerance=tolerance)
    assert ours.labels[4:].tolist() == theirs.feature_labels()
    expected = [theirs.featurize(cell) for cell in [*cells, PEROVSKITE]]
    np.testing.assert_allclose(ours.values[:, 4:], expected, rtol=1e-12)


def test_a_perovskite_by_hand():
    row = features([PEROVSKITE]).values[0]
    near = np.array([3.9 / np.sqrt(2), 1.95, 1.95, 1.95, 1.95])  # Sr-O, Ti-O, three O-Ti
    number = np.array([12, 6, 2, 2, 2])
    expected = [f(x) for x in (near, number) for f in (np.mean, np.std, np.min, np.max)]
    np.testing.assert_allclose(row, expected, rtol=1e-12, atol=1e-12)


def test_a_sparse_crystal_has_neighbors_too():
    gas = Structure(Lattice.orthorhombic(3, 40, 40), ["Xe"], [[0, 0, 0]])
    np.testing.assert_allclose(features([gas]).values[0], [3, 0, 3, 3, 2, 0, 2, 2])
    lone = Structure(Lattice.orthorhombic(3, 40, 40), ["Xe"] * 2, [[0, 0, 0], [0.01, 0, 0]])
    assert features([lone]).values[0, 4] == 1


def test_formulas_are_refused():
    with pytest.raises(DataError, match="needs crystal structures"):
        NeighborStatistics(NeighborStatisticsConfig()).featurize(
            Materials.from_formulas(["a"], ["NaCl"])
        )


def test_no_crystals_give_no_rows():
    assert features([]).values.shape == (0, 8)
