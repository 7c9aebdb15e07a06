"""Pass on the variance that a model predicts. Light: numpy only."""

from __future__ import annotations

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
from atlas_uncertainty._shared import incapable, train_one, with_embedding


class ModelVariance:
    """Train one model that predicts its own std."""

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> Predictor:
        """Train the model; see ``UQMethod.fit``."""
        model = train_one(make_model, features, target, context=context)
        return with_embedding(VariancePredictor(model), model)


class VariancePredictor:
    """Predict with the model's own mean and std."""

    def __init__(self, model: Model) -> None:
        self._model = model
        if not isinstance(model, HasVariance):
            raise incapable(model, "model_variance", "HasVariance")
        self._std = model.predict_std

    def predict(self, features: Features) -> Prediction:
        """Return mean, epistemic and aleatoric std."""
        epistemic, aleatoric = self._std(features)
        return Prediction(self._model.predict(features), epistemic, aleatoric)
