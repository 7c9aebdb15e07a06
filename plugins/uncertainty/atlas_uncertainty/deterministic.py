"""No uncertainty: the model's prediction alone, for a conformal calibrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas_core.api import F8, Features, FitContext, Model, ModelFactory, Prediction, UQFit
from atlas_uncertainty._shared import train_one

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import DeterministicConfig


@dataclass(frozen=True)
class Deterministic:
    """Train one model; its predictions carry no std."""

    config: DeterministicConfig

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train the model; see ``UQMethod.fit``."""
        model = train_one(make_model, features, target, context=context)
        return DeterministicPredictor(model), model


class DeterministicPredictor:
    """Predict the mean alone."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def predict(self, features: Features) -> Prediction:
        """Return the model's predictions."""
        return Prediction(self._model.predict(features))
