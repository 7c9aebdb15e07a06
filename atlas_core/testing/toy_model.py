"""A toy model with every capability. Light."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.context import FitContext
from atlas_core.errors import DataError
from atlas_core.kinds.featurizer import Features, Vectors


@dataclass
class ToyModel:
    """Fit a committee of 12 straight lines to bootstraps: a model with every capability.

    The spread of its members, of its dropout samples and its own variance all grow with the
    distance from the data, as an honest model's do.
    """

    weights: F8 = field(default_factory=lambda: np.zeros((0, 0)))
    noise: float = 0.0
    center: F8 = field(default_factory=lambda: np.zeros(0))
    scale: F8 = field(default_factory=lambda: np.ones(0))
    binary: bool = False
    counts: I8 = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    fits_in_threads: bool = True

    def _inputs(self, features: Features) -> F8:
        if not isinstance(features, Vectors):
            raise DataError("toy model: it takes vectors")
        return np.asarray((features.values - self.center) / self.scale, dtype=np.float64)

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Fit each line by ridge regression on its own bootstrap."""
        if not isinstance(features, Vectors):
            raise DataError("toy model: it takes vectors")
        self.binary = context.task == "binary"
        self.center = features.values.mean(axis=0)
        self.scale = features.values.std(axis=0) + 1e-9
        x = np.column_stack([np.ones(len(features)), self._inputs(features)])
        rng = context.rng()
        level = float(target.mean())
        lines, counts = [], []
        for _ in range(12):
            rows = rng.integers(0, len(x), len(x))
            counts.append(np.bincount(rows, minlength=len(x)))
            normal = x[rows].T @ x[rows] + 1e-3 * np.eye(x.shape[1])
            line = np.linalg.solve(normal, x[rows].T @ (target[rows] - level))
            line[0] += level  # the ridge pulls toward the mean, not toward zero
            lines.append(line)
        self.weights, self.counts = np.stack(lines), np.stack(counts)
        self.noise = float(np.std(target - x @ self.weights.mean(axis=0)))

    def _clip(self, values: F8) -> F8:
        return np.clip(values, 0.0, 1.0) if self.binary else values

    def members(self, features: Features) -> F8:
        """Return (12, n) predictions of the lines."""
        x = self._inputs(features)
        # a sum a row, not a matrix product: the same bytes whatever the batch
        lines = self.weights[:, :1] + (self.weights[:, None, 1:] * x[None]).sum(axis=2)
        return self._clip(lines)

    def predict(self, features: Features) -> F8:
        """Return (n,) means of the members."""
        return np.asarray(self.members(features).mean(axis=0), dtype=np.float64)

    def predict_std(self, features: Features) -> tuple[F8, F8]:
        """Return (n,) the members' spread and (n,) the residuals' std."""
        spread = self.members(features).std(axis=0)
        return spread, np.full(len(spread), self.noise)

    def sample(self, features: Features, passes: int, seed: int) -> F8:
        """Return (passes, n) predictions with weights dropped at random."""
        rng = np.random.default_rng(seed)
        line = self.weights.mean(axis=0)
        x = self._inputs(features)
        masks = (rng.random((passes, len(line) - 1)) > 0.2) / 0.8
        values = line[0] + ((line[1:] * masks)[:, None, :] * x[None]).sum(axis=2)
        return self._clip(values)

    def embed(self, features: Features) -> F8:
        """Return (n, d) standardized inputs."""
        return self._inputs(features)

    def leaves(self, features: Features) -> I8:
        """Return (n, 12) steps of each line, as if each were a tree."""
        return np.floor(4.0 * self.members(features).T).astype(np.int64)

    def inbag(self) -> I8:
        """Return (12, n) how often each line drew each training row."""
        return self.counts

    def quantiles(self, features: Features, levels: F8) -> F8:
        """Return (l, n) quantiles of a Gaussian with the residuals' std."""
        normal = np.array([NormalDist().inv_cdf(float(level)) for level in levels])
        return self._clip(self.predict(features) + self.noise * normal[:, None])

    def snapshots(self, features: Features) -> F8:
        """Return (12, n) the members, as if each were a step of one training."""
        return self.members(features)
