"""A second model learns the size of the first one's errors on left-out rows (Tran 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atlas_core.api import (
    F8,
    Features,
    FitContext,
    Model,
    ModelFactory,
    Prediction,
    UQFit,
)
from atlas_uncertainty._held_out import at_random, out_of_fold
from atlas_uncertainty._shared import train_one

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import ResidualModelConfig

STD_OF_MEAN_ERROR = float(np.sqrt(np.pi / 2))
"""Std of a Gaussian over its mean absolute deviation."""


class ResidualModel:
    """Train a model, and another one of the same kind on its errors on rows left out."""

    def __init__(self, config: ResidualModelConfig) -> None:
        self._config = config

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train the models; see ``UQMethod.fit``.

        Raises:
            DataError: there are too few rows to leave some out.
        """
        model = train_one(make_model, features, target, context=context)
        parts = at_random(len(target), self._config.folds, context)
        size = np.empty(len(target))
        for fold in out_of_fold(
            make_model, features, target, parts, context=context, name="residual_model"
        ):
            size[fold.held] = np.abs(fold.residual)
        errors = make_model()
        errors.fit(features, size, context.child("errors"))
        floor = self._config.floor * STD_OF_MEAN_ERROR * float(np.median(size))
        return ResidualPredictor(model, errors, floor=floor), model


class ResidualPredictor:
    """Predict with one model the mean and with the other its std."""

    def __init__(self, model: Model, errors: Model, *, floor: float) -> None:
        self._model, self._errors, self._floor = model, errors, floor

    def predict(self, features: Features) -> Prediction:
        """Return mean and aleatoric std: the Gaussian whose mean absolute error is predicted."""
        std = STD_OF_MEAN_ERROR * self._errors.predict(features)
        return Prediction(
            self._model.predict(features), aleatoric=np.maximum(std, max(self._floor, 0.0))
        )
