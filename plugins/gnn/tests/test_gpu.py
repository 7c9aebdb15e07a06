"""On a GPU: the same seed gives the same bytes, and nothing is left set. Skipped without one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from atlas_core.api import SYMBOLS, Features, FitContext, Graphs, Vectors, offsets_of
from atlas_gnn._device import same_bytes
from atlas_gnn.cgcnn import cgcnn
from atlas_gnn.hooks import CGCNNConfig, PaiNNConfig, RoostConfig
from atlas_gnn.painn import painn
from atlas_gnn.roost import roost

N = 512


def crystals(seed: int = 0) -> Graphs:
    """Crystals of 1 to 8 atoms, each with twelve random neighbors."""
    rng = np.random.default_rng(seed)
    atoms = rng.integers(1, 9, N)
    owner = np.repeat(np.arange(N), atoms * 12)
    unit = rng.normal(size=(len(owner), 3))
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    distance = rng.uniform(1.5, 6.0, len(owner))
    return Graphs(
        node_offsets=offsets_of(atoms),
        numbers=rng.integers(1, 90, atoms.sum()),
        edge_offsets=offsets_of(atoms * 12),
        src=np.concatenate([np.repeat(np.arange(a), 12) for a in atoms]),
        dst=rng.integers(0, 1_000_000, len(owner)) % atoms[owner],
        distance=distance,
        image=np.zeros((len(owner), 3)),
        vector=unit * distance[:, None],
    )


def formulas(seed: int = 0) -> Vectors:
    """Formulas of one to six elements as atomic fractions."""
    rng = np.random.default_rng(seed)
    table = np.zeros((N, 118))
    for row in table:
        chosen = rng.choice(90, rng.integers(1, 7), replace=False)
        row[chosen] = rng.integers(1, 6, len(chosen))
    return Vectors(table / table.sum(axis=1, keepdims=True), np.array(SYMBOLS[1:]))


MODELS: dict[str, Any] = {
    "cgcnn": lambda: (cgcnn(CGCNNConfig(epochs=4, least_steps=0)), crystals()),
    "painn": lambda: (painn(PaiNNConfig(epochs=4, least_steps=0)), crystals()),
    "roost": lambda: (roost(RoostConfig(epochs=4, least_steps=0)), formulas()),
}


def answers(name: str) -> tuple[Features, list[bytes]]:
    model, features = MODELS[name]()
    target = np.random.default_rng(1).normal(size=N)
    model.fit(features, target, FitContext(seed=3, device="cuda"))
    found = [model.predict(features), model.embed(features), model.sample(features, 3, 5)]
    weights = [array.tobytes() for array in model.state().values()]
    return features, [*(array.tobytes() for array in found), *weights]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")
@pytest.mark.parametrize("name", list(MODELS))
def test_two_fits_on_a_gpu_give_the_same_bytes(name: str) -> None:
    assert answers(name)[1] == answers(name)[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")
@pytest.mark.parametrize("name", list(MODELS))
def test_a_fit_made_on_a_gpu_answers_alike_on_the_cpu(name: str) -> None:
    model, features = MODELS[name]()
    model.fit(features, np.random.default_rng(1).normal(size=N), FitContext(seed=3, device="cuda"))
    restored = type(model).from_state(model.to_state())
    np.testing.assert_allclose(restored.predict(features), model.predict(features), atol=1e-4)


def test_settings_for_the_same_bytes_are_put_back() -> None:
    before = torch.are_deterministic_algorithms_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    seen = []

    def failing() -> None:
        with same_bytes():
            seen.append(torch.are_deterministic_algorithms_enabled())
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        failing()
    assert seen == [True]
    assert torch.are_deterministic_algorithms_enabled() == before
    assert torch.utils.deterministic.fill_uninitialized_memory == filled
