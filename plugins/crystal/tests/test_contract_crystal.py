"""Every component of this family keeps the promises of its kind."""

from atlas_core.testing import parametrize_contract


@parametrize_contract("crystal_graph", "featurizer")
def test_crystal_graph(check):
    check()


@parametrize_contract("sine_coulomb_matrix", "featurizer")
def test_sine_coulomb_matrix(check):
    check()


@parametrize_contract("matminer", "featurizer")
def test_matminer(check):
    check()


@parametrize_contract("density_features", "featurizer")
def test_density_features(check):
    check()


@parametrize_contract("radial_distribution", "featurizer")
def test_radial_distribution(check):
    check()


@parametrize_contract("neighbour_statistics", "featurizer")
def test_neighbour_statistics(check):
    check()
