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


@parametrize_contract("linear", "calibrator")
def test_contract_of_linear(check):
    check()


@parametrize_contract("mondrian", "calibrator")
def test_contract_of_mondrian(check):
    check()


@parametrize_contract("cqr", "calibrator")
def test_contract_of_cqr(check):
    check()


@parametrize_contract("cross_conformal", "calibrator")
def test_contract_of_cross_conformal(check):
    check()


@parametrize_contract("weighted_conformal", "calibrator")
def test_contract_of_weighted_conformal(check):
    check()


@parametrize_contract("venn_abers", "calibrator")
def test_contract_of_venn_abers(check):
    check()
