"""Every data set through the contract of its kind."""

from __future__ import annotations

from collections.abc import Callable

from atlas_core.testing import parametrize_contract


@parametrize_contract("flla")
def test_flla(check: Callable[[], None]) -> None:
    check()


@parametrize_contract("elastic_tensor")
def test_elastic_tensor(check: Callable[[], None]) -> None:
    check()


@parametrize_contract("dielectric_constant")
def test_dielectric_constant(check: Callable[[], None]) -> None:
    check()


@parametrize_contract("piezoelectric_tensor")
def test_piezoelectric_tensor(check: Callable[[], None]) -> None:
    check()


@parametrize_contract("table")
def test_table(check: Callable[[], None]) -> None:
    check()


@parametrize_contract("cif_folder")
def test_cif_folder(check: Callable[[], None]) -> None:
    check()
