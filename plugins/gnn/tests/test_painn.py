"""PaiNN held against its equations written as loops, against turned crystals, and on angles."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from atlas_core.api import DataError, FitContext, Graphs, HasDropout, HasEmbedding, offsets_of
from atlas_gnn._crystals import CrystalExamples
from atlas_gnn.hooks import PaiNNConfig
from atlas_gnn.painn import (
    Edges,
    EquivariantNet,
    Interaction,
    _SumInBlocks,
    painn,
    pass_messages,
    radial_basis,
)

SMALL = {"epochs": 3, "width": 8, "hidden": 8, "interactions": 2, "batch_size": 8, "radial": 6}


def random_graphs(n, seed=0, degree=12):
    """Crystals of 1 to 5 atoms with random neighbors all around; ``degree`` 0: 0 to 4 each."""
    rng = np.random.default_rng(seed)
    atoms = rng.integers(1, 6, n)
    degrees = np.full(atoms.sum(), degree) if degree else rng.integers(0, 5, atoms.sum())
    owner = np.repeat(np.repeat(np.arange(n), atoms), degrees)
    src = np.repeat(np.concatenate([np.arange(a) for a in atoms]), degrees)
    unit = rng.normal(size=(len(src), 3))
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    distance = rng.uniform(1.5, 6.5, len(src))  # some beyond the cutoff
    return Graphs(
        node_offsets=offsets_of(atoms),
        numbers=rng.integers(1, 90, atoms.sum()),
        edge_offsets=offsets_of(np.bincount(owner, minlength=n)),
        src=src,
        dst=rng.integers(0, 1_000_000, len(src)) % atoms[owner],
        distance=distance,
        image=np.zeros((len(src), 3)),
        vector=unit * distance[:, None],
    )


def random_rotation(seed):
    """A random orthogonal matrix; odd seeds give one that mirrors as well."""
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    sign = np.sign(np.linalg.det(matrix)) * (-1 if seed % 2 else 1)
    return matrix * sign


def turned(graphs, matrix):
    return replace(graphs, vector=graphs.vector @ matrix.T)


def batch_of(graphs):
    return CrystalExamples(graphs, "cpu", directions=True).batch(np.arange(len(graphs)))


def sum_over_edges(phi, weight, v, edges):
    """What ``pass_messages`` returns, in torch's plain operations on all edges at once."""
    f = weight.shape[1] // (2 if v is None else 3)
    x = phi[edges.dst] * (edges.basis @ weight)
    along = edges.unit[:, :, None] * x[:, None, f : 2 * f]
    if v is not None:
        along = along + v[edges.dst] * x[:, None, 2 * f :]
    s_sum = x.new_zeros((len(phi), f)).index_add(0, edges.src, x[:, :f])
    return s_sum, x.new_zeros((len(phi), 3, f)).index_add(0, edges.src, along)


def edges_of(atoms, degree, dtype=torch.float64, seed=0):
    rng = np.random.default_rng(seed)
    unit = rng.normal(size=(atoms * degree, 3))
    return Edges(
        src=torch.arange(atoms).repeat_interleave(degree),
        dst=torch.from_numpy(rng.integers(0, atoms, atoms * degree)),
        basis=torch.from_numpy(rng.normal(size=(atoms * degree, 5))).to(dtype),
        unit=torch.from_numpy(unit / np.linalg.norm(unit, axis=1)[:, None]).to(dtype),
    )


# --- the equations -----------------------------------------------------------------------------


def silu(x):
    return x / (1 + np.exp(-x))


def layer_by_loops(layer, s, v, graph):
    """One round for one crystal in float64: equations 7 to 10 of the paper, edge by edge."""
    cutoff, radial = 6.0, SMALL["radial"]
    w = {name: value.double().numpy() for name, value in layer.state_dict().items()}

    def dense(name, x):
        return w[f"{name}.weight"] @ x + w.get(f"{name}.bias", 0.0)

    atoms, f = s.shape
    ds, dv = np.zeros((atoms, f)), np.zeros((atoms, 3, f))
    for e in range(len(graph.src)):
        i, j = graph.src[e], graph.dst[e]
        r = float(graph.distance[e])
        if r >= cutoff:
            continue
        fade = 0.5 * (np.cos(np.pi * r / cutoff) + 1)
        x = np.pi * r / cutoff
        waves = [np.sin(n * x) / x for n in range(1, radial + 1)]
        filters = dense("filters", np.array([*waves, 1.0]) * fade)
        x = dense("send_out", silu(dense("send_in", s[j]))) * filters
        ds[i] += x[:f]
        dv[i] += np.outer(graph.vector[e] / r, x[f : 2 * f])
        if len(x) == 3 * f:
            dv[i] += v[j] * x[2 * f :]
    s, v = s + ds, v + dv
    s_out, v_out = s.copy(), v.copy()
    for i in range(atoms):
        mixed = v[i] @ w["mix.weight"].T
        left, right = mixed[:, :f], mixed[:, f:]
        length = np.sqrt((right**2).sum(0) + 1e-8)
        a = dense("update_out", silu(dense("update_in", np.concatenate([s[i], length]))))
        s_out[i] += a[:f] + a[f : 2 * f] * (left * right).sum(0)
        if len(a) == 3 * f:
            v_out[i] += a[2 * f :] * left
    return s_out, v_out


@pytest.mark.parametrize("degree", [12, 0])
@pytest.mark.parametrize(("first", "last"), [(True, False), (False, False), (False, True)])
def test_a_round_is_the_papers_equations_written_as_loops(degree, first, last):
    whole = random_graphs(6, seed=3, degree=degree)
    config = PaiNNConfig(**SMALL)
    layer = Interaction(8, 7, torch.Generator().manual_seed(1), first=first, last=last)
    rng = np.random.default_rng(4)
    s = rng.normal(size=(len(whole.numbers), 8))
    v = np.zeros((len(s), 3, 8)) if first else rng.normal(size=(len(s), 3, 8))
    edges = EquivariantNet(config, 0).edges(batch_of(whole))
    with torch.no_grad():
        vectors = None if first else torch.tensor(v).float()
        s_got, v_got = layer(torch.tensor(s).float(), vectors, edges)
    for i in range(len(whole)):
        rows = slice(whole.node_offsets[i], whole.node_offsets[i + 1])
        wanted = layer_by_loops(layer, s[rows], v[rows], whole.take([i]))
        np.testing.assert_allclose(s_got[rows], wanted[0], atol=1e-5)
        np.testing.assert_allclose(v_got[rows], wanted[1], atol=1e-5)


def test_the_radial_basis_is_zero_from_the_cutoff_on_and_smooth_before():
    near = radial_basis(torch.tensor([5.9999, 6.0, 9.0]), 6.0, 20)
    assert near[0].abs().max() < 1e-4
    assert not near[1:].any()
    assert torch.isfinite(radial_basis(torch.tensor([0.0]), 6.0, 20)).all()


@pytest.mark.parametrize("vectors", [True, False])
def test_the_hand_written_derivative_is_that_of_the_sum_over_edges(vectors, monkeypatch):
    monkeypatch.setattr("atlas_gnn.painn._BLOCK_ROWS", 8)  # several blocks, the last one short
    atoms, degree, f = 7, 3, 4
    edges = edges_of(atoms, degree)
    rng = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(shape, generator=rng, dtype=torch.float64).requires_grad_()

    columns = (3 if vectors else 2) * f
    phi, weight = draw(atoms, columns), draw(5, columns)
    v = draw(atoms, 3, f) if vectors else None

    def dense(phi, weight, *v):
        return _SumInBlocks.apply(phi, weight, v[0] if v else None, edges)

    given = (phi, weight) if v is None else (phi, weight, v)
    assert torch.autograd.gradcheck(dense, given)
    for got, wanted in zip(dense(*given), sum_over_edges(phi, weight, v, edges), strict=True):
        assert torch.allclose(got, wanted, atol=1e-12)


# --- symmetry ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("degree", [12, 0])
def test_vectors_turn_with_the_crystal_and_scalars_do_not(seed, degree):
    graphs, matrix = random_graphs(20, degree=degree), random_rotation(seed)
    network = EquivariantNet(PaiNNConfig(), 0).eval()
    with torch.no_grad():
        s, v = network.interact(batch_of(graphs))
        s_turned, v_turned = network.interact(batch_of(turned(graphs, matrix)))
    expected = torch.einsum("ij,ajf->aif", torch.tensor(matrix).float(), v)
    assert v.abs().max() > 0.1
    assert (s_turned - s).abs().max() <= 1e-5 * s.abs().max()
    assert (v_turned - expected).abs().max() <= 1e-5 * v.abs().max()


def test_the_order_of_atoms_does_not_matter():
    one = random_graphs(1, seed=8)
    order = np.random.default_rng(0).permutation(len(one.numbers))
    place = np.argsort(order)
    edges = np.argsort(place[one.src], kind="stable")
    mixed = replace(
        one,
        numbers=one.numbers[order],
        src=place[one.src][edges],
        dst=place[one.dst][edges],
        distance=one.distance[edges],
        vector=one.vector[edges],
    )
    assert len(order) > 2
    network = EquivariantNet(PaiNNConfig(), 0).eval()
    with torch.no_grad():
        a, b = network.encode(batch_of(one)), network.encode(batch_of(mixed))
    assert torch.allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_crystal_alone_is_the_crystal_in_a_batch():
    graphs = random_graphs(30)
    network = EquivariantNet(PaiNNConfig(), 0).eval()
    with torch.no_grad():
        together = network(batch_of(graphs), None)
        alone = torch.cat([network(batch_of(graphs.take([i])), None) for i in range(30)])
    assert (together - alone).abs().max() <= 1e-6 * together.abs().max()


# --- numbers -----------------------------------------------------------------------------------


def test_a_vector_of_length_zero_has_a_derivative():
    pair = np.array([[1.0, 0, 0], [-1.0, 0, 0]]) * 2.5  # opposite neighbors: vectors cancel
    chain = Graphs([0, 1], [14], [0, 2], [0, 0], [0, 0], [2.5, 2.5], np.zeros((2, 3)), pair)
    alone = Graphs([0, 1], [14], [0, 0], [], [], [], np.zeros((0, 3)), np.zeros((0, 3)))
    for graphs in (chain, alone):
        network = EquivariantNet(PaiNNConfig(**SMALL), 0)
        network(batch_of(graphs), None).sum().backward()
        grads = {name: p.grad for name, p in network.named_parameters()}
        assert all(torch.isfinite(g).all() for g in grads.values() if g is not None)


def test_every_parameter_is_learned():
    network = EquivariantNet(PaiNNConfig(**{**SMALL, "interactions": 3}), 0)
    network(batch_of(random_graphs(10)), None).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())


def test_messages_are_summed_in_float32_where_products_are_in_bfloat16():
    edges = edges_of(6, 3, torch.float32)
    phi, weight, v = torch.randn(6, 12), torch.randn(5, 12), torch.randn(6, 3, 4)
    wanted = sum_over_edges(phi, weight, v, edges)
    with torch.autocast("cpu", torch.bfloat16):
        got = pass_messages(phi, weight, v, edges)
        for a, b in zip(got, wanted, strict=True):
            assert torch.allclose(a, b, atol=1e-5)


# --- the model ---------------------------------------------------------------------------------


def fitted(graphs, target, seed=1, **options):
    model = painn(PaiNNConfig(**{**SMALL, **options}))
    model.fit(graphs, target, FitContext(seed=seed))
    return model


def bent(n, seed=0):
    """Chains X-Y-X that differ in nothing but the angle at Y, turned at random; and its cosine."""
    angle = np.random.default_rng(seed).uniform(0.3, np.pi, n)
    vectors = []
    for turn, a in enumerate(angle):
        left, right = np.array([[2.0, 0, 0], [2 * np.cos(a), 2 * np.sin(a), 0]])
        one = np.array([-left, -left, left, right, -right, -right])
        vectors.append(one @ random_rotation(turn).T)
    graphs = Graphs(
        node_offsets=np.arange(n + 1) * 3,
        numbers=np.tile([8, 14, 8], n),
        edge_offsets=np.arange(n + 1) * 6,
        src=np.tile([0, 0, 1, 1, 2, 2], n),
        dst=np.tile([1, 1, 0, 2, 1, 1], n),
        distance=np.full(6 * n, 2.0),
        image=np.zeros((6 * n, 3)),
        vector=np.concatenate(vectors),
    )
    return graphs, np.cos(angle)


def test_an_angle_that_distances_do_not_know_is_learned():
    train, target = bent(120)
    test, wanted = bent(40, seed=1)
    options = {"epochs": 40, "validation": 0, "width": 16, "batch_size": 16, "weight_decay": 0}
    found = fitted(train, target, **options).predict(test)
    assert np.abs(found - wanted).mean() < 0.1 * wanted.std()


def test_it_gives_samples_an_embedding_and_can_be_restored(tmp_path):
    graphs = random_graphs(40)
    model = fitted(graphs, np.arange(40.0))
    assert isinstance(model, HasDropout)
    assert isinstance(model, HasEmbedding)
    assert model.embed(graphs).shape == (40, 8)
    assert model.sample(graphs, 5, 0).std(axis=0).min() > 0
    np.savez(tmp_path / "model.npz", **model.state())
    other = painn(PaiNNConfig(**SMALL))
    with np.load(tmp_path / "model.npz", allow_pickle=False) as arrays:
        other.restore(dict(arrays))
    np.testing.assert_array_equal(other.predict(graphs), model.predict(graphs))
    assert other.embed(graphs.take([])).shape == (0, 8)


def test_graphs_without_vectors_are_refused_in_one_line():
    bare = replace(random_graphs(5), vector=None)
    with pytest.raises(DataError, match="no vectors of edges; use a featurizer that gives"):
        painn(PaiNNConfig()).fit(bare, np.zeros(5), FitContext(seed=0))


def test_the_light_module_imports_no_torch():
    code = (
        "import sys, atlas_gnn.hooks as m; c = m.atlas_model()[0]; c.config();"
        "assert not {'torch', 'scipy', 'pandas', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
