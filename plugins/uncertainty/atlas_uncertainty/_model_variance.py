"""Pass on the variance that a model predicts. Light: numpy only."""

from __future__ import annotations

from typing import Protocol

from atlas_core.api import (
    F8,
    Features,
    FitContext,
    HasVariance,
    Model,
    ModelFactory,
    Prediction,
    Predictor,
)
from atlas_uncertainty._shared import incapable, passed_on, train_one


class VarianceModel(Model, HasVariance, Protocol):
    """A model that predicts its own std."""


class ModelVariance:
    """Train one model that predicts its own std."""

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> Predictor:
        """Train the model; see ``UQMethod.fit``."""
        model = train_one(make_model, features, target, context=context)
        if not isinstance(model, HasVariance):
            raise incapable(model, "model_variance", "HasVariance")
        return passed_on(VariancePredictor(model), model)


class VariancePredictor:
    """Predict with the model's own mean and std."""

    def __init__(self, model: VarianceModel) -> None:
        self._model = model

    def predict(self, features: Features) -> Prediction:
        """Return mean, epistemic and aleatoric std."""
        epistemic, aleatoric = self._model.predict_std(features)
        return Prediction(self._model.predict(features), epistemic, aleatoric)
