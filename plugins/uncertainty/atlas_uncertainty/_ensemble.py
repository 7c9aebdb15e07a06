"""Train a model k times. Light: numpy only."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from atlas_core.api import F8, I8, Features, FitContext, Model, ModelFactory, Prediction, Predictor
from atlas_uncertainty._shared import spread, with_embedding

if TYPE_CHECKING:
    from atlas_uncertainty.ensemble import EnsembleConfig

LOOKED_AT = 32
"""Training rows on which the members are compared after training."""


def bootstrap_rows(n: int, context: FitContext) -> I8:
    """Return (n,) rows drawn with replacement from the seed of a member's context."""
    return context.child("bootstrap").rng().integers(0, n, n)


class Ensemble:
    """Train k models, each from its own seed; ``bootstrap`` also draws their rows."""

    def __init__(self, config: EnsembleConfig) -> None:
        self._config = config

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> Predictor:
        """Train the members one after another; see ``UQMethod.fit``."""
        models = []
        for i in range(self._config.k):
            member, rows, labels = context.child("member", i), features, target
            if self._config.resample == "bootstrap":
                drawn = bootstrap_rows(len(target), member)
                rows, labels = features.take(drawn), target[drawn]
                if member.ids is not None:
                    member = replace(member, ids=member.ids[drawn])
            model = make_model()
            model.fit(rows, labels, member)
            models.append(model)
        predictor = EnsemblePredictor(models)
        few = features.take(np.arange(min(len(features), LOOKED_AT)))
        if not np.any(predictor.predict(few).epistemic):
            warnings.warn(
                f"ensemble: all {len(models)} models predict the same, so sigma is 0; "
                "a model that uses no seed needs resample: bootstrap",
                stacklevel=2,
            )
        return with_embedding(predictor, models[0])


class EnsemblePredictor:
    """Predict with the mean and the std of the members."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = models

    def predict(self, features: Features) -> Prediction:
        """Return mean, std (ddof 1: k models are a sample), and the members as samples."""
        return spread(np.stack([model.predict(features) for model in self._models]), ddof=1)
