"""Gaussian process with noise: predicts its own variance (Rasmussen & Williams 2006)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from threadpoolctl import threadpool_limits

from atlas_core.api import F8, DataError, Features, FitContext, TargetScale
from atlas_sklearn._columns import Columns, seed32

if TYPE_CHECKING:
    from atlas_sklearn.hooks import GaussianProcessConfig

ROWS_AT_ONCE = 4096
"""Rows predicted at once: bounds the memory for the kernel between them and training."""

NOISE, AMPLITUDE = (1e-5, 1e1), (1e-3, 1e3)
"""Bounds of the two variances, for a target of variance 1. Wider ones make the kernel matrix so
nearly singular that a posterior std of a row loses half of its digits."""


class GaussianProcess:
    """Fit amplitude, length and noise by maximum marginal likelihood (eq. 5.8)."""

    def __init__(self, config: GaussianProcessConfig) -> None:
        self._config = config

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Fit the kernel; see ``Model.fit``.

        Raises:
            DataError: there are more rows than ``max_rows``, or the task is not regression.
        """
        if context.task != "regression":
            raise DataError("gaussian_process: needs a regression target, this one is binary")
        if len(features) > self._config.max_rows:
            raise DataError(
                f"gaussian_process: {len(features)} training rows, but max_rows is "
                f"{self._config.max_rows}; raise it (time grows with the cube) or train on fewer"
            )
        self._columns = Columns(features, "gaussian_process", scale=True)
        table = self._columns(features)
        scale = TargetScale.by_std(target)
        self._mean, self._unit = scale.center, scale.unit
        # the distance of two standardized rows grows with the root of the number of columns
        length = {"length_scale": table.shape[1] ** 0.5, "length_scale_bounds": (1e-2, 1e4)}
        shape = RBF(**length) if self._config.kernel == "rbf" else Matern(**length, nu=2.5)
        noise = WhiteKernel(self._config.noise, NOISE)
        self.estimator = GaussianProcessRegressor(
            ConstantKernel(1.0, AMPLITUDE) * shape + noise,
            n_restarts_optimizer=self._config.restarts,
            random_state=seed32(context.seed),
        )
        with threadpool_limits(1), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", ConvergenceWarning)
            self.estimator.fit(table, scale.standard(target))
        # a kernel at its bounds is a fact about the fit, and no fault: it goes to the run folder
        messages = [" ".join(str(w.message).split()) for w in said]
        kernel = {"kernel": str(self.estimator.kernel_), "messages": messages}
        context.record("kernel", kernel)
        signal, noise = self.estimator.kernel_.k1, self.estimator.kernel_.k2
        self._amplitude = float(signal.k1.constant_value)
        self._noise = float(noise.noise_level)

    def predict(self, features: Features) -> F8:
        """Return (n,) the posterior mean."""
        table = self._columns(features)
        with threadpool_limits(1):
            parts = [
                self.estimator.predict(table[i : i + ROWS_AT_ONCE])
                for i in range(0, len(table), ROWS_AT_ONCE)
            ]
        return np.concatenate([np.zeros(0), *parts]) * self._unit + self._mean

    def predict_std(self, features: Features) -> tuple[F8, F8]:
        """Return (n,) std of the function and (n,) std of the noise, in the target's unit."""
        table = self._columns(features)
        variance = np.empty(len(table))
        with threadpool_limits(1):
            for i in range(0, len(table), ROWS_AT_ONCE):
                rows = slice(i, i + ROWS_AT_ONCE)
                cross = self.estimator.kernel_(table[rows], self.estimator.X_train_)
                v = solve_triangular(self.estimator.L_, cross.T, lower=True, check_finite=False)
                variance[rows] = self._amplitude - (v**2).sum(axis=0)  # eq. 2.26
        epistemic = self._unit * np.sqrt(np.maximum(variance, 0.0))
        return epistemic, np.full(len(table), self._unit * self._noise**0.5)
