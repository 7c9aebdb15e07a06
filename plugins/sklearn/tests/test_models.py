"""Models against scikit-learn's own estimators and hand calculations."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from atlas_core.api import (
    DataError,
    FitContext,
    Graphs,
    HasInBag,
    HasLeaves,
    HasMembers,
    HasVariance,
    Vectors,
)
from atlas_core.testing import find_component
from atlas_sklearn._columns import Columns, seed32

NAMES = (
    "random_forest",
    "extra_trees",
    "quantile_forest",
    "gradient_boosting",
    "gaussian_process",
    "ridge",
    "knn",
    "svm",
    "dummy",
)
FORESTS = ("random_forest", "extra_trees", "quantile_forest")
REGRESSORS = ("gaussian_process", "quantile_forest")
SMALL = {name: {"trees": 20} for name in (*FORESTS, "gradient_boosting")}
SEED = 2**40 + 5
REGRESSION = FitContext(seed=SEED)
BINARY = FitContext(seed=SEED, task="binary")


def vectors(table):
    table = np.asarray(table, float)
    return Vectors(table, np.array([f"c{i}" for i in range(table.shape[1])]))


def made(name, **options):
    component, _ = find_component(name, "model")
    assert component.name == name
    return component.build(component.config(**{**SMALL.get(name, {}), **options}))


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(150, 6)) * [1, 10, 0.1, 1, 1, 1] + [0, 100, 0, 0, 0, 5]
    target = table[:, 0] + 0.1 * table[:, 1] + np.sin(3 * table[:, 3]) + 0.1 * rng.normal(size=150)
    return vectors(table[:100]), target[:100], vectors(table[100:]), target[100:]


def labels(target):
    return (target > np.median(target)).astype(float)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_alone_is_predicted_as_in_the_batch_and_a_second_fit_gives_the_same(name, data):
    train, target, new, _ = data
    for context in (REGRESSION, BINARY):
        if context is BINARY:
            if name in REGRESSORS:
                continue
            target = labels(target)
        model, again = made(name), made(name)
        model.fit(train, target, context)
        again.fit(train, target, context)
        together = model.predict(new)
        assert together.shape == (50,)
        assert again.predict(new).tobytes() == together.tobytes()
        alone = np.concatenate([model.predict(new.take([i])) for i in range(50)])
        if name == "gaussian_process":  # a BLAS product rounds
            np.testing.assert_allclose(alone, together, rtol=1e-9)
        else:
            assert alone.tobytes() == together.tobytes()
        if context is BINARY:
            assert ((together >= 0) & (together <= 1)).all()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "dummy"])
def test_every_model_beats_the_mean(name, data):
    train, target, new, truth = data
    model, baseline = made(name), made("dummy")
    model.fit(train, target, REGRESSION)
    baseline.fit(train, target, REGRESSION)
    error = np.abs(model.predict(new) - truth).mean()
    assert error < 0.8 * np.abs(baseline.predict(new) - truth).mean()
    if name not in REGRESSORS:
        model = made(name)
        model.fit(train, labels(target), BINARY)
        right = (model.predict(new) > 0.5) == labels(truth)
        assert right.mean() > 0.7


def standard(target):
    """Return what the trees learn, its center and its unit, worked out anew."""
    center = np.median(target)
    away = np.abs(target - center)
    unit = np.median(away[away > 0])
    return np.round((target - center) / unit * 2.0**30) / 2.0**30, center, unit


@pytest.mark.parametrize("jobs", [1, 2])
def test_members_are_the_predictions_of_scikit_learns_trees(data, jobs):
    train, target, new, _ = data
    model = made("random_forest", max_features="sqrt", min_samples_leaf=3)
    model.fit(train, target, FitContext(seed=SEED, n_jobs=jobs))
    learned, center, unit = standard(target)
    forest = RandomForestRegressor(
        20, max_features="sqrt", min_samples_leaf=3, random_state=SEED % 2**32
    ).fit(train.values, learned)
    expected = np.array([tree.predict(new.values) for tree in forest.estimators_])
    assert isinstance(model, HasMembers)
    assert np.array_equal(model.members(new), expected * unit + center)
    wanted = forest.predict(new.values) * unit + center
    np.testing.assert_allclose(model.predict(new), wanted, rtol=1e-13)


@pytest.mark.parametrize("bootstrap", [False, True])
def test_extra_trees_are_those_of_scikit_learn(data, bootstrap):
    train, target, new, _ = data
    model = made("extra_trees", max_features=0.5, min_samples_leaf=2, bootstrap=bootstrap)
    model.fit(train, target, REGRESSION)
    learned, center, unit = standard(target)
    forest = ExtraTreesRegressor(
        20, max_features=0.5, min_samples_leaf=2, bootstrap=bootstrap, random_state=seed32(SEED)
    ).fit(train.values, learned)
    expected = np.array([tree.predict(new.values) for tree in forest.estimators_])
    assert np.array_equal(model.members(new), expected * unit + center)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("name", FORESTS)
def test_leaves_are_those_that_scikit_learn_applies(data, name, jobs):
    train, target, new, _ = data
    model = made(name)
    model.fit(train, target, FitContext(seed=SEED, n_jobs=jobs))
    assert isinstance(model, HasLeaves)
    forest = getattr(model, "_forest", model)
    assert np.array_equal(model.leaves(new), forest.estimator.apply(new.values))


def test_a_tree_grown_anew_on_the_rows_in_its_bag_is_the_same_tree(data):
    train, target, new, _ = data
    model = made("random_forest", max_features=1.0)
    model.fit(train, target, REGRESSION)
    counts = model.inbag()
    assert isinstance(model, HasInBag)
    assert counts.shape == (20, 100)
    learned, center, unit = standard(target)
    for tree, drawn, predicted in zip(
        model.estimator.estimators_, counts, model.members(new), strict=True
    ):
        again = DecisionTreeRegressor(max_features=1.0, random_state=tree.random_state)
        again.fit(train.values, learned, sample_weight=drawn)
        assert np.array_equal(again.predict(new.values) * unit + center, predicted)


def test_without_a_bootstrap_no_tree_has_a_bag(data):
    model = made("extra_trees", bootstrap=False)
    model.fit(data[0], data[1], REGRESSION)
    with pytest.raises(DataError, match="extra_trees: bootstrap is off"):
        model.inbag()
    component, _ = find_component("extra_trees", "model")
    assert "model:inbag" not in component.provides_of(component.config(bootstrap=False))
    assert "model:inbag" in component.provides_of(component.config())


@pytest.mark.parametrize("cuts", ["best", "random"])
def test_quantiles_weigh_training_rows_by_shared_leaves(data, cuts):
    train, target, new, _ = data
    model = made("quantile_forest", cuts=cuts, min_samples_leaf=4)
    model.fit(train, target, REGRESSION)
    levels = np.array([0.05, 0.5, 0.9])
    own, theirs = model.leaves(new), model.leaves(train)
    for row, found in enumerate(model.quantiles(new, levels).T):
        weights = np.zeros(100)
        for tree in range(20):  # eq. 4 and 5 of Meinshausen 2006, as loops
            inside = theirs[:, tree] == own[row, tree]
            weights += inside / inside.sum() / 20
        order = np.argsort(target)
        reached = np.cumsum(weights[order])
        expected = [target[order][np.flatnonzero(reached >= q - 1e-12)[0]] for q in levels]
        assert found.tolist() == expected


def test_quantiles_of_one_leaf_are_those_of_all_targets():
    target = np.array([5.0, 1.0, 4.0, 2.0, 3.0])
    model = made("quantile_forest", min_samples_leaf=5, bootstrap=False)
    model.fit(vectors([[0.0]] * 5), target, REGRESSION)
    levels = np.array([0.1, 0.2, 0.5, 0.6, 0.99])
    assert model.quantiles(vectors([[3.0]]), levels)[:, 0].tolist() == [1.0, 1.0, 3.0, 3.0, 5.0]


def test_binary_members_are_the_trees_probabilities_of_class_one(data):
    train, target, new, _ = data
    model = made("random_forest", max_depth=3)
    model.fit(train, labels(target), BINARY)
    forest = RandomForestClassifier(
        20, max_features=1 / 3, max_depth=3, random_state=seed32(SEED)
    ).fit(train.values, labels(target))
    expected = [tree.predict_proba(new.values)[:, 1] for tree in forest.estimators_]
    np.testing.assert_allclose(model.members(new), expected, rtol=1e-14)
    np.testing.assert_allclose(model.predict(new), forest.predict_proba(new.values)[:, 1])


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("name", ["random_forest", "knn", "dummy"])
def test_one_class_in_training_is_a_certain_prediction(name, label, data):
    train, _, new, _ = data
    model = made(name)
    model.fit(train, np.full(100, label), BINARY)
    np.testing.assert_allclose(model.predict(new), label)


@pytest.mark.parametrize("name", ["gradient_boosting", "ridge", "svm"])
def test_one_class_in_training_is_refused_where_a_method_needs_two(name, data):
    with pytest.raises(DataError, match=f"{name}: all 100 training rows are of one class"):
        made(name).fit(data[0], np.ones(100), BINARY)


def test_gaussian_process_mean_and_std_equal_scikit_learns(data):
    train, target, new, _ = data
    model = made("gaussian_process")
    model.fit(train, target, REGRESSION)
    scaler = StandardScaler().fit(train.values)
    kernel = ConstantKernel(1.0, (1e-3, 1e3)) * Matern(6**0.5, (1e-2, 1e4), nu=2.5)
    reference = GaussianProcessRegressor(
        kernel + WhiteKernel(0.1, (1e-5, 1e1)), normalize_y=True
    ).fit(scaler.transform(train.values), target)
    mean, std = reference.predict(scaler.transform(new.values), return_std=True)
    epistemic, aleatoric = model.predict_std(new)
    assert isinstance(model, HasVariance)
    np.testing.assert_allclose(model.predict(new), mean, rtol=1e-4)
    np.testing.assert_allclose(np.hypot(epistemic, aleatoric), std, rtol=1e-4)
    noise = reference.kernel_.k2.noise_level**0.5 * target.std()
    np.testing.assert_allclose(aleatoric, noise, rtol=1e-3)


def test_gaussian_process_finds_the_noise_and_is_unsure_far_away():
    rng = np.random.default_rng(1)
    x = rng.uniform(-2, 2, (200, 1))
    model = made("gaussian_process", kernel="rbf")
    model.fit(vectors(x), 30 + np.sin(2 * x[:, 0]) + rng.normal(0, 0.2, 200), REGRESSION)
    epistemic, aleatoric = model.predict_std(vectors([[0.0], [20.0]]))
    np.testing.assert_allclose(aleatoric, 0.2, rtol=0.2)
    assert epistemic[0] < 0.1
    assert epistemic[1] > 0.5


def test_gaussian_process_refuses_more_rows_than_its_cap(data):
    with pytest.raises(DataError, match="100 training rows, but max_rows is 99"):
        made("gaussian_process", max_rows=99).fit(data[0], data[1], REGRESSION)


def test_gradient_boosting_equals_scikit_learns_and_reads_nan(data):
    train, target, new, _ = data
    table = train.values.copy()
    table[::3, 0] = np.nan
    model = made("gradient_boosting", learning_rate=0.2, min_samples_leaf=5)
    model.fit(vectors(table), target, REGRESSION)
    reference = HistGradientBoostingRegressor(
        max_iter=20, learning_rate=0.2, min_samples_leaf=5, early_stopping=False
    ).fit(table, target)
    # scikit-learn adds gradients up in single precision, in the unit that it is given
    np.testing.assert_allclose(model.predict(new), reference.predict(new.values), rtol=1e-7)


def test_ridge_equals_scikit_learns_on_standardized_columns(data):
    train, target, new, _ = data
    scaler = StandardScaler().fit(train.values)
    model = made("ridge", alpha=3.0)
    model.fit(train, target, REGRESSION)
    reference = SklearnRidge(3.0).fit(scaler.transform(train.values), target)
    np.testing.assert_allclose(
        model.predict(new), reference.predict(scaler.transform(new.values)), rtol=1e-9
    )
    model = made("ridge", alpha=4.0)
    model.fit(train, labels(target), BINARY)
    logistic = LogisticRegression(C=0.25).fit(scaler.transform(train.values), labels(target))
    np.testing.assert_allclose(
        model.predict(new), logistic.predict_proba(scaler.transform(new.values))[:, 1], rtol=1e-6
    )


def test_knn_equals_brute_force_and_gives_the_mean_of_equal_rows(data):
    train, target, new, _ = data
    scaler = StandardScaler().fit(train.values)
    model = made("knn", k=4)
    model.fit(train, target, REGRESSION)
    reference = KNeighborsRegressor(4, weights="distance", algorithm="brute").fit(
        scaler.transform(train.values), target
    )
    np.testing.assert_allclose(
        model.predict(new), reference.predict(scaler.transform(new.values)), rtol=1e-7
    )
    polymorphs = vectors([[1.0], [1.0], [5.0]])
    model = made("knn", k=3)
    model.fit(polymorphs, np.array([2.0, 4.0, 100.0]), REGRESSION)
    assert model.predict(vectors([[1.0]])).tolist() == [3.0]


def test_svm_standardizes_columns_and_target(data):
    train, target, new, _ = data
    scaler, mean, std = StandardScaler().fit(train.values), target.mean(), target.std()
    model = made("svm")
    model.fit(train, target, REGRESSION)
    reference = SVR(C=10, epsilon=0.05, gamma=1 / 6).fit(
        scaler.transform(train.values), (target - mean) / std
    )
    expected = reference.predict(scaler.transform(new.values)) * std + mean
    np.testing.assert_allclose(model.predict(new), expected, rtol=1e-6)


def test_mean_looks_at_no_feature():
    graphs = Graphs(
        np.arange(3), np.ones(2), np.zeros(3), *(np.zeros(0) for _ in range(3)), np.zeros((0, 3))
    )
    model = made("dummy")
    model.fit(graphs, np.array([1.0, 4.0]), REGRESSION)
    assert model.predict(graphs).tolist() == [2.5, 2.5]


def test_missing_values_take_the_training_mean_and_columns_without_values_are_dropped():
    nan = np.nan
    train = vectors([[1.0, nan, 7.0], [3.0, nan, 7.0], [nan, nan, 7.0]])
    new = vectors([[nan, 5.0, nan], [9.0, 5.0, 8.0]])
    assert Columns(train, "m", scale=False)(new).tolist() == [[2.0, 7.0], [9.0, 8.0]]
    # column 0 filled is 1, 3, 2: std sqrt(2 / 3); column 2 is constant and says nothing
    np.testing.assert_allclose(
        Columns(train, "m", scale=True)(new), [[0.0, 0.0], [7 / (2 / 3) ** 0.5, 0.0]]
    )
    kept = Columns(train, "m", impute=False, scale=False)(new)
    assert np.isnan(kept[0]).all()


def test_columns_refuse_graphs_empty_tables_and_other_columns():
    train = vectors([[1.0, 2.0]])
    with pytest.raises(DataError, match="m: no feature column has a number"):
        Columns(vectors([[np.nan]]), "m", scale=False)
    with pytest.raises(DataError, match="1 feature columns that are not the 2 of training"):
        Columns(train, "m", scale=False)(vectors([[1.0]]))
    graphs = Graphs(
        np.arange(2), np.ones(1), np.zeros(2), *(np.zeros(0) for _ in range(3)), np.zeros((0, 3))
    )
    with pytest.raises(DataError, match="m: needs feature vectors, not graphs"):
        Columns(graphs, "m", scale=False)
