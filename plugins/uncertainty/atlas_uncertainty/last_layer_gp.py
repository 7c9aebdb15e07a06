"""Gaussian process on principal components of the model's embedding (Wilson 2016)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from threadpoolctl import threadpool_limits

from atlas_core.api import (
    F8,
    Features,
    FitContext,
    ModelFactory,
    Prediction,
    TargetScale,
    UQFit,
)
from atlas_uncertainty._shared import EmbeddingModel, train_embedding
from atlas_uncertainty._table import table_of

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import LastLayerGPConfig

ROWS_AT_ONCE = 4096
"""Rows predicted at once: bounds the memory for the kernel between them and training."""

NOISE, AMPLITUDE, LENGTH = (1e-5, 1e1), (1e-3, 1e3), (1e-2, 1e4)
"""Bounds of the kernel for a target of variance 1: wider ones make its matrix nearly singular."""


class LastLayerGP:
    """Train one model, then a Gaussian process on its embedding."""

    def __init__(self, config: LastLayerGPConfig) -> None:
        self._config = config

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train the model and the process; see ``UQMethod.fit``.

        Raises:
            DataError: the task is not regression.
        """
        model = train_embedding(make_model, features, target, context=context, name="last_layer_gp")
        chosen = np.sort(context.child("rows").rng().permutation(len(target))[: self._config.rows])
        process = Process(model.embed(features.take(chosen)), target[chosen], self._config, context)
        return ProcessPredictor(model, process, own=self._config.mean == "model"), model


class Process:
    """Fit a kernel by maximum marginal likelihood on principal components.

    Args:
        values: (n, d) embedded training rows.
        target: (n,) in the target's unit.
        config: kernel and number of components.
        context: seed, and where the kernel is recorded.
    """

    def __init__(
        self, values: F8, target: F8, config: LastLayerGPConfig, context: FitContext
    ) -> None:
        self._table = table_of(values)
        with threadpool_limits(1), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", ConvergenceWarning)
            rows = self._table(values)
            _, _, turn = np.linalg.svd(rows, full_matrices=False)
            self._axes: F8 = turn[: config.components].T
            scale = TargetScale.by_std(target)
            self._mean, self._unit = scale.center, scale.unit
            length = {
                "length_scale": self._axes.shape[1] ** 0.5,
                "length_scale_bounds": LENGTH,
            }
            shape = RBF(**length) if config.kernel == "rbf" else Matern(**length, nu=2.5)
            self.estimator = GaussianProcessRegressor(
                ConstantKernel(1.0, AMPLITUDE) * shape + WhiteKernel(0.1, NOISE),
                random_state=context.child("kernel").seed % 2**32,
            ).fit(rows @ self._axes, scale.standard(target))
        # a kernel at its bounds is a fact about the fit, and no fault: it goes to the run folder
        messages = [" ".join(str(w.message).split()) for w in said]
        context.record(
            "last_layer_gp", {"kernel": str(self.estimator.kernel_), "messages": messages}
        )
        signal, noise = self.estimator.kernel_.k1, self.estimator.kernel_.k2
        self._amplitude = float(signal.k1.constant_value)
        self.noise = self._unit * float(noise.noise_level) ** 0.5

    def predict(self, values: F8) -> tuple[F8, F8]:
        """Return (n,) posterior mean and (n,) std of the function, without noise (eq. 2.26)."""
        mean, variance = np.empty(len(values)), np.empty(len(values))
        with threadpool_limits(1):
            for i in range(0, len(values), ROWS_AT_ONCE):
                part = slice(i, i + ROWS_AT_ONCE)
                rows = self._table(values[part]) @ self._axes
                cross = self.estimator.kernel_(rows, self.estimator.X_train_)
                mean[part] = cross @ self.estimator.alpha_
                v = solve_triangular(self.estimator.L_, cross.T, lower=True, check_finite=False)
                variance[part] = self._amplitude - (v**2).sum(axis=0)
        return self._mean + self._unit * mean, self._unit * np.sqrt(np.maximum(variance, 0.0))


class ProcessPredictor:
    """Predict with the std of the process.

    Args:
        model: gives the embedding.
        process: fitted to it.
        own: the mean is the model's, not the process's.
    """

    def __init__(self, model: EmbeddingModel, process: Process, *, own: bool) -> None:
        self._model, self._process, self._own = model, process, own

    def predict(self, features: Features) -> Prediction:
        """Return mean, std of the function as epistemic, the noise as aleatoric."""
        rows = self._model.embed(features)
        mean, epistemic = self._process.predict(rows)
        if self._own:
            mean = self._model.predict(features)
        return Prediction(mean, epistemic, np.full(len(rows), self._process.noise))
