"""Every component of this family keeps the promises of its kind."""

from atlas_core.testing import parametrize_contract


@parametrize_contract("magpie", "featurizer")
def test_magpie(check):
    check()


@parametrize_contract("element_fractions", "featurizer")
def test_element_fractions(check):
    check()
