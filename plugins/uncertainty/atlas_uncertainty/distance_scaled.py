"""Sigma from the distance to the training rows, learned on left-out rows (Janet 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from atlas_core.api import (
    F8,
    Features,
    FitContext,
    Model,
    ModelFactory,
    Prediction,
    UQFit,
)
from atlas_uncertainty._held_out import (
    Neighborhood,
    at_random,
    by_cluster,
    out_of_fold,
    raw_rows,
)
from atlas_uncertainty._shared import train_one
from atlas_uncertainty._table import table_of

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import DistanceScaledConfig

SMALLEST, LARGEST = 1e-8, 1e4
"""Bounds of both variances, in mean squared errors."""


class DistanceScaled:
    """Learn how errors grow with distance on rows that models did not see."""

    def __init__(self, config: DistanceScaledConfig) -> None:
        self._config = config

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train the model and one for each fold and cluster; see ``UQMethod.fit``.

        Raises:
            DataError: there are too few rows, or nothing that distances can be taken between.
        """
        config = self._config
        model = train_one(make_model, features, target, context=context)
        rows = self._rows(features, model)
        parts = at_random(len(target), config.folds, context)
        if config.clusters > 1:
            parts += by_cluster(table_of(rows)(rows), config.clusters, context)
        distance, residual = [], []
        for fold in out_of_fold(
            make_model, features, target, parts, context=context, name="distance_scaled"
        ):
            near = self._near(self._rows(features.take(fold.kept), fold.model), context)
            held = self._rows(features.take(fold.held), fold.model)
            distance.append(near.distance(held))
            residual.append(fold.residual)
        floor, slope = linear_variance(np.concatenate(distance), np.concatenate(residual))
        context.record("distance_scaled", {"variance_at_0": floor, "variance_a_unit": slope})
        predictor = DistancePredictor(
            model,
            self._near(rows, context),
            floor=floor,
            slope=slope,
            embedded=config.representation == "embedding",
        )
        return predictor, model

    def _rows(self, features: Features, model: Model) -> F8:
        inside = self._config.representation == "embedding"
        return raw_rows(features, model if inside else None, "distance_scaled")

    def _near(self, rows: F8, context: FitContext) -> Neighborhood:
        return Neighborhood.of(
            rows, k=self._config.neighbors, most=self._config.reference_rows, context=context
        )


def linear_variance(distance: F8, residual: F8) -> tuple[float, float]:
    """Return the variance at distance 0 and its growth a unit that make residuals most likely.

    The residuals are Gaussian with variance ``floor + slope * distance`` (Janet 2019, eq. 1).
    """
    scale = float(np.mean(residual**2))
    if scale == 0:
        return 0.0, 0.0
    square = residual**2 / scale

    def loss(logs: F8) -> tuple[float, F8]:
        parts = np.exp(logs)
        variance = parts[0] + parts[1] * distance
        pull = 0.5 * (1 / variance - square / variance**2)
        gradient = parts * np.array([pull.sum(), (pull * distance).sum()]) / len(square)
        return float(np.mean(0.5 * np.log(variance) + 0.5 * square / variance)), gradient

    start = np.log([0.5, 0.5 / max(float(distance.mean()), 1e-12)])
    bounds = [(np.log(SMALLEST), np.log(LARGEST))] * 2
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B")
    floor, slope = np.exp(found.x) * scale
    return float(floor), float(slope)


class DistancePredictor:
    """Predict with the model's mean and a variance that is linear in distance."""

    def __init__(
        self, model: Model, near: Neighborhood, *, floor: float, slope: float, embedded: bool
    ) -> None:
        self._model, self._near, self._embedded = model, near, embedded
        self._floor, self._slope = floor, slope

    def predict(self, features: Features) -> Prediction:
        """Return mean, what grows with distance as epistemic, and the rest as aleatoric."""
        rows = raw_rows(features, self._model if self._embedded else None, "distance_scaled")
        epistemic = np.sqrt(self._slope * self._near.distance(rows))
        aleatoric = np.full(len(features), self._floor**0.5)
        return Prediction(self._model.predict(features), epistemic, aleatoric)
