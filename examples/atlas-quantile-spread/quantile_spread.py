"""Spread of an ensemble by quantiles: robust to a single outlying member."""

from __future__ import annotations

import numpy as np

from atlas_core.api import Component, Config, Field, Prediction, hookimpl


class QuantileSpreadConfig(Config):
    """Half the width between two quantiles of the members, as a standard deviation."""

    coverage: float = Field(
        0.6827, gt=0, lt=1, description="Share of the members between the two quantiles."
    )


class QuantileSpread:
    """Train one committee and take the width that holds ``coverage`` of its members."""

    def __init__(self, config: QuantileSpreadConfig) -> None:
        self.config = config

    def fit(self, make_model, features, target, context):
        """Return a predictor around one trained model, and the model."""
        model = make_model()
        model.fit(features, target, context.child("member", 0))
        return Predictor(model, self.config.coverage), model


class Predictor:
    """Predict the committee's mean and half the width between two of its quantiles."""

    def __init__(self, model, coverage: float) -> None:
        self.model, self.coverage = model, coverage

    def predict(self, features) -> Prediction:
        """Return n predictions with an epistemic standard deviation."""
        members = self.model.members(features)  # (k, n)
        tails = (1 - self.coverage) / 2
        low, high = np.quantile(members, [tails, 1 - tails], axis=0)
        return Prediction(mean=members.mean(axis=0), epistemic=(high - low) / 2)


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer the method."""
    return [
        Component(
            "quantile_spread",
            QuantileSpreadConfig,
            QuantileSpread,
            requires={"model:members"},
            provides={"epistemic"},
        )
    ]
