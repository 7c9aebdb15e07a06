"""A saved network is measured before it is made: options from a stranger take no memory."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from atlas_core.api import DataError
from atlas_gnn._network import NetworkModel
from atlas_gnn._training import Scale
from atlas_gnn.cgcnn import cgcnn
from atlas_gnn.hooks import CGCNNConfig, PaiNNConfig, RoostConfig
from atlas_gnn.painn import painn
from atlas_gnn.roost import roost

SMALL: dict[str, tuple[Any, Any]] = {
    "cgcnn": (cgcnn, CGCNNConfig(width=4, hidden=4, convolutions=1)),
    "painn": (painn, PaiNNConfig(width=4, hidden=4, interactions=1, radial=3)),
    "roost": (roost, RoostConfig(width=4, hidden=4, rounds=1, heads=1, message=4)),
}


def state_of(name: str) -> dict[str, Any]:
    """Return the state of a network that was not trained."""
    make, config = SMALL[name]
    model: NetworkModel = make(config)
    model._trained = [(model._make_network(3), Scale(1.0, 2.0))]
    return model.to_state()


@pytest.mark.parametrize("name", SMALL)
def test_a_network_comes_back_with_its_weights(name: str) -> None:
    state = state_of(name)
    again = NetworkModel.from_state(state).state()
    assert again.keys() == state["arrays"].keys()
    assert all(again[one].tobytes() == state["arrays"][one].tobytes() for one in again)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cgcnn", {"hidden": 10**9}),
        ("cgcnn", {"width": 10**5}),
        ("cgcnn", {"width": 10**18}),
        ("cgcnn", {"spacing": 0.01}),
        ("cgcnn", {"convolutions": 12}),
        ("painn", {"width": 10**6}),
        ("painn", {"hidden": 10**9}),
        ("roost", {"message": 10**9}),
        ("roost", {"width": 10**5, "heads": 32}),
        ("roost", {"snapshots": 1000}),
    ],
)
def test_options_that_claim_another_network_take_no_memory(
    name: str, options: dict[str, Any]
) -> None:
    state = state_of(name)
    state["config"] = type(state["config"]).model_validate(state["config"].model_dump() | options)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((DataError, RuntimeError, KeyError)):
        NetworkModel.from_state(state)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_weights_of_another_type_shape_or_name_are_refused() -> None:
    for change in (
        lambda arrays: arrays.update({"hidden.weight": arrays["hidden.weight"].astype("f8")}),
        lambda arrays: arrays.update({"hidden.weight": arrays["hidden.weight"][:1]}),
        lambda arrays: arrays.update({"more.weight": np.zeros(3, np.float32)}),
        lambda arrays: arrays.pop("output.bias"),
    ):
        state = state_of("cgcnn")
        change(state["arrays"])
        with pytest.raises(DataError, match="not those of its options"):
            NetworkModel.from_state(state)


@dataclass
class Unchecked:
    """Look like options, without their bounds."""

    width: int = 4
    hidden: int = 4
    convolutions: int = 10**9
    head: str = "mean"
    snapshots: int = 1


def test_options_that_nobody_validated_are_refused() -> None:
    for config in (Unchecked(), RoostConfig(), None, {"width": 4}):
        with pytest.raises(DataError, match="its options are"):
            NetworkModel.from_state({**state_of("cgcnn"), "config": config})
