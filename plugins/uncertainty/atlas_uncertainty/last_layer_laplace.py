"""Bayesian regression on the model's embedding, prior and noise by evidence (MacKay 1992)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from atlas_core.api import (
    F8,
    Features,
    FitContext,
    ModelFactory,
    Prediction,
    Standardizer,
    UQFit,
)
from atlas_uncertainty._shared import EmbeddingModel, train_embedding
from atlas_uncertainty._table import table_of

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import LastLayerLaplaceConfig

STEPS = 10_000
"""Of the fixed point of prior and noise, at most."""

CLOSE = 1e-9
"""Relative change of both at which the fixed point is taken as reached."""

LEAST_NOISE = 1e-8
"""Least noise variance, for a target of variance 1: an exact fit leaves no noise to divide by."""


@dataclass(frozen=True)
class BayesianLine:
    """The posterior of ``target = offset + rows @ weights + noise``.

    Attributes:
        table: scales rows.
        weights: (d,) their posterior mean, in the target's unit.
        directions: (d, d) whose columns are the posterior covariance's directions.
        variances: (d,) of the weights along them.
        offset: mean of the training targets.
        offset_variance: of the offset.
        noise: std of the noise.
        prior: std of the weights before any row was seen.
    """

    table: Standardizer
    weights: F8
    directions: F8
    variances: F8
    offset: float
    offset_variance: float
    noise: float
    prior: float

    @classmethod
    def of(cls, values: F8, target: F8) -> BayesianLine:
        """Fit (n, d) rows; prior and noise are those of the largest evidence.

        The fixed point of MacKay 1992 (Bishop 2006, eq. 3.91 to 3.95), in directions in which the
        posterior is diagonal. The offset has a flat prior: rows and target are centered.
        """
        table = table_of(values)
        rows, offset = table(values), float(target.mean())
        unit = float(target.std()) or 1.0
        y = (target - offset) / unit
        n = len(y)
        with threadpool_limits(1):  # sums in one order, whatever the machine
            eigenvalues, directions = np.linalg.eigh(rows.T @ rows)
            along = directions.T @ (rows.T @ y)
        eigenvalues = np.maximum(eigenvalues, 0.0)
        alpha, beta = 1.0, 1.0  # precisions of the prior and of the noise
        for _ in range(STEPS):
            precision = alpha + beta * eigenvalues
            weights = beta * along / precision
            used = float((beta * eigenvalues / precision).sum())  # gamma
            left = float(y @ y - 2 * (weights @ along) + weights**2 @ eigenvalues)
            before = alpha, beta
            size = float(weights @ weights)
            alpha = float(np.clip(used / size, 1e-12, 1e12)) if size > 0 else 1e12
            beta = min(max(n - used, 1e-12) / max(left, 1e-300), 1 / LEAST_NOISE)
            if np.allclose((alpha, beta), before, rtol=CLOSE, atol=0):
                break
        precision = alpha + beta * eigenvalues
        return cls(
            table=table,
            weights=unit * (directions @ (beta * along / precision)),
            directions=directions,
            variances=unit**2 / precision,
            offset=offset,
            offset_variance=unit**2 / (beta * n),
            noise=unit / beta**0.5,
            prior=unit / alpha**0.5,
        )

    def mean(self, values: F8) -> F8:
        """Return (n,) the posterior mean of each row's target."""
        return np.asarray((self.table(values) * self.weights).sum(axis=1) + self.offset)

    def std(self, values: F8) -> F8:
        """Return (n,) the std of each row's mean: not of the noise."""
        turned = self.table(values) @ self.directions
        return np.sqrt((turned**2 * self.variances).sum(axis=1) + self.offset_variance)


class LastLayerLaplace:
    """Train one model, then a Bayesian linear layer on its embedding."""

    def __init__(self, config: LastLayerLaplaceConfig) -> None:
        self._config = config

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train the model and the layer; see ``UQMethod.fit``.

        Raises:
            DataError: the task is not regression.
        """
        model = train_embedding(
            make_model, features, target, context=context, name="last_layer_laplace"
        )
        line = BayesianLine.of(model.embed(features), target)
        context.record("last_layer_laplace", {"noise": line.noise, "prior": line.prior})
        predictor = LinePredictor(model, line, own=self._config.mean == "model")
        return predictor, model


class LinePredictor:
    """Predict with the std of the linear layer.

    Args:
        model: gives the embedding.
        line: the layer.
        own: the mean is the model's, not the layer's.
    """

    def __init__(self, model: EmbeddingModel, line: BayesianLine, *, own: bool) -> None:
        self._model, self._line, self._own = model, line, own

    def predict(self, features: Features) -> Prediction:
        """Return mean, std of the layer as epistemic, its noise as aleatoric."""
        rows = self._model.embed(features)
        mean = self._model.predict(features) if self._own else self._line.mean(rows)
        return Prediction(mean, self._line.std(rows), np.full(len(rows), self._line.noise))
