"""The network on formulas: its equations in loops, its invariances, its errors."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from atlas_core.api import (
    SYMBOLS,
    DataError,
    FitContext,
    Graphs,
    HasDropout,
    HasEmbedding,
    Materials,
    TrainingError,
    Vectors,
)
from atlas_gnn.hooks import RoostConfig
from atlas_gnn.roost import CompositionNet, FormulaExamples, Formulas, roost

SMALL: dict[str, Any] = {
    "epochs": 3,
    "width": 8,
    "hidden": 8,
    "rounds": 2,
    "heads": 2,
    "message": 6,
    "batch_size": 8,
}


def fractions(*formulas):
    ids = [f"m{i}" for i in range(len(formulas))]
    table = Materials.from_formulas(ids, list(formulas)).element_fractions()
    return Vectors(table, np.array(SYMBOLS[1:]))


def random_fractions(n, seed=0):
    """Formulas of one to six elements, and a smooth function of them as target."""
    rng = np.random.default_rng(seed)
    table = np.zeros((n, 118))
    for row in table:
        chosen = rng.choice(90, rng.integers(1, 7), replace=False)
        row[chosen] = rng.integers(1, 6, len(chosen))
    table /= table.sum(axis=1, keepdims=True)
    return Vectors(table, np.array(SYMBOLS[1:])), table @ np.sin(np.arange(118) / 15) * 3 + 10


def fitted(features, target, *, seed=1, task="regression", **options):
    model = roost(RoostConfig(**{**SMALL, **options}))
    model.fit(features, target, FitContext(seed=seed, task=task))
    return model


def batch_of(features):
    return FormulaExamples(Formulas.of(features), "cpu").batch(np.arange(len(features)))


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def network(**options):
    net = CompositionNet(RoostConfig(**{**SMALL, **options}), 3)
    return net.eval()


def numbers_of(module):
    return {name: value.double().numpy() for name, value in module.state_dict().items()}


def attended(layer, inputs, weights):
    """Attention by loops: for each head, scores, weighted softmax, whole messages, their sum.

    ``inputs`` holds one vector a sender. The last layer of a message stands where the paper has
    it, inside the sum over senders; its bias is shared between the heads.
    """
    w = numbers_of(layer)
    heads, units = w["score"].shape
    out = np.zeros(len(w["last.weight"]))
    for m in range(heads):
        scores, messages = [], []
        for z in inputs:
            inner = leaky(w["first.weight"] @ z + w["first.bias"])
            own = slice(m * units, (m + 1) * units)
            scores.append(inner[: heads * units][own] @ w["score"][m])
            messages.append(
                w["last.weight"][:, own] @ inner[heads * units :][own] + w["last.bias"] / heads
            )
        attention = weights * np.exp(scores)
        out += sum(a * g for a, g in zip(attention / attention.sum(), messages, strict=True))
    return out


def reference(net, features):
    """Formula vectors by the equations of the paper, one formula and one pair at a time."""
    w = numbers_of(net)
    table = net.elements.double().numpy() @ w["describe.weight"].T + w["describe.bias"]
    table = table + w["element.weight"]
    vectors = []
    for row in features.values:
        number = np.flatnonzero(row) + 1
        weights = row[number - 1]
        h = table[number] + weights[:, None] * w["amount.weight"][:, 0]
        for layer in net.rounds:
            h = np.stack(
                [
                    mine + attended(layer, [np.concatenate([mine, other]) for other in h], weights)
                    for mine in h
                ]
            )
        vectors.append(attended(net.pooling, h, weights))
    return np.stack(vectors)


@pytest.fixture(scope="module")
def trained():
    features, target = random_fractions(60)
    return fitted(features, target), features, target


def test_messages_and_pooling_are_the_equations_of_the_paper():
    features, _ = random_fractions(12, seed=4)
    net = network(heads=3)
    with torch.inference_mode():
        found = net.encode(batch_of(features)).numpy()
    np.testing.assert_allclose(found, reference(net, features), atol=2e-6)


def test_attention_to_equal_elements_is_their_fraction():
    # With one score for all, what is left of the softmax is w_j / sum w.
    net = network()
    torch.nn.init.zeros_(net.pooling.score)
    with torch.inference_mode():
        inner = torch.randn((1, 3, 24), generator=torch.Generator().manual_seed(0))
        weights = torch.tensor([[0.5, 0.3, 0.2]])
        found = net.pooling.pool(inner, weights.log())[0].numpy()
    expected = np.array([0.5, 0.3, 0.2]) @ leaky(inner[0, :, 12:].numpy())
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_sets_are_the_columns_that_are_not_zero():
    formulas = Formulas.of(fractions("Fe2O3", "Si", "BaTiO3"))
    assert formulas.offsets.tolist() == [0, 2, 3, 6]
    assert formulas.numbers.tolist() == [8, 26, 14, 8, 22, 56]
    np.testing.assert_allclose(formulas.weights, [0.6, 0.4, 1, 0.6, 0.2, 0.2], rtol=1e-6)


def test_a_batch_holds_blocks_of_equal_size_and_knows_their_places():
    batch = batch_of(fractions("BaTiO3", "Si", "Fe2O3", "NaCl"))
    assert batch.blocks == ((1, 1), (2, 2), (1, 3))
    assert batch.numbers.tolist() == [14, 8, 26, 11, 17, 8, 22, 56]
    assert batch.places.tolist() == [3, 0, 1, 2]


def test_a_formula_is_the_same_at_any_scale_and_in_any_order(trained):
    model = trained[0]
    same = fractions("Fe2O3", "Fe4O6", "O6Fe4", "Fe0.4O0.6")
    for method in (model.predict, model.embed):
        found = method(same)
        np.testing.assert_allclose(found, np.broadcast_to(found[:1], found.shape), atol=1e-6)


def test_the_order_of_the_columns_does_not_matter(trained):
    model, features, _ = trained
    order = np.random.default_rng(2).permutation(118)
    moved = Vectors(features.values[:, order], features.labels[order])
    np.testing.assert_array_equal(model.predict(moved), model.predict(features))
    listed = Formulas.of(fractions("BaTiO3"))
    shuffled = Formulas(listed.offsets, listed.numbers[[2, 0, 1]], listed.weights[[2, 0, 1]])
    net = network()
    with torch.inference_mode():
        a, b = (
            net.encode(FormulaExamples(f, "cpu").batch(np.array([0]))) for f in (listed, shuffled)
        )
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_columns_that_no_formula_uses_may_be_absent(trained):
    model, features, _ = trained
    few = Vectors(features.values[:, :90], features.labels[:90])
    np.testing.assert_array_equal(model.predict(few), model.predict(features))


def test_a_batch_of_one_equals_the_batch_in_any_order(trained):
    model, features, _ = trained
    for method in (model.predict, model.embed, lambda f: model.sample(f, 3, 9).T):
        together = method(features)
        alone = np.concatenate([method(features.take([i])) for i in range(60)])
        np.testing.assert_allclose(alone, together, rtol=1e-6, atol=1e-6)
        back = method(features.take(np.arange(60)[::-1]))
        np.testing.assert_allclose(back[::-1], together, rtol=1e-6, atol=1e-6)


def test_prediction_in_pieces_equals_prediction_at_once(trained, monkeypatch):
    model, features, _ = trained
    whole = model.predict(features)
    monkeypatch.setattr("atlas_gnn.roost._CHUNK_PAIRS", 50)
    assert len(list(FormulaExamples(Formulas.of(features), "cpu").chunks())) > 5
    np.testing.assert_allclose(model.predict(features), whole, atol=1e-6)


def test_nothing_in_gives_nothing_out(trained):
    model, features, _ = trained
    none = features.take([])
    assert model.predict(none).shape == (0,)
    assert model.embed(none).shape == (0, 8)
    assert model.sample(none, 4, 0).shape == (4, 0)


def test_it_provides_what_its_component_declares(trained):
    model, features, _ = trained
    assert isinstance(model, HasDropout)
    assert isinstance(model, HasEmbedding)
    assert model.embed(features).shape == (60, 8)
    assert model.embed(features).dtype == model.predict(features).dtype == np.float64


def test_samples_spread_around_the_prediction_and_repeat_with_their_seed(trained):
    model, features, _ = trained
    samples = model.sample(features, 400, 3)
    spread = samples.std(axis=0)
    assert (spread > 0).all()
    assert np.abs(samples.mean(axis=0) - model.predict(features)).max() < spread.max()
    np.testing.assert_array_equal(samples, model.sample(features, 400, 3))
    assert not np.array_equal(samples, model.sample(features, 400, 4))


def test_sampling_runs_the_messages_once(trained, monkeypatch):
    model, features, _ = trained
    calls = []
    encode = CompositionNet.encode
    monkeypatch.setattr(
        CompositionNet, "encode", lambda self, batch: calls.append(1) or encode(self, batch)
    )
    model.sample(features, 30, 0)
    assert len(calls) == 1


def test_it_learns_a_small_set_by_heart():
    features, target = random_fractions(24)
    options = {**SMALL, "epochs": 150, "width": 16, "message": 16, "validation": 0}
    model = fitted(features, target, **options, dropout=0.01, learning_rate=5e-3)
    assert np.abs(model.predict(features) - target).mean() < 0.1 * target.std()


def test_it_learns_what_only_a_pair_of_elements_determines():
    # 1 where O meets S, else 0: no sum over single elements has it.
    formulas = ["FeO", "FeS", "FeOS", "NiO", "NiS", "NiOS", "CoO", "CoS", "CoOS"]
    target = np.tile([0.0, 0.0, 1.0], 3)
    options = {**SMALL, "epochs": 150, "validation": 0, "learning_rate": 1e-2}
    model = fitted(fractions(*formulas), target, **options)
    found = model.predict(fractions("MnO", "MnS", "MnOS"))
    assert found[2] > 0.5 > max(found[:2])


def test_a_binary_task_predicts_probabilities_on_the_right_side():
    features, target = random_fractions(40)
    label = (target > np.median(target)).astype(float)
    p = fitted(features, label, task="binary", epochs=60, learning_rate=1e-2).predict(features)
    assert ((p >= 0) & (p <= 1)).all()
    assert p[label == 1].mean() > p[label == 0].mean() + 0.5


def test_bfloat16_products_learn_nearly_as_float32():
    features, target = random_fractions(40)
    options = {"epochs": 40, "validation": 0, "learning_rate": 1e-2}
    exact = fitted(features, target, **options).predict(features)
    rounded = fitted(features, target, **options, bfloat16=True).predict(features)
    assert np.corrcoef(exact, rounded)[0, 1] > 0.98
    assert not np.array_equal(exact, rounded)


def test_the_same_seed_gives_the_same_bytes_and_leaves_the_global_generator_alone():
    features, target = random_fractions(40)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = fitted(features, target).predict(features)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(fitted(features, target).predict(features), first)
    assert not np.array_equal(fitted(features, target, seed=2).predict(features), first)


def test_a_killed_fit_goes_on_to_the_same_bytes(tmp_path):
    def stop(_text):
        raise KeyboardInterrupt

    features, target = random_fractions(40)
    config = RoostConfig(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        roost(config).fit(features, target, FitContext(seed=1, directory=tmp_path, notify=stop))
    resumed = roost(config)
    resumed.fit(features, target, FitContext(seed=1, directory=tmp_path))
    np.testing.assert_array_equal(
        resumed.predict(features), fitted(features, target).predict(features)
    )


def test_a_fitted_model_is_restored_from_its_arrays(trained, tmp_path):
    model, features, _ = trained
    np.savez(tmp_path / "model.npz", **model.state())
    again = roost(RoostConfig(**SMALL))
    with np.load(tmp_path / "model.npz", allow_pickle=False) as stored:
        again.restore(dict(stored))
    np.testing.assert_array_equal(again.predict(features), model.predict(features))


def test_inputs_are_left_as_they_were():
    features, target = random_fractions(20)
    before, kept = features.fingerprint, target.copy()
    fitted(features, target)
    assert features.fingerprint == before
    np.testing.assert_array_equal(target, kept)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (Vectors(np.ones((2, 1)), np.array(["mean Z"])), "column 'mean Z' is no element"),
        (Vectors(np.ones((2, 1)), np.array(["fe"])), "no element .did you mean Fe"),
        (Vectors(np.full((2, 2), 0.4), np.array(["O", "Fe"])), "row 0 sum to 0.8 and not to 1"),
        (Vectors([[1, 0], [1.5, -0.5]], np.array(["O", "Fe"])), "row 1 has 1.5 in column O"),
        (Vectors([[np.nan, 1]], np.array(["Fe", "O"])), "row 0 has nan in column Fe"),
        (Vectors(np.zeros((1, 118)), np.array(SYMBOLS[1:])), "row 0 sum to 0 and not to 1"),
    ],
)
def test_features_that_are_no_whole_formulas_are_named(trained, features, message):
    with pytest.raises(DataError, match=message):
        trained[0].predict(features)
    with pytest.raises(DataError, match=message):
        fitted(features, np.arange(len(features), dtype=float))


def test_graphs_and_an_unfitted_model_are_refused_in_one_line(trained):
    graphs = Graphs(
        node_offsets=[0], numbers=[], edge_offsets=[0], src=[], dst=[], distance=[],
        image=np.zeros((0, 3)),
    )  # fmt: skip
    with pytest.raises(DataError, match="use featurizer element_fractions"):
        trained[0].predict(graphs)
    with pytest.raises(TrainingError, match="predict was called before fit"):
        roost(RoostConfig()).predict(fractions("Si"))


@pytest.mark.parametrize("options", [{"dropout": 0}, {"rounds": 0}, {"heads": 0}, {"with": 3}])
def test_options_out_of_bounds_are_refused(options):
    with pytest.raises(ValidationError):
        RoostConfig(**options)


def test_the_light_module_imports_no_torch():
    code = "import atlas_gnn.hooks, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
