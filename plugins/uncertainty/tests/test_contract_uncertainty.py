"""Every component of the family through its kind's contract."""

from atlas_core.testing import parametrize_contract


@parametrize_contract("members", "uq")
def test_contract_of_members(check):
    check()


@parametrize_contract("ensemble", "uq")
def test_contract_of_ensemble(check):
    check()


@parametrize_contract("mc_dropout", "uq")
def test_contract_of_mc_dropout(check):
    check()


@parametrize_contract("model_variance", "uq")
def test_contract_of_model_variance(check):
    check()


@parametrize_contract("point", "uq")
def test_contract_of_point(check):
    check()


@parametrize_contract("infinitesimal_jackknife", "uq")
def test_contract_of_infinitesimal_jackknife(check):
    check()


@parametrize_contract("model_quantiles", "uq")
def test_contract_of_model_quantiles(check):
    check()


@parametrize_contract("distance_scaled", "uq")
def test_contract_of_distance_scaled(check):
    check()


@parametrize_contract("residual_model", "uq")
def test_contract_of_residual_model(check):
    check()


@parametrize_contract("last_layer_laplace", "uq")
def test_contract_of_last_layer_laplace(check):
    check()


@parametrize_contract("last_layer_gp", "uq")
def test_contract_of_last_layer_gp(check):
    check()


@parametrize_contract("snapshots", "uq")
def test_contract_of_snapshots(check):
    check()


@parametrize_contract("committee", "uq")
def test_contract_of_committee(check):
    check()
