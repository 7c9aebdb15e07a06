"""A Gaussian process with one length scale, in plain numpy."""

from __future__ import annotations

import numpy as np

from atlas_core.api import Component, Config, DataError, Field, hookimpl


class RbfConfig(Config):
    """Its length scale is the median distance of the training rows."""

    noise: float = Field(
        0.1, gt=0, le=1, description="Std of the noise, in standard deviations of the target."
    )


class Rbf:
    """Learn a smooth function of standardized features, and how little is known far away."""

    def __init__(self, config: RbfConfig) -> None:
        self.config = config

    def fit(self, features, target, context) -> None:
        """Learn from n rows: ``features.values`` (n, d), ``target`` (n,) in its unit."""
        values = whole(features)
        spread = values.std(axis=0)
        self.shift, self.scale = values.mean(axis=0), np.where(spread > 0, spread, 1.0)
        self.train = (values - self.shift) / self.scale
        self.length = 1.0
        distances = np.sqrt(self._squares(self.train))
        self.length = float(np.median(distances[distances > 0])) if distances.any() else 1.0
        # targets of any unit: the process sees them with mean 0 and std 1
        self.mean, self.std = float(target.mean()), float(target.std()) or 1.0
        kernel = np.exp(-self._squares(self.train) / 2)
        kernel[np.diag_indices_from(kernel)] += self.config.noise**2
        self.inverse = np.linalg.inv(kernel)
        self.weights = self.inverse @ ((target - self.mean) / self.std)

    def predict(self, features) -> np.ndarray:
        """Return (n,) predictions in the target's unit."""
        # a row at a time: a sum over rows must not depend on how many there are
        rows = self._kernel(features)
        return self.mean + self.std * np.array([row @ self.weights for row in rows])

    def predict_std(self, features) -> tuple[np.ndarray, np.ndarray]:
        """Return (n,) epistemic and (n,) aleatoric std: the capability ``model:variance``."""
        rows = self._kernel(features)
        explained = np.array([row @ self.inverse @ row for row in rows])
        unknown = np.sqrt(np.clip(1.0 - explained, 0.0, None))
        return self.std * unknown, np.full(len(rows), self.std * self.config.noise)

    def _kernel(self, features) -> np.ndarray:
        return np.exp(-self._squares((whole(features) - self.shift) / self.scale) / 2)

    def _squares(self, rows) -> np.ndarray:
        """Return (n, t) squared distances to the training rows, in length scales."""
        return np.array([((self.train - row) ** 2).sum(axis=1) for row in rows]) / self.length**2


def whole(features) -> np.ndarray:
    """Return the table; a value that is not tabulated for an element is NaN, and refused."""
    holes = np.isnan(features.values).any(axis=0)
    if holes.any():
        name = features.labels[holes][0]
        raise DataError(f"rbf: {name} is missing for some rows; take a featurizer without gaps")
    return features.values


@hookimpl
def atlas_model() -> list[Component]:
    """Offer the model."""
    return [
        Component(
            "rbf",
            RbfConfig,
            Rbf,
            requires={"features:vectors", "task:regression"},
            provides={"model:variance"},
            citation="https://gaussianprocess.org/gpml",
        )
    ]
