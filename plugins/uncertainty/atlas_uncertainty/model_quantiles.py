"""The model's own quantiles as draws: the spread of targets, not of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from atlas_core.api import (
    F8,
    Features,
    FitContext,
    HasQuantiles,
    Model,
    ModelFactory,
    Prediction,
    UQFit,
)
from atlas_uncertainty._shared import incapable, train_one

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import ModelQuantilesConfig


class QuantileModel(Model, HasQuantiles, Protocol):
    """A model that predicts quantiles."""


class ModelQuantiles:
    """Train one model whose quantiles say how targets spread where it has seen such rows."""

    def __init__(self, config: ModelQuantilesConfig) -> None:
        self._config = config

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train the model; see ``UQMethod.fit``."""
        model = train_one(make_model, features, target, context=context)
        if not isinstance(model, HasQuantiles):
            raise incapable(model, "model_quantiles", "HasQuantiles")
        return QuantilePredictor(model, draws=self._config.draws), model


class QuantilePredictor:
    """Predict with the model's mean and evenly spaced quantiles as samples."""

    def __init__(self, model: QuantileModel, *, draws: int) -> None:
        self._model = model
        self._levels: F8 = (np.arange(draws) + 0.5) / draws

    def predict(self, features: Features) -> Prediction:
        """Return mean, samples, and their std as aleatoric: it does not grow off the data."""
        samples = np.asarray(self._model.quantiles(features, self._levels), dtype=np.float64)
        # k last: numpy then sums a row alike, alone or in a batch
        std = np.ascontiguousarray(samples.T).std(axis=1)
        return Prediction(self._model.predict(features), aleatoric=std, samples=samples)
