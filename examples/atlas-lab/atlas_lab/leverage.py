"""Leverage: how far a row lies from the training rows, seen by a linear model."""

from __future__ import annotations

import numpy as np

from atlas_core.api import Component, Config, DataError, Field, OODScore, hookimpl


class LeverageConfig(Config):
    """The hat value of a row."""

    quantile: float = Field(
        0.95, gt=0, lt=1, description="Share of in-domain rows that is not flagged."
    )


class Leverage:
    """Learn the spread of the training rows; no target is ever seen."""

    def __init__(self, config: LeverageConfig) -> None:
        self.config = config

    def fit(self, train, calibration, context):
        """Return a detector from ``Inputs`` of both parts; ``calibration`` may be empty."""
        values = train.features.values
        if len(values) < 2:
            raise DataError(f"leverage: {len(values)} training rows, at least 2 are needed")
        spread = values.std(axis=0)
        center, scale = values.mean(axis=0), np.where(spread > 0, spread, 1.0)
        z = (values - center) / scale
        # a little of a ridge: columns may depend on each other
        inverse = np.linalg.inv(z.T @ z / len(z) + 1e-6 * np.eye(z.shape[1]))
        detector = Detector(center, scale, inverse, 0.0)
        known = calibration if len(calibration) else train
        score = detector.score(known).score
        return Detector(center, scale, inverse, float(np.quantile(score, self.config.quantile)))


class Detector:
    """Plain arrays, so that ATLAS can keep it with the run and ask it later."""

    def __init__(self, center, scale, inverse, threshold: float) -> None:
        self.center, self.scale, self.inverse = center, scale, inverse
        self.threshold = threshold

    def score(self, rows) -> OODScore:
        """Return (n,) scores, higher = farther; each depends on its own row alone."""
        z = (rows.features.values - self.center) / self.scale
        return OODScore(np.array([row @ self.inverse @ row for row in z]), self.threshold)


@hookimpl
def atlas_ood() -> list[Component]:
    """Offer the detector."""
    return [Component("leverage", LeverageConfig, Leverage, requires={"features:vectors"})]
