"""Last layers against scikit-learn's Bayesian regression and Gaussian process."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import BayesianRidge
from sklearn.preprocessing import StandardScaler

from atlas_core.api import ContractError, DataError, FitContext, Vectors
from atlas_core.testing import find_component
from atlas_uncertainty import hooks, last_layer_gp, last_layer_laplace

CONTEXT = FitContext(seed=3)


class Embedding:
    """Knows nothing itself; its embedding has one column that does not vary."""

    def fit(self, features, target, context): ...

    def predict(self, features):
        return np.full(len(features), 7.0)

    def embed(self, features):
        return np.column_stack([features.values * [1.0, 5.0, 0.2], np.full(len(features), 0.1)])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(80, 3))
    labels = np.array(["a", "b", "c"])
    target = 40 + 3 * table[:, 0] - table[:, 1] + 0.5 * rng.normal(size=80)
    return Vectors(table, labels), target, Vectors(3 * rng.normal(size=(20, 3)), labels)


def test_the_linear_layer_is_the_bayesian_ridge_of_scikit_learn(data):
    train, target, new = data
    method = last_layer_laplace.LastLayerLaplace(hooks.LastLayerLaplaceConfig(mean="line"))
    found = method.fit(Embedding, train, target, CONTEXT)[0].predict(new)
    scaler = StandardScaler().fit(train.values)
    flat = {"alpha_1": 0, "alpha_2": 0, "lambda_1": 0, "lambda_2": 0}
    reference = BayesianRidge(max_iter=10_000, tol=1e-12, **flat)
    reference.fit(scaler.transform(train.values), target)
    mean, std = reference.predict(scaler.transform(new.values), return_std=True)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(found.aleatoric, reference.alpha_**-0.5, rtol=1e-6)
    # theirs takes the offset as known: ours adds noise^2 / n
    offset = 1 / (80 * reference.alpha_)
    np.testing.assert_allclose(found.std**2, std**2 + offset, rtol=1e-6)


def test_noise_and_offset_are_those_of_a_sample_where_nothing_else_is_there():
    rng = np.random.default_rng(1)
    target = rng.normal(5, 2, 50)
    rows = Vectors(np.zeros((50, 3)), np.array(["a", "b", "c"]))
    method = last_layer_laplace.LastLayerLaplace(hooks.LastLayerLaplaceConfig(mean="line"))
    found = method.fit(Embedding, rows, target, CONTEXT)[0].predict(rows.take([0]))
    np.testing.assert_allclose(found.mean, target.mean())
    np.testing.assert_allclose(found.aleatoric, target.std())
    np.testing.assert_allclose(found.epistemic, target.std() / 50**0.5)


def test_an_exact_fit_leaves_finite_stds():
    rows = Vectors(np.eye(3)[[0, 1, 2, 0]], np.array(["a", "b", "c"]))
    method = last_layer_laplace.LastLayerLaplace(hooks.LastLayerLaplaceConfig(mean="line"))
    target = np.array([1.0, 2.0, 3.0, 1.0])
    found = method.fit(Embedding, rows, target, CONTEXT)[0].predict(rows)
    assert np.isfinite(found.std).all()


@pytest.mark.parametrize("rows", [1000, 50])
def test_the_process_is_that_of_scikit_learn_on_principal_components(data, rows):
    train, target, new = data
    config = hooks.LastLayerGPConfig(mean="gp", kernel="rbf", components=2, rows=rows)
    found = last_layer_gp.LastLayerGP(config).fit(Embedding, train, target, CONTEXT)[0].predict(new)
    chosen = np.sort(CONTEXT.child("rows").rng().permutation(80)[:rows])
    scaler = StandardScaler().fit(train.values[chosen])
    pca = PCA(2).fit(scaler.transform(train.values[chosen]))

    def inside(table):
        return pca.transform(scaler.transform(table))

    kernel = ConstantKernel(1.0, (1e-3, 1e3)) * RBF(2**0.5, (1e-2, 1e4))
    reference = GaussianProcessRegressor(
        kernel + WhiteKernel(0.1, (1e-5, 1e1)), normalize_y=True
    ).fit(inside(train.values[chosen]), target[chosen])
    mean, std = reference.predict(inside(new.values), return_std=True)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-4)
    np.testing.assert_allclose(found.std, std, rtol=1e-4)
    noise = reference.kernel_.k2.noise_level**0.5 * target[chosen].std()
    np.testing.assert_allclose(found.aleatoric, noise, rtol=1e-3)


@pytest.mark.parametrize("module", [last_layer_laplace, last_layer_gp])
def test_the_mean_is_the_models_unless_asked_otherwise(data, module):
    train, target, new = data
    component, _ = find_component(module.__name__.rpartition(".")[2], "uq")
    method = find_component(module.__name__.rpartition(".")[2], "uq")[0].build(component.config())
    assert method.fit(Embedding, train, target, CONTEXT)[0].predict(new).mean.tolist() == [7.0] * 20
    with pytest.raises(DataError, match="needs a regression target"):
        method.fit(Embedding, train, target > 40, FitContext(seed=0, task="binary"))

    class Plain:
        def fit(self, features, target, context): ...
        def predict(self, features): ...

    with pytest.raises(ContractError, match="Plain does not implement HasEmbedding"):
        method.fit(Plain, train, target, CONTEXT)
