"""The model's own variance, split into epistemic and aleatoric (e.g. of a Gaussian process)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from atlas_core.api import (
    F8,
    Features,
    FitContext,
    HasVariance,
    Model,
    ModelFactory,
    Prediction,
    UQFit,
)
from atlas_uncertainty._shared import incapable, train_one

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import ModelVarianceConfig


class VarianceModel(Model, HasVariance, Protocol):
    """A model that predicts its own std."""


@dataclass(frozen=True)
class ModelVariance:
    """Train one model that predicts its own std."""

    config: ModelVarianceConfig

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train the model; see ``UQMethod.fit``."""
        model = train_one(make_model, features, target, context=context)
        if not isinstance(model, HasVariance):
            raise incapable(model, "model_variance", "HasVariance")
        return VariancePredictor(model), model


class VariancePredictor:
    """Predict with the model's own mean and std."""

    def __init__(self, model: VarianceModel) -> None:
        self._model = model

    def predict(self, features: Features) -> Prediction:
        """Return mean, epistemic and aleatoric std."""
        epistemic, aleatoric = self._model.predict_std(features)
        return Prediction(self._model.predict(features), epistemic, aleatoric)
