"""Methods that learn from rows left out: against scikit-learn, known variances and hand sums."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from atlas_core.api import DataError, FitContext, Graphs, Vectors
from atlas_uncertainty import distance_scaled, hooks, residual_model
from atlas_uncertainty._held_out import Neighborhood, at_random, by_cluster, out_of_fold
from atlas_uncertainty.distance_scaled import linear_variance

CONTEXT = FitContext(seed=5, ids=np.array([f"m-{i}" for i in range(60)]))


def vectors(table):
    table = np.asarray(table, float)
    return Vectors(table, np.array([f"c{i}" for i in range(table.shape[1])]))


class MeanModel:
    """Predict the mean of the training targets; keep what it was given."""

    def fit(self, features, target, context):
        self.rows, self.target, self.context = features.values.copy(), target.copy(), context

    def predict(self, features):
        return np.full(len(features), self.target.mean())


class Embedding(MeanModel):
    def embed(self, features):
        return features.values * [1.0, 0.0]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(60, 2)) * [1, 10]
    return vectors(table), table[:, 0] ** 2


def test_each_row_is_left_out_once_and_its_model_never_saw_it(data):
    features, target = data
    parts = at_random(60, 7, CONTEXT)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(60))
    folds = list(out_of_fold(MeanModel, features, target, parts, context=CONTEXT, name="test"))
    for fold, part in zip(folds, parts, strict=True):
        others = np.setdiff1d(np.arange(60), part)
        assert np.array_equal(fold.model.rows, features.values[others])
        assert fold.model.context.ids.tolist() == [f"m-{i}" for i in others]
        np.testing.assert_allclose(fold.residual, target[part] - target[others].mean())
    assert len({fold.model.context.seed for fold in folds}) == 7


def test_clusters_are_found_and_left_out_whole():
    centers = np.array([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]])
    table = np.repeat(centers, 20, axis=0) + np.random.default_rng(1).normal(size=(60, 2))
    parts = {tuple(part) for part in by_cluster(table, 3, CONTEXT)}
    assert parts == {tuple(range(20)), tuple(range(20, 40)), tuple(range(40, 60))}


def test_distances_are_those_of_scikit_learn_in_units_of_the_data(data):
    features, _ = data
    near = Neighborhood.of(features.values, k=3, most=1000, context=CONTEXT)
    scaled = StandardScaler().fit(features.values)
    search = NearestNeighbors(n_neighbors=4).fit(scaled.transform(features.values))
    own, _ = search.kneighbors(scaled.transform(features.values))
    unit = np.median(own[:, 1:].mean(axis=1))  # the first is the row itself
    new = np.array([[0.0, 0.0], [9.0, -40.0]])
    expected = search.kneighbors(scaled.transform(new), n_neighbors=3)[0].mean(axis=1) / unit
    np.testing.assert_allclose(near.distance(new), expected, rtol=1e-12)
    with_gap = near.distance(np.array([[np.nan, 0.0]]))
    np.testing.assert_allclose(with_gap, near.distance(np.array([[near.table.mean[0], 0.0]])))


def test_the_variance_that_made_the_errors_is_found():
    rng = np.random.default_rng(2)
    distance = rng.uniform(0, 4, 20_000)
    residual = rng.normal(size=20_000) * np.sqrt(0.3 + 0.8 * distance)
    np.testing.assert_allclose(linear_variance(distance, residual), (0.3, 0.8), rtol=0.08)
    # errors that do not grow: all of it is at distance 0
    floor, slope = linear_variance(distance, rng.normal(size=20_000))
    np.testing.assert_allclose(floor, 1.0, rtol=0.05)
    assert slope < 0.03
    # a std of 3 in another unit is a variance of 9
    np.testing.assert_allclose(
        linear_variance(distance, 3 * residual),
        9 * np.array(linear_variance(distance, residual)),
        rtol=1e-4,
    )


@pytest.mark.parametrize("representation", ["vectors", "embedding"])
def test_sigma_is_the_root_of_distance_over_a_constant(data, representation):
    features, target = data
    config = hooks.DistanceScaledConfig(representation=representation, neighbors=1, clusters=0)
    records = {}
    context = FitContext(seed=5, record=records.__setitem__)
    predictor = distance_scaled.DistanceScaled(config).fit(Embedding, features, target, context)[0]
    found = predictor.predict(vectors([[10.0, 0.0], [1000.0, 0.0]]))
    fitted = records["distance_scaled"]
    np.testing.assert_allclose(found.aleatoric**2, fitted["variance_at_0"])
    scaled = (features.values - features.values.mean(axis=0)) / features.values.std(axis=0)
    if representation == "embedding":
        scaled[:, 1] = 0.0
    gaps = np.linalg.norm(scaled[:, None] - scaled, axis=2) + np.diag(np.full(60, np.inf))
    new = (np.array([[10.0, 0.0], [1000.0, 0.0]]) - features.values.mean(axis=0)) / (
        features.values.std(axis=0)
    )
    if representation == "embedding":
        new[:, 1] = 0.0
    away = np.linalg.norm(new[:, None] - scaled, axis=2).min(axis=1)
    unit = np.median(gaps.min(axis=1))
    np.testing.assert_allclose(
        found.epistemic**2, fitted["variance_a_unit"] * away / unit, rtol=1e-9
    )
    assert found.mean.tolist() == [target.mean()] * 2


def test_graphs_need_an_embedding():
    graphs = Graphs(
        np.arange(3), np.ones(2), np.zeros(3), *(np.zeros(0) for _ in range(3)), np.zeros((0, 3))
    )
    method = distance_scaled.DistanceScaled(hooks.DistanceScaledConfig())

    class Any(MeanModel):
        def fit(self, features, target, context):
            self.target = target

    with pytest.raises(DataError, match="features are graphs; use representation: embedding"):
        method.fit(Any, graphs, np.ones(2), FitContext(seed=0))


def test_two_rows_a_fold_are_the_least(data):
    features, target = data
    few = np.arange(9)
    method = residual_model.ResidualModel(hooks.ResidualModelConfig())
    with pytest.raises(DataError, match="9 training rows are too few for 5 folds"):
        method.fit(MeanModel, features.take(few), target[few], FitContext(seed=0))


def test_the_error_model_learns_absolute_errors_of_rows_left_out(data):
    features, target = data
    models = []

    def make_model():
        models.append(MeanModel())
        return models[-1]

    method = residual_model.ResidualModel(hooks.ResidualModelConfig(folds=4))
    found = method.fit(make_model, features, target, CONTEXT)[0].predict(features.take([0, 1]))
    assert len(models) == 6
    errors = np.empty(60)
    for part in at_random(60, 4, CONTEXT):
        others = np.setdiff1d(np.arange(60), part)
        errors[part] = np.abs(target[part] - target[others].mean())
    np.testing.assert_allclose(models[-1].target, errors)
    # the std of a Gaussian is sqrt(pi / 2) times its mean absolute deviation
    np.testing.assert_allclose(found.aleatoric, np.sqrt(np.pi / 2) * errors.mean())
    np.testing.assert_allclose(found.mean, target.mean())
    assert found.epistemic is None


def test_a_negative_error_becomes_the_floor(data):
    features, target = data

    class Negative(MeanModel):
        def predict(self, features):
            return np.full(len(features), -1.0)

    method = residual_model.ResidualModel(hooks.ResidualModelConfig(folds=2, floor=0.5))
    found = method.fit(Negative, features, target, CONTEXT)[0].predict(features.take([0]))
    expected = 0.5 * np.sqrt(np.pi / 2) * np.median(target + 1.0)
    np.testing.assert_allclose(found.aleatoric, expected)
