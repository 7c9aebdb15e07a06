"""The committee against scikit-learn's regressors on its columns."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from atlas_core.api import DataError, FitContext, Graphs, Vectors, derive_seed
from atlas_core.testing import with_components
from atlas_uncertainty.committee import Committee
from atlas_uncertainty.hooks import CommitteeConfig

TWO = ("ridge", {"use": "extra_trees", "options": {"trees": 100}})
LABELS = np.array(["element mean Z", "element mean X", "element range Z", "element range X"])


class Nine:
    """Predict nine."""

    def fit(self, features, target, context): ...

    def predict(self, features):
        return np.full(len(features), 9.0)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(60, 4)) * [1, 10, 1, 1] + 3
    target = 9 + table[:, 0] + 0.1 * table[:, 1]
    return Vectors(table, LABELS), target, Vectors(rng.normal(size=(8, 4)) + 3, LABELS)


def committee(**options):
    """Return the method with the members that are installed."""
    return Committee(with_components(CommitteeConfig(**options)))


def predicted(data, **options):
    train, target, new = data
    method = committee(**options)
    return method.fit(Nine, train, target, FitContext(seed=2))[0].predict(new)


def on(data, columns, regressor):
    """Return what a regressor of scikit-learn predicts from some columns."""
    train, target, new = data
    scaler = StandardScaler().fit(train.values[:, columns])
    unit, mean = target.std(), target.mean()
    regressor.fit(scaler.transform(train.values[:, columns]), (target - mean) / unit)
    return mean + unit * regressor.predict(scaler.transform(new.values[:, columns]))


def test_columns_by_label_are_taken_in_turns_and_the_spread_is_by_hand(data):
    found = predicted(data, members=TWO, columns="labels")
    seed = derive_seed(2, "other", 1) % 2**32
    forest = ExtraTreesRegressor(100, max_features=1 / 3, bootstrap=True, random_state=seed)
    expected = np.stack([np.full(8, 9.0), on(data, [0, 1], Ridge(1.0)), on(data, [2, 3], forest)])
    np.testing.assert_allclose(found.samples, expected, rtol=1e-9)
    np.testing.assert_allclose(found.epistemic, expected.std(axis=0, ddof=1))
    assert found.mean.tolist() == [9.0] * 8
    committee = predicted(
        data,
        members=TWO,
        columns="labels",
        mean="committee",
    )
    np.testing.assert_allclose(committee.mean, expected.mean(axis=0))


def test_random_columns_are_a_share_drawn_anew_for_each(data):
    train, target, new = data
    method = committee(members=("ridge",) * 6, share=0.5)
    found = method.fit(Nine, train, target, FitContext(seed=2))[0].predict(new).samples[1:]
    pairs = [[i, j] for i in range(4) for j in range(i + 1, 4)]
    possible = np.stack([on(data, pair, Ridge(1.0)) for pair in pairs])
    which = [np.flatnonzero(np.isclose(possible, row).all(axis=1)) for row in found]
    assert all(len(pair) == 1 for pair in which)
    assert len({int(pair[0]) for pair in which}) > 1


def test_every_kind_of_model_takes_part(data):
    kinds = ("ridge", "knn", "extra_trees", "gradient_boosting", "svm")
    found = predicted(data, members=kinds, columns="all")
    assert found.samples.shape == (6, 8)
    truth = 9 + data[2].values[:, 0] + 0.1 * data[2].values[:, 1]
    errors = np.abs(found.samples[1:] - truth).mean(axis=1)
    assert (errors < np.abs(truth - data[1].mean()).mean()).all()


def test_missing_values_graphs_and_labels(data):
    train, target, new = data
    method = committee()
    holed = new.values.copy()
    holed[0, 1] = np.nan
    predictor = method.fit(Nine, train, target, FitContext(seed=2))[0]
    filled = new.values.copy()
    filled[0, 1] = train.values[:, 1].mean()
    np.testing.assert_allclose(
        predictor.predict(Vectors(holed, LABELS)).samples,
        predictor.predict(Vectors(filled, LABELS)).samples,
    )
    assert len(predictor.predict(new.take([]))) == 0
    graphs = Graphs(
        np.arange(3), np.ones(2), np.zeros(3), *(np.zeros(0) for _ in range(3)), np.zeros((0, 3))
    )
    with pytest.raises(DataError, match="committee: needs feature vectors, not graphs"):
        method.fit(Nine, graphs, np.ones(2), FitContext(seed=0))
    with pytest.raises(DataError, match="needs a regression target"):
        method.fit(Nine, train, np.ones(60), FitContext(seed=0, task="binary"))
