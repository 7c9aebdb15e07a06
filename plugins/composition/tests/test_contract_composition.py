"""Every component of this family keeps the promises of its kind."""

from atlas_core.testing import parametrize_contract


@parametrize_contract("magpie", "featurizer")
def test_magpie(check):
    check()


@parametrize_contract("element_fractions", "featurizer")
def test_element_fractions(check):
    check()


@parametrize_contract("stoichiometry", "featurizer")
def test_stoichiometry(check):
    check()


@parametrize_contract("valence_orbitals", "featurizer")
def test_valence_orbitals(check):
    check()


@parametrize_contract("ion_properties", "featurizer")
def test_ion_properties(check):
    check()
