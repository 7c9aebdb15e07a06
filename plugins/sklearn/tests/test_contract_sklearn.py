"""Every component of the family through its kind's contract."""

from atlas_core.testing import parametrize_contract


@parametrize_contract("random_forest", "model")
def test_contract_of_random_forest(check):
    check()


@parametrize_contract("extra_trees", "model")
def test_contract_of_extra_trees(check):
    check()


@parametrize_contract("quantile_forest", "model")
def test_contract_of_quantile_forest(check):
    check()


@parametrize_contract("gradient_boosting", "model")
def test_contract_of_gradient_boosting(check):
    check()


@parametrize_contract("gaussian_process", "model")
def test_contract_of_gaussian_process(check):
    check()


@parametrize_contract("ridge", "model")
def test_contract_of_ridge(check):
    check()


@parametrize_contract("knn", "model")
def test_contract_of_knn(check):
    check()


@parametrize_contract("svm", "model")
def test_contract_of_svm(check):
    check()


@parametrize_contract("mean", "model")
def test_contract_of_mean(check):
    check()
