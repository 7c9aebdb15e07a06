"""The contract of every component of this family."""

from atlas_core.testing import parametrize_contract


@parametrize_contract("cgcnn", "model")
def test_cgcnn_keeps_its_contract(check):
    check()


@parametrize_contract("painn", "model")
def test_painn_keeps_its_contract(check):
    check()


@parametrize_contract("roost", "model")
def test_roost_keeps_its_contract(check):
    check()
