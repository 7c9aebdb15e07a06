"""Every component of the family through its kind's contract."""

from atlas_core.testing import parametrize_contract


@parametrize_contract("split_conformal", "calibrator")
def test_contract_of_split_conformal(check):
    check()


@parametrize_contract("variance_scaling", "calibrator")
def test_contract_of_variance_scaling(check):
    check()


@parametrize_contract("isotonic", "calibrator")
def test_contract_of_isotonic(check):
    check()


@parametrize_contract("none", "calibrator")
def test_contract_of_none(check):
    check()
