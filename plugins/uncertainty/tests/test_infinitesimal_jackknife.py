"""The infinitesimal jackknife against its sums as loops and a variance known by theory."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_core.api import ContractError, FitContext, Vectors
from atlas_uncertainty.hooks import InfinitesimalJackknifeConfig
from atlas_uncertainty.infinitesimal_jackknife import InfinitesimalJackknife


class BaggedMean:
    """The mean of each bootstrap: the simplest bagged model."""

    k = 40

    def fit(self, features, target, context):
        rng = context.rng()
        drawn = rng.integers(0, len(target), (self.k, len(target)))
        self.means = target[drawn].mean(axis=1)
        self.counts = np.stack([np.bincount(d, minlength=len(target)) for d in drawn])

    def predict(self, features):
        return self.members(features).mean(axis=0)

    def members(self, features):
        return self.means[:, None] * features.values[:, 0]

    def inbag(self):
        return self.counts

    def leaves(self, features):
        return features.values.astype(int)


def fitted(model, n):
    rng = np.random.default_rng(0)
    features = Vectors(np.ones((n, 1)), np.array(["x"]))
    target = rng.normal(5, 2, n)
    method = InfinitesimalJackknife(InfinitesimalJackknifeConfig())
    made = []

    def make_model():
        made.append(model())
        return made[-1]

    return method.fit(make_model, features, target, FitContext(seed=1))[0], made[0], target


def test_the_variance_is_that_of_equations_5_and_7_with_a_floor():
    predictor, model, _ = fitted(BaggedMean, 12)
    rows = Vectors(np.array([[1.0], [-3.0], [0.0]]), np.array(["x"]))
    found = predictor.predict(rows)
    expected = []
    for draws in model.members(rows).T:
        raw = 0.0
        for i in range(12):
            cov = sum((model.counts[b, i] - 1) * (draws[b] - draws.mean()) for b in range(40))
            raw += (cov / 40) ** 2
        spread = sum((t - draws.mean()) ** 2 for t in draws)
        expected.append(max(raw - 12 / 40**2 * spread, spread / 40**2))
    np.testing.assert_allclose(found.epistemic**2, expected, rtol=1e-10)
    np.testing.assert_allclose(found.mean, model.predict(rows))
    assert found.epistemic[2] == 0.0


def test_the_std_of_a_bagged_mean_is_its_standard_error():
    class Many(BaggedMean):
        k = 8_000

    predictor, _, target = fitted(Many, 30)
    found = predictor.predict(Vectors(np.ones((1, 1)), np.array(["x"]))).epistemic
    # for a mean the infinitesimal jackknife is sum (y_i - y)^2 / n^2 as the members grow many
    np.testing.assert_allclose(found, target.std() / 30**0.5, rtol=0.03)


def test_rows_alone_give_what_they_give_together():
    predictor, _, _ = fitted(BaggedMean, 12)
    rows = Vectors(np.linspace(-2, 2, 9)[:, None], np.array(["x"]))
    whole = predictor.predict(rows).epistemic
    alone = [predictor.predict(rows.take([i])).epistemic[0] for i in range(9)]
    np.testing.assert_allclose(alone, whole, rtol=1e-12)


def test_a_committee_without_bags_is_named():
    class NoBags:
        def fit(self, features, target, context): ...
        def predict(self, features): ...
        def members(self, features): ...

    with pytest.raises(ContractError, match="NoBags does not implement HasInBag"):
        fitted(NoBags, 12)
