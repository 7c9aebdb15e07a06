"""Every component of this family keeps the promises of its kind."""

from atlas_core.testing import parametrize_contract


@parametrize_contract("random", "split")
def test_random(check):
    check()


@parametrize_contract("kfold", "split")
def test_kfold(check):
    check()


@parametrize_contract("matbench_folds", "split")
def test_matbench_folds(check):
    check()


@parametrize_contract("leave_elements_out", "split")
def test_leave_elements_out(check):
    check()


@parametrize_contract("leave_group_out", "split")
def test_leave_group_out(check):
    check()


@parametrize_contract("cluster", "split")
def test_cluster(check):
    check()


@parametrize_contract("target_tail", "split")
def test_target_tail(check):
    check()


@parametrize_contract("representative_elements", "split")
def test_representative_elements(check):
    check()


@parametrize_contract("sparse", "split")
def test_sparse(check):
    check()


@parametrize_contract("size_shift", "split")
def test_size_shift(check):
    check()


@parametrize_contract("distinct", "split")
def test_distinct(check):
    check()
