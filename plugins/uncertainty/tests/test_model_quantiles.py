"""Quantiles as draws, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_core.api import ContractError, FitContext, Vectors
from atlas_uncertainty.hooks import ModelQuantilesConfig
from atlas_uncertainty.model_quantiles import ModelQuantiles

ROWS = Vectors(np.array([[1.0], [4.0]]), np.array(["x"]))


class Uniform:
    """Targets are uniform between 0 and x."""

    def fit(self, features, target, context): ...

    def predict(self, features):
        return features.values[:, 0] / 2

    def quantiles(self, features, levels):
        return levels[:, None] * features.values[:, 0]


def test_samples_are_evenly_spaced_quantiles_and_their_std_is_aleatoric():
    method = ModelQuantiles(ModelQuantilesConfig(draws=10))
    found = method.fit(Uniform, ROWS, np.zeros(2), FitContext(seed=0))[0].predict(ROWS)
    np.testing.assert_allclose(found.samples[:, 0], np.arange(0.05, 1, 0.1))
    np.testing.assert_allclose(found.mean, [0.5, 2.0])
    # ten points 0.1 apart: variance 0.01 (10^2 - 1) / 12
    np.testing.assert_allclose(found.aleatoric, np.sqrt(0.0825) * np.array([1.0, 4.0]))
    assert found.epistemic is None


def test_a_model_without_quantiles_is_named():
    class Plain:
        def fit(self, features, target, context): ...
        def predict(self, features): ...

    with pytest.raises(ContractError, match="Plain does not implement HasQuantiles"):
        ModelQuantiles(ModelQuantilesConfig()).fit(Plain, ROWS, np.zeros(2), FitContext(seed=0))
