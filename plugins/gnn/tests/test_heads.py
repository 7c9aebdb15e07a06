"""Heads that predict a variance: losses against scipy, the networks against noise that is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional

from atlas_core.api import DataError, FitContext, HasSnapshots, HasVariance
from atlas_core.testing import find_component, run_contract
from atlas_core.testing.samples import toy_graphs, toy_labels, toy_materials, toy_target
from atlas_gnn._heads import evidence_of, loss_of, mean_of, stds_of, variance_of
from atlas_gnn._options import TrainingConfig
from atlas_gnn._training import evaluate, train
from atlas_gnn.cgcnn import cgcnn
from atlas_gnn.hooks import CGCNNConfig

RNG = np.random.default_rng(0)


def outputs(columns):
    return torch.tensor(RNG.normal(size=(30, columns)), dtype=torch.float64, requires_grad=True)


TARGET = torch.tensor(RNG.normal(size=30))


def test_the_plain_head_has_the_huber_loss_of_torch():
    output = outputs(1)[:, 0]
    options = TrainingConfig(huber_delta=0.3)
    expected = functional.huber_loss(output, TARGET, delta=0.3)
    assert loss_of(output, TARGET, options, judged=False) == expected


def test_without_beta_the_loss_is_the_gaussians_of_scipy():
    output = outputs(2)
    options = TrainingConfig(head="mean_variance", beta=0)
    std = variance_of(output).sqrt().detach().numpy()
    expected = -stats.norm.logpdf(TARGET, mean_of(output).detach(), std).mean()
    for judged in (False, True):
        found = loss_of(output, TARGET, options, judged=judged).item()
        np.testing.assert_allclose(found + 0.5 * np.log(2 * np.pi), expected)


def test_with_beta_one_the_gradient_of_the_mean_is_that_of_half_the_squared_error():
    output = outputs(2)
    options = TrainingConfig(head="mean_variance", beta=1)
    loss_of(output, TARGET, options, judged=False).backward()
    error = (mean_of(output) - TARGET).detach()
    np.testing.assert_allclose(output.grad[:, 0], error / 30)


def test_the_evidential_loss_is_the_student_t_of_scipy_and_its_penalty():
    output = outputs(4)
    nu, alpha, beta = (part.detach().numpy() for part in evidence_of(output))
    mean = mean_of(output).detach().numpy()
    scale = np.sqrt(beta * (1 + nu) / (nu * alpha))  # eq. 7 of Amini 2020
    nll = -stats.t.logpdf(TARGET, 2 * alpha, mean, scale)
    options = TrainingConfig(head="evidential", evidence_penalty=0.3)
    found = loss_of(output, TARGET, options, judged=True).item()
    np.testing.assert_allclose(found, nll.mean(), rtol=1e-10)
    penalty = 0.3 * np.abs(TARGET.numpy() - mean) * (2 * nu + alpha)
    found = loss_of(output, TARGET, options, judged=False).item()
    np.testing.assert_allclose(found, (nll + penalty).mean(), rtol=1e-10)
    epistemic, aleatoric = (part.detach().numpy() for part in stds_of(output, options))
    np.testing.assert_allclose(aleatoric**2, beta / (alpha - 1))
    np.testing.assert_allclose(epistemic**2, beta / (nu * (alpha - 1)))


class Rows:
    """Vectors of one number as examples."""

    def __init__(self, x):
        self.values = np.asarray(x, np.float32)[:, None]

    def __len__(self):
        return len(self.values)

    def batch(self, indices):
        return torch.from_numpy(self.values[indices])

    def chunks(self):
        yield np.arange(len(self))


class Small(torch.nn.Module):
    """Two layers from a number to the columns of a head."""

    def __init__(self, columns):
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        self.inner, self.outer = torch.nn.Linear(1, 24), torch.nn.Linear(24, columns)
        for parameter in self.parameters():
            torch.nn.init.normal_(parameter, std=0.5, generator=rng)

    def forward(self, batch, noise):
        return self.outer(torch.tanh(self.inner(batch)))


@pytest.mark.parametrize(("head", "columns"), [("mean_variance", 2), ("evidential", 4)])
def test_noise_that_differs_between_rows_is_found(head, columns):
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, 2000)
    noise = np.where(x < 0, 0.2, 1.0)
    target = 5 + 3 * x + noise * rng.normal(size=2000)
    options = TrainingConfig(head=head, epochs=60, learning_rate=0.02, validation=0)
    network = Small(columns)
    scale = train(
        network, Rows(x), target, options=options, context=FitContext(seed=0), identity="small"
    )
    output = evaluate(network, Rows([-0.7, -0.4, 0.4, 0.7]))
    np.testing.assert_allclose(
        scale.to_target(output), 5 + 3 * np.array([-0.7, -0.4, 0.4, 0.7]), atol=0.25
    )
    epistemic, aleatoric = (scale.std * part.numpy() for part in stds_of(output, options))
    # the likelihood of an evidential head fixes the sum of its variances, not how it is shared
    np.testing.assert_allclose(np.hypot(epistemic, aleatoric), [0.2, 0.2, 1.0, 1.0], rtol=0.3)


@pytest.mark.parametrize("head", ["mean_variance", "evidential"])
@pytest.mark.parametrize("name", ["cgcnn", "roost"])
def test_networks_with_another_head_keep_the_contract(name, head):
    component, _ = find_component(name, "model")
    options = {**component.contract_options, "head": head}
    only = {
        "predictions_are_finite",
        "learns_better_than_the_mean",
        "batch_of_one_equals_the_batch",
        "checkpoints_change_nothing",
        "capabilities_are_implemented",
        "variance_is_a_variance",
        "dropout_samples_obey_the_seed",
    }
    results = run_contract(component, "model", options=options, only=only)
    assert {result.outcome for result in results} == {"passed"}, results
    assert len(results) == len(only)


@pytest.mark.parametrize("head", ["mean", "mean_variance"])
def test_a_network_with_snapshots_keeps_the_contract(head):
    component, _ = find_component("cgcnn", "model")
    more = {"snapshots": 3, "snapshot_epochs": 4, "head": head}
    only = {
        "learns_better_than_the_mean",
        "batch_of_one_equals_the_batch",
        "checkpoints_change_nothing",
        "capabilities_are_implemented",
        "snapshots_average_to_the_prediction",
        "dropout_samples_obey_the_seed",
    }
    options = {**find_component("cgcnn", "model")[0].contract_options, **more}
    results = run_contract(component, "model", options=options, only=only)
    assert {result.outcome for result in results} == {"passed"}, results


def test_the_first_snapshot_is_the_training_without_snapshots_and_all_are_restored():
    crystals = toy_materials().take(np.arange(30))
    graphs, target = toy_graphs(crystals), toy_target(crystals)
    small = {**find_component("cgcnn", "model")[0].contract_options, "epochs": 3}
    plain = cgcnn(CGCNNConfig(**small))
    plain.fit(graphs, target, FitContext(seed=0))
    assert not isinstance(plain, HasSnapshots)
    config = CGCNNConfig(**small, snapshots=3, snapshot_epochs=2)
    curves = {}
    model = cgcnn(config)
    model.fit(graphs, target, FitContext(seed=0, record=curves.__setitem__))
    found = model.snapshots(graphs)
    assert isinstance(model, HasSnapshots)
    assert found[0].tobytes() == plain.predict(graphs).tobytes()
    assert [
        len(curves[f"{name}learning_curve"]["epoch"]) for name in ("", "snapshot-1/", "snapshot-2/")
    ] == [3, 2, 2]
    again = cgcnn(config)
    again.restore(model.state())
    assert again.snapshots(graphs).tobytes() == found.tobytes()


def test_a_plain_network_has_no_variance_and_another_refuses_labels():
    component, _ = find_component("cgcnn", "model")
    plain, wide = component.config(), component.config(head="mean_variance")
    assert not isinstance(component.build(plain), HasVariance)
    assert isinstance(component.build(wide), HasVariance)
    assert "model:variance" not in component.provides_of(plain)
    assert "model:variance" in component.provides_of(wide)
    assert "task:regression" in component.requires_of(wide)
    crystals = toy_materials().take(np.arange(6))
    with pytest.raises(DataError, match="cgcnn: head mean_variance needs a regression target"):
        component.build(wide).fit(
            toy_graphs(crystals), toy_labels(crystals), FitContext(seed=0, task="binary")
        )


def test_stds_are_in_the_targets_unit():
    crystals = toy_materials().take(np.arange(30))
    graphs, target = toy_graphs(crystals), toy_target(crystals)
    small = {
        **find_component("cgcnn", "model")[0].contract_options,
        "head": "mean_variance",
        "epochs": 2,
    }
    found = []
    for factor in (1.0, 1000.0):
        model = cgcnn(CGCNNConfig(**small))
        model.fit(graphs, factor * target, FitContext(seed=0))
        found.append(model.predict_std(graphs))
    np.testing.assert_allclose(found[1][1], 1000 * found[0][1], rtol=1e-4)
    assert not found[0][0].any()
    assert [len(part) for part in model.predict_std(graphs.take([]))] == [0, 0]
