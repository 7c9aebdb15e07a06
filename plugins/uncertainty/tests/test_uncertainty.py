"""Uncertainty methods against separate trainings and hand calculations."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from atlas_core.api import (
    ContractError,
    FitContext,
    TrainingError,
    Vectors,
    derive_seed,
)
from atlas_core.testing import find_component

CONTEXT = FitContext(seed=11, ids=np.array([f"m-{i}" for i in range(40)]))


class Toy:
    """A line through noisy weights: it has every capability, by hand."""

    def fit(self, features, target, context):
        self.context, self.rows = context, features.values.copy()
        noise = context.rng().normal(0, 0.01, features.values.shape[1])
        self.weights = np.linalg.lstsq(features.values, target, rcond=None)[0] + noise

    def predict(self, features):
        return (features.values * self.weights).sum(axis=1)

    def members(self, features):
        return self.predict(features) + np.array([[-1.0], [1.0], [-2.0], [2.0]])

    def predict_std(self, features):
        return np.abs(features.values[:, 0]), np.full(len(features), 0.5)

    def sample(self, features, passes, seed):
        mask = np.random.default_rng(seed).random((passes, features.values.shape[1])) < 0.5
        return np.stack([(2 * features.values * m * self.weights).sum(axis=1) for m in mask])


class ToyWithEmbedding(Toy):
    def embed(self, features):
        return features.values * self.weights


class Plain:
    """A model without capabilities and without randomness."""

    def fit(self, features, target, context):
        self.mean = target.mean()

    def predict(self, features):
        return np.full(len(features), self.mean)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(40, 3))
    labels = np.array(["a", "b", "c"])
    return Vectors(table, labels), table.sum(axis=1), Vectors(rng.normal(size=(7, 3)), labels)


NAMES = ("tree_variance", "model_variance", "ensemble", "mc_dropout", "deterministic")


def made(name, **options):
    component, _ = find_component(name, "uq")
    assert component.name == name
    return component.build(component.config(**options))


def the_one_model(features, target):
    """Return the model that a method with one training must have made."""
    model = Toy()
    model.fit(features, target, FitContext(seed=derive_seed(11, "member", 0)))
    return model


@pytest.mark.parametrize("name", NAMES)
def test_rows_alone_and_repeated_calls_give_the_same_bytes(name, data):
    train, target, new = data
    predictor = made(name).fit(Toy, train, target, CONTEXT)[0]
    again = made(name).fit(Toy, train, target, CONTEXT)[0]
    together = predictor.predict(new)
    for field in ("mean", "epistemic", "aleatoric", "samples"):
        value = getattr(together, field)
        for other in (predictor.predict(new), again.predict(new)):
            twin = getattr(other, field)
            assert (value is None) == (twin is None)
            assert value is None or value.tobytes() == twin.tobytes()
        if value is not None:
            rows = [getattr(predictor.predict(new.take([i])), field) for i in range(7)]
            assert np.concatenate(rows, axis=-1).tobytes() == value.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_trained_model_comes_with_the_predictor(name, data):
    train, target, new = data
    predictor, model = made(name).fit(ToyWithEmbedding, train, target, CONTEXT)
    wanted = the_one_model(train, target)  # of an ensemble it is the first
    assert np.array_equal(model.embed(new), new.values * wanted.weights)
    plain = made(name).fit(Toy, train, target, CONTEXT)[0]
    assert np.array_equal(predictor.predict(new).mean, plain.predict(new).mean)


def test_members_std_by_hand(data):
    train, target, new = data
    out = made("tree_variance").fit(Toy, train, target, CONTEXT)[0].predict(new)
    # offsets -1, 1, -2, 2: mean 0, variance (1 + 1 + 4 + 4) / 4
    np.testing.assert_allclose(out.mean, the_one_model(train, target).predict(new), atol=1e-14)
    np.testing.assert_allclose(out.epistemic, 2.5**0.5)
    assert out.samples.shape == (4, 7)


def test_snapshots_std_by_hand_and_the_models_noise(data):
    train, target, new = data

    class Kept(Toy):
        def snapshots(self, features):
            return self.predict(features) + np.array([[-1.0], [1.0], [-2.0], [2.0]])

    out = made("snapshots").fit(Kept, train, target, CONTEXT)[0].predict(new)
    # offsets -1, 1, -2, 2: variance (1 + 1 + 4 + 4) / 3, because four are a sample
    np.testing.assert_allclose(out.mean, the_one_model(train, target).predict(new), atol=1e-14)
    np.testing.assert_allclose(out.epistemic, (10 / 3) ** 0.5)
    assert out.aleatoric.tolist() == [0.5] * 7
    assert out.samples.shape == (4, 7)


def test_model_variance_keeps_the_two_parts_apart(data):
    train, target, new = data
    out = made("model_variance").fit(Toy, train, target, CONTEXT)[0].predict(new)
    assert np.array_equal(out.mean, the_one_model(train, target).predict(new))
    assert np.array_equal(out.epistemic, np.abs(new.values[:, 0]))
    assert out.aleatoric.tolist() == [0.5] * 7
    assert out.samples is None


def test_point_has_no_std(data):
    train, target, new = data
    out = made("deterministic").fit(Toy, train, target, CONTEXT)[0].predict(new)
    assert np.array_equal(out.mean, the_one_model(train, target).predict(new))
    assert out.std is None
    assert out.samples is None


@pytest.mark.parametrize("resample", ["seeds", "bootstrap"])
def test_an_ensemble_equals_separate_trainings(resample, data):
    train, target, new = data
    models = []

    def make_model():
        models.append(Toy())
        return models[-1]

    out = made("ensemble", k=3, resample=resample).fit(make_model, train, target, CONTEXT)[0]
    out = out.predict(new)
    separate = []
    for i in range(3):
        seed = derive_seed(11, "member", i)
        rows = np.arange(40)
        if resample == "bootstrap":
            rows = np.random.default_rng(derive_seed(seed, "bootstrap")).integers(0, 40, 40)
        model = Toy()
        model.fit(train.take(rows), target[rows], FitContext(seed=seed))
        separate.append(model.predict(new))
        assert np.array_equal(models[i].rows, train.values[rows])
        assert models[i].context.ids.tolist() == [f"m-{row}" for row in rows]
    np.testing.assert_allclose(out.samples, separate, rtol=1e-15)
    np.testing.assert_allclose(out.mean, np.mean(separate, axis=0))
    np.testing.assert_allclose(out.epistemic, np.std(separate, axis=0, ddof=1))


def test_an_ensemble_keeps_noise_apart_from_spread(data):
    train, target, new = data
    models = []

    class Noisy(Toy):
        def predict_std(self, features):
            noise = 3.0 if models.index(self) else 4.0
            return np.full(len(features), 100.0), np.full(len(features), noise)

    def make_model():
        models.append(Noisy())
        return models[-1]

    out = made("ensemble", k=2).fit(make_model, train, target, CONTEXT)[0].predict(new)
    np.testing.assert_allclose(out.aleatoric, 12.5**0.5)  # (9 + 16) / 2
    first, second = (model.predict(new) for model in models)
    np.testing.assert_allclose(out.epistemic, np.abs(first - second) / 2**0.5)


def test_bootstraps_of_a_mean_spread_like_its_standard_error():
    target = np.random.default_rng(2).normal(size=400)
    features = Vectors(np.zeros((400, 1)), np.array(["a"]))
    method = made("ensemble", k=200, resample="bootstrap")
    out = method.fit(Plain, features, target, FitContext(seed=3))[0].predict(features.take([0]))
    # the relative error of a std from 200 draws is about 1 / sqrt(400)
    np.testing.assert_allclose(out.epistemic, target.std() / 20, rtol=0.2)


def test_an_ensemble_whose_models_agree_to_the_bit_warns(data):
    train, target, _ = data
    with pytest.warns(UserWarning, match="needs resample: bootstrap"):
        made("ensemble", k=2).fit(Plain, train, target, CONTEXT)[0]


def test_mc_dropout_sums_up_the_models_passes(data):
    train, target, new = data
    out = made("mc_dropout", passes=50).fit(Toy, train, target, CONTEXT)[0].predict(new)
    passes = the_one_model(train, target).sample(new, 50, derive_seed(11, "passes"))
    np.testing.assert_allclose(out.samples, passes)
    np.testing.assert_allclose(out.mean, passes.mean(axis=0))
    np.testing.assert_allclose(out.epistemic, passes.std(axis=0, ddof=1))


@pytest.mark.parametrize("name", ["tree_variance", "model_variance", "mc_dropout", "snapshots"])
def test_a_model_without_the_declared_capability_is_named(name, data):
    train, target, _ = data
    with pytest.raises(ContractError, match=f"{name}: Plain does not implement Has"):
        made(name).fit(Plain, train, target, CONTEXT)


def test_members_that_agree_have_no_spread_at_all() -> None:
    from atlas_uncertainty._shared import spread

    draws = np.tile([0.1, 0.7, 1e6 + 0.3], (3, 1))  # 0.1 three times has a mean that is not 0.1
    assert spread(draws, ddof=1).std.tolist() == [0.0, 0.0, 0.0]


class InThreads(Toy):
    """Tells and records while it fits, from whatever thread it is in."""

    fits_in_threads = True

    def fit(self, features, target, context):
        self.thread = threading.get_ident()
        for epoch in range(3):
            context.notify(f"epoch {epoch}")
            time.sleep(0.002)
        super().fit(features, target, context)
        context.record("curve", {"seed": context.seed})


def listened(n_jobs):
    """Return a context that keeps what is recorded and told, and the two lists."""
    records, reported = [], []

    def record(name, content):
        records.append((name, dict(content)))

    return replace(CONTEXT, n_jobs=n_jobs, record=record, notify=reported.append), records, reported


@pytest.mark.parametrize("resample", ["seeds", "bootstrap"])
def test_members_in_threads_change_no_byte_and_no_order_of_records(resample, data):
    train, target, new = data
    found = []
    for n_jobs in (1, 3):
        models = []

        def make_model(models=models):
            models.append(InThreads())
            return models[-1]

        context, records, reported = listened(n_jobs)
        method = made("ensemble", k=5, resample=resample)
        out = method.fit(make_model, train, target, context)[0].predict(new)
        found.append((out.samples.tobytes(), out.mean.tobytes(), records))
        assert (len({m.thread for m in models}) > 1) == (n_jobs > 1)
        assert [model.context.n_jobs for model in models] == [1] * 5
        assert len(reported) == 15
        assert {text.partition(":")[0] for text in reported} == {
            f"model {i} of 5" for i in range(1, 6)
        }
    assert found[0] == found[1]
    assert [name for name, _ in records] == [f"member-{i}/curve" for i in range(5)]


def test_a_model_that_does_not_say_so_is_never_fitted_in_threads(data):
    train, target, _ = data
    models = []

    def make_model():
        models.append(Toy())
        return models[-1]

    made("ensemble", k=3).fit(make_model, train, target, replace(CONTEXT, n_jobs=2))[0]
    assert [model.context.n_jobs for model in models] == [2, 2, 2]


def test_a_member_that_fails_stops_the_others_and_is_named(data):
    train, target, _ = data
    epochs = []

    class Failing(InThreads):
        def fit(self, features, target, context):
            if context.seed == derive_seed(11, "member", 1):
                raise TrainingError("the loss is NaN")
            for epoch in range(2000):
                epochs.append(epoch)
                context.notify("an epoch")
                time.sleep(0.005)

    with pytest.raises(TrainingError, match="the loss is NaN"):
        made("ensemble", k=8).fit(Failing, train, target, replace(CONTEXT, n_jobs=2))[0]
    assert len(epochs) < 2000  # one member alone would have gone on for ten seconds
