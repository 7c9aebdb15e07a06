"""Snapshot ensemble: spread over weights saved during one training (Huang 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_core.api import (
    F8,
    Features,
    FitContext,
    HasSnapshots,
    HasVariance,
    ModelFactory,
    Prediction,
    UQFit,
)
from atlas_uncertainty._shared import incapable, spread, train_one

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import SnapshotsConfig


@dataclass(frozen=True)
class Snapshots:
    """Train one model; the std of its snapshots is the epistemic std."""

    config: SnapshotsConfig

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train the model; see ``UQMethod.fit``."""
        model = train_one(make_model, features, target, context=context)
        if not isinstance(model, HasSnapshots):
            raise incapable(model, "snapshots", "HasSnapshots")
        return SnapshotsPredictor(model), model


class SnapshotsPredictor:
    """Predict with the mean and the std of the snapshots."""

    def __init__(self, model: HasSnapshots) -> None:
        self._model = model

    def predict(self, features: Features) -> Prediction:
        """Return mean, std (ddof 1: a sample of weights), and the snapshots as samples.

        Where the model predicts its own noise, that is the aleatoric std.
        """
        found = spread(np.asarray(self._model.snapshots(features)), ddof=1)
        if not isinstance(self._model, HasVariance):
            return found
        return found.replace(aleatoric=self._model.predict_std(features)[1])
