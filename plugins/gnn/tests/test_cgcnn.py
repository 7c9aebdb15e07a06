"""CGCNN and its training loop on small hand-made crystals."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from atlas_core.api import (
    DataError,
    FitContext,
    Graphs,
    HasDropout,
    HasEmbedding,
    TrainingError,
    Vectors,
    concatenate,
    offsets_of,
)
from atlas_gnn import _checkpoint
from atlas_gnn._crystals import CrystalExamples
from atlas_gnn._device import torch_settings
from atlas_gnn._elements import descriptors
from atlas_gnn._options import TrainingConfig
from atlas_gnn._training import _Run, evaluate, one_cycle, train
from atlas_gnn.cgcnn import CrystalGraphNet, Expansion, _GatedSum, cgcnn
from atlas_gnn.hooks import CGCNNConfig

SMALL = {"epochs": 3, "width": 8, "hidden": 8, "convolutions": 2, "batch_size": 8}


def graph_of(numbers, frac, lattice, neighbors=12):
    """The neighbors nearest to each atom, by brute force over images -3..3."""
    numbers, frac, lattice = np.asarray(numbers), np.asarray(frac, float), np.asarray(lattice)
    src, dst, distance, image = [], [], [], []
    for i in range(len(numbers)):
        found = []
        for j in range(len(numbers)):
            for cell in product(range(-3, 4), repeat=3):
                d = np.linalg.norm((frac[j] + cell - frac[i]) @ lattice)
                if d > 1e-6:
                    found.append((round(float(d), 5), j, cell))
        for d, j, cell in sorted(found)[:neighbors]:
            src.append(i)
            dst.append(j)
            distance.append(d)
            image.append(cell)
    return Graphs(
        node_offsets=[0, len(numbers)],
        numbers=numbers,
        edge_offsets=[0, len(src)],
        src=src,
        dst=dst,
        distance=distance,
        image=np.reshape(image, (-1, 3)),
    )


def random_graphs(n, seed=0, degree=12):
    """Crystals of 1 to 5 atoms with random neighbors, ``degree`` an atom; and a target."""
    rng = np.random.default_rng(seed)
    atoms = rng.integers(1, 6, n)
    degrees = np.full(atoms.sum(), degree) if degree else rng.integers(0, 5, atoms.sum())
    owner = np.repeat(np.arange(n), atoms)
    edge_owner = np.repeat(owner, degrees)
    src = np.repeat(np.concatenate([np.arange(a) for a in atoms]), degrees)
    graphs = Graphs(
        node_offsets=offsets_of(atoms),
        numbers=rng.integers(1, 90, atoms.sum()),
        edge_offsets=offsets_of(np.bincount(edge_owner, minlength=n)),
        src=src,
        dst=rng.integers(0, 1_000_000, len(src)) % atoms[edge_owner],
        distance=rng.uniform(1.5, 5.0, len(src)),
        image=np.zeros((len(src), 3)),
    )
    mean_number = np.bincount(owner, weights=graphs.numbers) / atoms
    return graphs, np.sin(mean_number / 15) * 3 + 10


class Log:
    """Collects records and lines of progress; stops after ``stop`` epochs as a kill would."""

    def __init__(self, stop: int | None = None) -> None:
        self.content: dict[str, Mapping[str, Any]] = {}
        self.reported: list[str] = []
        self.stop = stop

    def __call__(self, name: str, content: Mapping[str, Any]) -> None:
        self.content[name] = content

    def notify(self, text: str) -> None:
        self.reported.append(text)
        if len(self.reported) == self.stop:
            raise KeyboardInterrupt


def fitted(graphs, target, *, seed=1, **options):
    model = cgcnn(CGCNNConfig(**{**SMALL, **options}))
    log = Log()
    model.fit(graphs, target, FitContext(seed=seed, record=log))
    return model, log.content


@pytest.fixture(scope="module")
def trained():
    graphs, target = random_graphs(40)
    return fitted(graphs, target)[0], graphs, target


@pytest.mark.parametrize("degree", [12, 0])
def test_the_factorized_convolution_is_one_linear_layer_on_the_joined_vectors(degree):
    graphs, _ = random_graphs(6, degree=degree)
    batch = CrystalExamples(graphs, "cpu").batch(np.array([4, 0, 3]))
    layer = CrystalGraphNet(CGCNNConfig(**SMALL), 0).convolutions[0]
    x = torch.randn(len(batch.numbers), 8, generator=torch.Generator().manual_seed(0))
    edges = torch.randn(len(batch.src), 41, generator=torch.Generator().manual_seed(1))
    weight = torch.cat([layer.center.weight, layer.neighbor.weight, layer.edge.weight], dim=1)
    joined = torch.cat([x[batch.src], x[batch.dst], edges], dim=1)
    expected = joined @ weight.T + layer.center.bias
    assert torch.allclose(layer.join(x, Expansion(edges, slice(None)), batch), expected, atol=1e-5)


def test_a_convolution_is_the_equation_of_the_paper():
    # v_i + sum over neighbors of sigmoid(z W_f + b_f) * softplus(z W_s + b_s), then softplus;
    # untouched normalizations are the identity at evaluation.
    graphs, _ = random_graphs(3, degree=0)
    batch = CrystalExamples(graphs, "cpu").batch(np.arange(3))
    layer = CrystalGraphNet(CGCNNConfig(**SMALL), 0).convolutions[0].eval()
    x = torch.randn(len(batch.numbers), 8, generator=torch.Generator().manual_seed(0))
    edges = torch.randn(len(batch.src), 41, generator=torch.Generator().manual_seed(1))
    weight = torch.cat([layer.center.weight, layer.neighbor.weight, layer.edge.weight], dim=1)
    expected = x.clone()
    whole = Expansion(edges, slice(None))
    scale = 1 / np.sqrt(1 + 1e-5)
    for k in range(len(edges)):
        i, j = int(batch.src[k]), int(batch.dst[k])
        z = (weight @ torch.cat([x[i], x[j], edges[k]]) + layer.center.bias) * scale
        expected[i] += scale / (1 + torch.exp(-z[:8])) * torch.log1p(torch.exp(z[8:]))
    expected = torch.log1p(torch.exp(expected))
    assert torch.allclose(layer(x, whole, batch), expected, atol=1e-5)


def test_gaussians_that_are_left_out_are_zero():
    graphs, _ = random_graphs(6)
    batch = CrystalExamples(graphs, "cpu").batch(np.arange(6))
    network = CrystalGraphNet(CGCNNConfig(**SMALL), 0)
    found = network.expand(batch)
    centers = np.arange(41) * 0.2
    every = np.exp(-(((batch.distance.numpy()[:, None] - centers) / 0.2) ** 2))
    np.testing.assert_allclose(found.values.numpy(), every[:, found.reached], rtol=2e-4, atol=1e-7)
    every[:, found.reached] = 0
    assert every.max() < 1e-10
    assert found.values.shape[1] < 41


def test_the_crystal_vector_is_the_mean_over_its_atoms(trained):
    model, graphs, _ = trained
    # Two separate copies of a crystal in one: same mean, twice the sum.
    one = graphs.take([3])
    a = len(one.numbers)
    twice = Graphs(
        node_offsets=[0, 2 * a],
        numbers=np.tile(one.numbers, 2),
        edge_offsets=[0, 2 * len(one.src)],
        src=np.concatenate([one.src, one.src + a]),
        dst=np.concatenate([one.dst, one.dst + a]),
        distance=np.tile(one.distance, 2),
        image=np.tile(one.image, (2, 1)),
    )
    np.testing.assert_allclose(model.embed(twice), model.embed(one), atol=1e-5)


def test_predictions_ignore_atom_order_origin_and_choice_of_cell(trained):
    model = trained[0]
    lattice = np.array([[4.1, 0, 0], [0.3, 4.4, 0], [0.2, -0.4, 4.8]])
    numbers, frac = [11, 17, 8], np.array([[0, 0, 0], [0.52, 0.47, 0.55], [0.2, 0.6, 0.9]])
    shifts = np.array([[0, 0, 0], [0.5, 0, 0]])
    double = np.concatenate([frac / [2, 1, 1] + s for s in shifts])
    variants = [
        graph_of(numbers, frac, lattice),
        graph_of([8, 11, 17], frac[[2, 0, 1]], lattice),
        graph_of(numbers, (frac + np.array([0.31, 0.77, 0.05])) % 1, lattice),
        graph_of(numbers * 2, double, lattice * [[2], [1], [1]]),
    ]
    predictions = model.predict(concatenate(variants))
    np.testing.assert_allclose(predictions, predictions[0], atol=1e-4)


def test_it_provides_what_its_component_declares(trained):
    model, graphs, _ = trained
    assert isinstance(model, HasDropout)
    assert isinstance(model, HasEmbedding)
    assert model.embed(graphs).shape == (40, 8)
    assert model.embed(graphs).dtype == model.predict(graphs).dtype == np.float64
    assert model.sample(graphs, 5, 0).shape == (5, 40)


def test_a_batch_of_one_equals_the_batch_in_any_order(trained):
    model, graphs, _ = trained
    for method in (model.predict, model.embed, lambda g: model.sample(g, 3, 9).T):
        together = method(graphs)
        alone = np.concatenate([method(graphs.take([i])) for i in range(40)])
        np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-5)
        back = method(graphs.take(np.arange(40)[::-1]))
        np.testing.assert_allclose(back[::-1], together, rtol=1e-5, atol=1e-5)


def test_prediction_in_pieces_equals_prediction_at_once(trained, monkeypatch):
    model, graphs, _ = trained
    whole = model.predict(graphs)
    monkeypatch.setattr("atlas_gnn._crystals._CHUNK_ROWS", 100)
    assert len(list(CrystalExamples(graphs, "cpu").chunks())) > 5
    np.testing.assert_allclose(model.predict(graphs), whole, atol=1e-5)


def test_nothing_in_gives_nothing_out(trained):
    model, graphs, _ = trained
    none = graphs.take([])
    assert model.predict(none).shape == (0,)
    assert model.embed(none).shape == (0, 8)
    assert model.sample(none, 4, 0).shape == (4, 0)


def test_samples_spread_around_the_prediction_and_repeat_with_their_seed(trained):
    model, graphs, _ = trained
    samples = model.sample(graphs, 400, 3)
    spread = samples.std(axis=0)
    assert (spread > 0).all()
    assert np.abs(samples.mean(axis=0) - model.predict(graphs)).max() < spread.max()
    np.testing.assert_array_equal(samples, model.sample(graphs, 400, 3))
    assert not np.array_equal(samples, model.sample(graphs, 400, 4))


def test_sampling_runs_the_convolutions_once(trained):
    model, graphs, _ = trained
    calls = []
    handle = model._trained[0][0].convolutions[0].register_forward_hook(lambda *_: calls.append(1))
    model.sample(graphs, 50, 0)
    handle.remove()
    assert len(calls) == 1


def test_it_learns_a_tiny_set_by_heart():
    graphs, target = random_graphs(12)
    model, _ = fitted(
        graphs,
        target,
        epochs=150,
        width=16,
        hidden=16,
        validation=0,
        dropout=0.01,
        learning_rate=1e-2,
        batch_size=4,
    )
    assert np.abs(model.predict(graphs) - target).mean() < 0.1 * target.std()


def test_a_binary_task_predicts_probabilities_on_the_right_side():
    graphs, target = random_graphs(40)
    label = (target > np.median(target)).astype(float)
    model = cgcnn(CGCNNConfig(**{**SMALL, "epochs": 60, "learning_rate": 1e-2, "validation": 0}))
    log = Log()
    model.fit(graphs, label, FitContext(seed=0, task="binary", record=log))
    p = model.predict(graphs)
    assert ((p >= 0) & (p <= 1)).all()
    assert p[label == 1].mean() > p[label == 0].mean() + 0.5
    samples = model.sample(graphs, 20, 0)
    assert ((samples >= 0) & (samples <= 1)).all()


def test_a_binary_target_must_be_zero_or_one():
    graphs, target = random_graphs(5)
    with pytest.raises(DataError, match=r"row 0 is .*expected 0 or 1"):
        cgcnn(CGCNNConfig(**SMALL)).fit(graphs, target, FitContext(seed=0, task="binary"))


def test_atoms_may_have_few_edges_or_none():
    graphs, target = random_graphs(30, degree=0)
    degree = np.bincount(graphs.src, minlength=2)
    assert degree.min() == 0 or len(set(degree.tolist())) > 1
    model, _ = fitted(graphs, target)
    alone = np.concatenate([model.predict(graphs.take([i])) for i in range(30)])
    np.testing.assert_allclose(alone, model.predict(graphs), rtol=1e-5, atol=1e-5)
    isolated = graph_of([11], [[0, 0, 0]], np.eye(3) * 20, neighbors=0)
    assert np.isfinite(model.predict(isolated)).all()


def test_a_set_without_any_edge_can_be_learned():
    one = graph_of([11], [[0, 0, 0]], np.eye(3) * 20, neighbors=0)
    other = graph_of([17, 17], [[0, 0, 0], [0.5, 0, 0]], np.eye(3) * 40, neighbors=0)
    graphs = concatenate([one, other] * 4)
    model, _ = fitted(graphs, np.tile([0.0, 1.0], 4), epochs=40, validation=0)
    assert model.predict(other)[0] > model.predict(one)[0]


def test_equal_degrees_and_unequal_degrees_take_the_same_way():
    graphs, _ = random_graphs(8)
    edges = np.random.default_rng(0).permutation(int(graphs.edge_offsets[1]))
    fields = graphs.to_arrays()
    for name in ("src", "dst", "distance"):
        fields[name] = np.concatenate([fields[name][edges], fields[name][len(edges) :]])
    shuffled = Graphs.from_arrays(fields)  # the first crystal's edges no longer in atom order
    network = CrystalGraphNet(CGCNNConfig(**SMALL), 0).eval()
    a, b = (CrystalExamples(g, "cpu").batch(np.arange(8)) for g in (graphs, shuffled))
    assert (a.degree, b.degree) == (12, 0)
    assert torch.allclose(network(a, None), network(b, None), atol=1e-5)


def test_the_derivative_by_hand_is_that_of_finite_differences():
    graphs, _ = random_graphs(4, degree=3)
    batch = CrystalExamples(graphs, "cpu").batch(np.arange(4))
    rng = torch.Generator().manual_seed(3)
    norm = torch.nn.BatchNorm1d(8).double()

    def draw(*shape):
        return torch.randn(shape, generator=rng, dtype=torch.float64).requires_grad_()

    atoms = len(batch.numbers)
    tensors = [draw(atoms, 8), draw(atoms, 8), draw(8, 5), draw(8), draw(8)]
    edges = draw(len(batch.dst), 5).detach()
    assert torch.autograd.gradcheck(
        lambda *inputs: _GatedSum.apply(*inputs, edges, batch, norm), tensors
    )


def test_the_derivative_by_hand_is_that_of_autograd_for_every_weight():
    graphs, target = random_graphs(20)
    batch = CrystalExamples(graphs, "cpu").batch(np.arange(20))
    wanted = torch.as_tensor(target, dtype=torch.float32)
    gradients = []
    for degree in (batch.degree, 0):  # 0: the general way, derived by torch
        network = CrystalGraphNet(CGCNNConfig(**SMALL), 5)
        (network(replace(batch, degree=degree), None) - wanted).square().mean().backward()
        gradients.append(
            torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
        )
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("degree", [12, 0])
def test_bfloat16_products_learn_nearly_as_float32(degree):
    graphs, target = random_graphs(40, degree=degree)
    options = {**SMALL, "epochs": 40, "validation": 0}
    exact = fitted(graphs, target, **options)[0].predict(graphs)
    rounded = fitted(graphs, target, **options, bfloat16=True)[0].predict(graphs)
    assert np.corrcoef(exact, rounded)[0, 1] > 0.98
    assert not np.array_equal(exact, rounded)


def test_sums_are_taken_in_float32_where_products_are_in_bfloat16():
    # Sums over neighbors in bfloat16, forward or back, put the gradient 1.2 % off.
    graphs, target = random_graphs(128)
    batch = CrystalExamples(graphs, "cpu").batch(np.arange(128))
    wanted = torch.as_tensor((target - target.mean()) / target.std(), dtype=torch.float32)
    found = []
    for bfloat16 in (False, True):
        network = CrystalGraphNet(CGCNNConfig(), 5)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            output = network(batch, None)
        (output.float() - wanted).square().mean().backward()
        found.append(torch.cat([parameter.grad.flatten() for parameter in network.parameters()]))
    exact, rounded = found
    assert (rounded - exact).norm() < 0.01 * exact.norm()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")
def test_a_gpu_is_waited_for_as_often_in_an_epoch_of_many_steps():
    waits = []
    for batch_size in (40, 4):
        graphs, target = random_graphs(40)
        config = CGCNNConfig(**{**SMALL, "batch_size": batch_size, "validation": 0, "epochs": 1})
        model = cgcnn(config)
        model.fit(graphs, target, FitContext(seed=0, device="cuda"))  # builds what is built once
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                model.fit(graphs, target, FitContext(seed=0, device="cuda"))
        finally:
            torch.cuda.set_sync_debug_mode("default")
        waits.append(sum("synchronizing" in str(one.message) for one in caught))
    assert waits[0] == waits[1] > 0


def test_batches_made_ahead_come_in_order_and_raise_where_they_failed(monkeypatch):
    class Numbers:
        def __len__(self):
            return 9

        def batch(self, rows):
            if 8 in rows:
                raise ValueError("row 8")
            return rows.tolist()

    run = object.__new__(_Run)
    run.examples = Numbers()
    run.context = FitContext(seed=0, device="cuda")
    for count in range(5):
        parts = [np.array([i]) for i in range(count)]
        assert list(run.batches(parts)) == [[i] for i in range(count)]
    with pytest.raises(ValueError, match="row 8"):
        list(run.batches([np.array([1]), np.array([8])]))


def test_the_same_seed_gives_the_same_bytes_and_leaves_the_global_generator_alone():
    graphs, target = random_graphs(40)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = fitted(graphs, target)[0].predict(graphs)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(fitted(graphs, target)[0].predict(graphs), first)
    assert not np.array_equal(fitted(graphs, target, seed=2)[0].predict(graphs), first)


def test_the_same_seed_gives_the_same_bytes_in_another_process(trained, tmp_path):
    model, graphs, target = trained
    np.savez(tmp_path / "in.npz", target=target, **graphs.to_arrays())
    code = (
        "import sys, numpy as np\n"
        "from atlas_core.api import FitContext, Graphs\n"
        "from atlas_gnn.cgcnn import cgcnn\nfrom atlas_gnn.hooks import CGCNNConfig\n"
        "a = dict(np.load(sys.argv[1])); y = a.pop('target'); g = Graphs(**a)\n"
        f"m = cgcnn(CGCNNConfig(**{SMALL!r})); m.fit(g, y, FitContext(seed=1))\n"
        "sys.stdout.write(m.predict(g).tobytes().hex())\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "17"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "in.npz")],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stdout == model.predict(graphs).tobytes().hex()


@pytest.mark.parametrize("stop", [1, 3])
def test_a_killed_fit_goes_on_to_the_same_bytes(tmp_path, stop):
    graphs, target = random_graphs(40)
    config = CGCNNConfig(**{**SMALL, "epochs": 5})
    whole, log = cgcnn(config), Log()
    whole.fit(graphs, target, FitContext(seed=1, record=log))
    killed = FitContext(seed=1, directory=tmp_path, notify=Log(stop).notify)
    with pytest.raises(KeyboardInterrupt):
        cgcnn(config).fit(graphs, target, killed)
    again, seen = cgcnn(config), Log()
    again.fit(graphs, target, FitContext(seed=1, directory=tmp_path, record=seen))
    assert again.predict(graphs).tobytes() == whole.predict(graphs).tobytes()
    assert seen.content["learning_curve"] == log.content["learning_curve"]
    for name, value in whole.state().items():
        np.testing.assert_array_equal(again.state()[name], value)


def test_a_finished_fit_is_used_again_and_not_trained(tmp_path):
    graphs, target = random_graphs(40)
    config = CGCNNConfig(**SMALL)
    first = cgcnn(config)
    first.fit(graphs, target, FitContext(seed=1, directory=tmp_path))
    again, seen = cgcnn(config), Log()
    again.fit(graphs, target, FitContext(1, directory=tmp_path, record=seen, notify=seen.notify))
    assert seen.reported == []
    assert seen.content["learning_curve"]["epoch"] == [1, 2, 3]
    np.testing.assert_array_equal(again.predict(graphs), first.predict(graphs))
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_checkpoint_of_another_fit_is_left_unused_with_a_warning(tmp_path):
    graphs, target = random_graphs(40)
    cgcnn(CGCNNConfig(**SMALL)).fit(graphs, target, FitContext(seed=1, directory=tmp_path))
    model, seen = cgcnn(CGCNNConfig(**SMALL)), Log()
    model.fit(graphs, target + 1, FitContext(seed=1, directory=tmp_path, record=seen))
    assert "other options or data" in seen.content["warnings"]["texts"][0]
    np.testing.assert_array_equal(
        model.predict(graphs), fitted(graphs, target + 1)[0].predict(graphs)
    )


def test_a_damaged_checkpoint_is_named_and_replaced(tmp_path):
    graphs, target = random_graphs(40)
    file = tmp_path / "checkpoint.npz"
    model = cgcnn(CGCNNConfig(**SMALL))
    model.fit(graphs, target, FitContext(seed=1, directory=tmp_path))
    file.write_bytes(file.read_bytes()[:-500])
    again, seen = cgcnn(CGCNNConfig(**SMALL)), Log()
    again.fit(graphs, target, FitContext(seed=1, directory=tmp_path, record=seen))
    assert "damaged" in seen.content["warnings"]["texts"][0]
    np.testing.assert_array_equal(again.predict(graphs), model.predict(graphs))


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    graphs, target = random_graphs(20)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="cannot be written") as caught:
        cgcnn(CGCNNConfig(**SMALL)).fit(
            graphs, target, FitContext(seed=1, directory=tmp_path / "file" / "x")
        )
    assert "\n" not in str(caught.value)


def test_a_target_that_is_not_finite_names_its_row():
    graphs, target = random_graphs(20)
    target[7] = np.nan
    ids = np.array([f"m-{i}" for i in range(20)])
    with pytest.raises(DataError, match="target of id m-7 is nan"):
        cgcnn(CGCNNConfig(**SMALL)).fit(graphs, target, FitContext(seed=0, ids=ids))


def test_an_exploding_loss_stops_with_epoch_step_and_advice():
    graphs, target = random_graphs(40)
    model = cgcnn(CGCNNConfig(**{**SMALL, "learning_rate": 3e3, "epochs": 20}))
    with pytest.raises(
        TrainingError, match=r"epoch \d+, (step \d+|validation).*learning_rate"
    ) as e:
        model.fit(graphs, target, FitContext(seed=0))
    assert "\n" not in str(e.value)


class Rows:
    """Plain vectors as examples: the loop knows nothing of crystals."""

    def __init__(self, n: int) -> None:
        self.values = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, indices):
        return torch.from_numpy(self.values[indices])

    def chunks(self):
        yield np.arange(len(self))


class Linear(torch.nn.Module):
    """A linear model whose output turns to NaN at training call ``bad``."""

    def __init__(self, bad: int | None = None) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))
        self.bias = torch.nn.Parameter(torch.zeros(()))
        self.calls, self.bad = 0, bad

    def forward(self, batch, noise):
        self.calls += noise is not None
        out = batch @ self.weight + self.bias
        return out * np.nan if noise is not None and self.calls == self.bad else out


def test_the_loop_trains_any_network():
    rows, options = Rows(64), TrainingConfig(epochs=150, batch_size=8, learning_rate=0.1)
    target = rows.values @ np.array([2.0, -1.0, 0.5]) + 7.0
    network = Linear()
    scale = train(
        network, rows, target, options=options, context=FitContext(seed=0), identity="linear"
    )
    np.testing.assert_allclose(scale.to_target(evaluate(network, rows)), target, atol=0.5)


def trained_on(folder: Path | None, seconds: list[float], epochs: int = 9) -> tuple[Linear, Log]:
    """Train; the clock moves on by ``seconds`` from one reading to the next, then by none."""
    rows, left = Rows(40), list(reversed(seconds))
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += left.pop() if left else 0.0
        return now

    network, log = Linear(), Log()
    train(
        network,
        rows,
        rows.values[:, 0].astype(float),
        options=TrainingConfig(epochs=epochs, batch_size=8),
        context=FitContext(seed=0, directory=folder, record=log, notify=log.notify),
        identity="linear",
        clock=clock,
    )
    return network, log


def test_a_validation_part_of_less_than_a_row_is_reported() -> None:
    def said(rows: int, share: float) -> list[str]:
        examples, log = Rows(rows), Log()
        options = TrainingConfig(epochs=2, batch_size=8, validation=share)
        context = FitContext(seed=0, record=log)
        target = examples.values[:, 0].astype(float)
        train(Linear(), examples, target, options=options, context=context, identity="x")
        return list(log.content.get("warnings", {"texts": []})["texts"])

    (text,) = said(9, 0.1)
    assert text.startswith("validation 0.1 of 9 training rows is less than one row: nothing was")
    assert said(10, 0.1) == []
    assert said(9, 0.0) == []


def test_checkpoints_are_written_at_a_low_rate_and_change_nothing(tmp_path, monkeypatch):
    written: list[int] = []
    save = _checkpoint.save

    def counted(folder, arrays, meta):
        written.append(meta["epochs_done"])
        save(folder, arrays, meta)

    monkeypatch.setattr(_checkpoint, "save", counted)
    plain, log = trained_on(None, [])
    for name, seconds, epochs in (
        ("never", [], [9]),
        ("always", [99.0] * 99, [*range(1, 10), 9]),
        ("some", [0.0, *[12.0, 12.0, 12.0, 0.0] * 3], [3, 6, 9, 9]),
    ):
        written.clear()
        network, other = trained_on(tmp_path / name, seconds)
        assert written == epochs
        assert other.content == log.content
        for key, value in plain.state_dict().items():
            assert torch.equal(network.state_dict()[key], value)


@pytest.mark.parametrize("epoch", [2, 5])
def test_a_fit_that_is_killed_outright_goes_on_from_its_last_checkpoint(tmp_path, epoch):
    whole, log = trained_on(tmp_path / "whole", [])
    code = (
        "import os, sys\nsys.path.insert(0, sys.argv[1])\n"
        "import test_cgcnn as test\n"
        "def die(log, text):\n"
        f"    if text.startswith('epoch {epoch} '):\n        os.kill(os.getpid(), 9)\n"
        "test.Log.notify = die\n"
        "test.trained_on(test.Path(sys.argv[2]), [0.0, 0.0, 31.0])\n"
    )
    here = str(Path(__file__).parent)
    killed = tmp_path / "killed"
    done = subprocess.run([sys.executable, "-c", code, here, str(killed)], check=False)
    assert done.returncode == -9
    assert _checkpoint.load(killed)[1]["epochs_done"] == 2
    network, again = trained_on(killed, [])
    assert again.reported[0].startswith("epoch 3 ")
    assert again.content == log.content
    for key, value in whole.state_dict().items():
        assert torch.equal(network.state_dict()[key], value)


def test_a_nan_loss_names_epoch_and_step_and_keeps_the_epochs_before(tmp_path):
    rows, options = Rows(40), TrainingConfig(epochs=9, batch_size=8, validation=0)
    log = Log()
    context = FitContext(seed=0, directory=tmp_path, record=log)
    message = "epoch 3, step 2: the loss is nan.*weights before it are kept"
    with pytest.raises(TrainingError, match=message):
        train(
            Linear(bad=12),
            rows,
            rows.values[:, 0].astype(float),
            options=options,
            context=context,
            identity="linear",
        )
    assert log.content["learning_curve"]["epoch"] == [1, 2]
    stored, progress = _checkpoint.load(tmp_path)
    assert progress["epochs_done"] == 2
    assert np.isfinite(stored["best/weight"]).all()
    assert stored["best/weight"].any()


def test_outliers_leave_the_training_and_are_listed_by_id():
    graphs, target = random_graphs(40)
    ids = np.array([f"m-{i}" for i in range(40)])
    target[[5, 11]] = [500.0, -400.0]
    kept = np.setdiff1d(np.arange(40), [5, 11])
    model, log = cgcnn(CGCNNConfig(**{**SMALL, "outlier_sigma": 3.0})), Log()
    model.fit(graphs, target, FitContext(seed=0, ids=ids, record=log))
    assert log.content["outliers"]["ids"] == ["m-5", "m-11"]
    assert np.abs(model.predict(graphs) - target[kept].mean()).max() < 20
    assert "outliers" not in fitted(graphs, target)[1]


def test_the_validation_part_stops_a_fit_that_no_longer_improves_and_the_best_epoch_stays():
    graphs, _ = random_graphs(60)
    noise = np.random.default_rng(0).normal(size=60)  # nothing to learn: validation gets worse
    options = {"epochs": 60, "patience": 4, "validation": 0.3, "width": 16, "batch_size": 4}
    _, log = fitted(graphs, noise, **options)
    curve = log["learning_curve"]
    best = int(np.argmin(curve["validation_mae"])) + 1
    assert curve["best_epoch"] == best
    assert len(curve["epoch"]) == best + 4 < 60
    assert {len(values) for name, values in curve.items() if name != "best_epoch"} == {best + 4}


def test_a_small_set_is_passed_over_until_the_least_steps_are_made():
    graphs, target = random_graphs(41)  # 37 train, 4 steps an epoch
    _, content = fitted(graphs, target, epochs=3, least_steps=19)
    assert content["learning_curve"]["epoch"] == [1, 2, 3, 4, 5]
    assert content["learning_curve"]["learning_rate"][-1] < 1e-6  # the schedule is at its end
    _, content = fitted(graphs, target, epochs=3, least_steps=5)
    assert content["learning_curve"]["epoch"] == [1, 2, 3]


def test_a_constant_target_is_predicted():
    graphs, _ = random_graphs(20)
    model, _ = fitted(graphs, np.full(20, 4.0))
    assert np.abs(model.predict(graphs) - 4.0).max() < 1.0


def test_inputs_are_left_as_they_were():
    graphs, target = random_graphs(20)
    before, digest = target.copy(), graphs.fingerprint
    fitted(graphs, target, outlier_sigma=1.0)
    np.testing.assert_array_equal(target, before)
    assert graphs.fingerprint == digest


def test_a_fitted_model_is_restored_from_its_arrays(trained, tmp_path):
    model, graphs, _ = trained
    np.savez(tmp_path / "model.npz", **model.state())
    other = cgcnn(CGCNNConfig(**SMALL))
    with np.load(tmp_path / "model.npz", allow_pickle=False) as arrays:
        other.restore(dict(arrays))
    np.testing.assert_array_equal(other.predict(graphs), model.predict(graphs))


def test_vectors_and_an_unfitted_model_are_refused_in_one_line():
    graphs, target = random_graphs(3)
    vectors = Vectors(np.zeros((3, 1)), np.array(["x"]))
    with pytest.raises(DataError, match="graphs, not from vectors"):
        cgcnn(CGCNNConfig()).fit(vectors, target, FitContext(seed=0))
    with pytest.raises(TrainingError, match="before fit"):
        cgcnn(CGCNNConfig()).predict(graphs)
    with pytest.raises(DataError, match="at least 2"):
        cgcnn(CGCNNConfig()).fit(graphs.take([0]), target[:1], FitContext(seed=0))


@pytest.mark.parametrize(
    "options", [{"dropout": 1.0}, {"epochs": 0}, {"spacing": 9.0}, {"learning_rat": 1}]
)
def test_options_out_of_bounds_are_refused(options):
    with pytest.raises(ValidationError):
        CGCNNConfig(**options)


def test_the_schedule_is_the_one_cycle_of_torch():
    total, peak = 57, 3e-3
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=total)
    for step in range(total):
        group = optimizer.param_groups[0]
        rate, momentum = one_cycle(step, total, peak)
        assert rate == pytest.approx(group["lr"], rel=1e-9)
        assert momentum == pytest.approx(group["betas"][0], rel=1e-9)
        optimizer.step()
        if step < total - 1:
            reference.step()


@pytest.mark.parametrize("total", [1, 2, 3, 4, 10])
def test_the_schedule_is_defined_for_short_fits(total):
    rates = [one_cycle(step, total, 1.0)[0] for step in range(total)]
    assert all(0 < rate <= 1 for rate in rates)


def test_threads_and_denormals_are_put_back():
    before = torch.get_num_threads()
    tiny = torch.full((1,), 1e-310, dtype=torch.float64)
    flushed = float(tiny * 1.0) == 0
    with torch_settings(before + 1):
        assert torch.get_num_threads() == before + 1
        assert float(tiny * 1.0) == 0
    assert torch.get_num_threads() == before
    assert (float(tiny * 1.0) == 0) == flushed


def test_the_first_of_two_fits_to_end_leaves_the_number_of_threads_to_the_other():
    before = torch.get_num_threads()
    wanted, seen = before + 1, []
    inside, ended = threading.Event(), threading.Event()

    def longer():
        with torch_settings(wanted):
            inside.set()
            ended.wait(10)
            seen.append(torch.get_num_threads())

    def shorter():
        with torch_settings(wanted):
            assert inside.wait(10)
        fresh = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        fresh.start()  # a thread that has set nothing sees what is global
        fresh.join()
        ended.set()

    both = [threading.Thread(target=function) for function in (longer, shorter)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert seen == [wanted, wanted]
    assert torch.get_num_threads() == before


def test_elements_stand_where_the_periodic_table_has_them():
    elements = pytest.importorskip("pymatgen.core").Element
    table = descriptors()
    assert not table[0].any()
    for z in range(1, 119):
        element = elements.from_Z(z)
        group, period, block = (int(part.argmax()) for part in np.split(table[z, :29], [18, 25]))
        known = "s" if z == 2 else element.block  # pymatgen counts helium to the p block
        assert (group + 1, period + 1, "spdf"[block]) == (element.group, element.row, known)
        assert table[z, :29].sum() == 3
    np.testing.assert_allclose(table[[57, 70, 71, 103], 29], [1 / 14, 1, 1, 1])


def test_properties_of_elements_are_those_of_pymatgen_up_to_scale():
    elements = pytest.importorskip("pymatgen.core").Element
    table = descriptors()
    for column, name in enumerate(("X", "atomic_radius", "ionization_energy"), start=30):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pymatgen warns where a noble gas has no value
            values = [getattr(elements.from_Z(z), name) for z in range(1, 104)]
        known = np.array([np.nan if v is None else float(v) for v in values])
        scaled = (known - np.nanmean(known)) / np.nanstd(known)
        np.testing.assert_allclose(table[1:104, column], np.nan_to_num(scaled), atol=5e-3)
        assert not table[104:, column].any()


def test_the_light_module_imports_no_torch():
    code = (
        "import sys, atlas_gnn.hooks as m; c = m.atlas_model()[0]; c.config();"
        "assert not {'torch', 'scipy', 'pandas', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
