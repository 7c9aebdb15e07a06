"""Monte Carlo dropout: spread of stochastic passes (Gal & Ghahramani 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import (
    F8,
    DataError,
    Features,
    FitContext,
    HasDropout,
    ModelFactory,
    Prediction,
    UQFit,
    derive_seed,
)
from atlas_uncertainty._shared import incapable, spread, train_one
from atlas_uncertainty.hooks import MOST_PASSES

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import MCDropoutConfig


class MCDropout:
    """Train one network; the std of its stochastic passes is the epistemic std."""

    def __init__(self, config: MCDropoutConfig) -> None:
        self._config = config

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train the network; see ``UQMethod.fit``."""
        model = train_one(make_model, features, target, context=context)
        if not isinstance(model, HasDropout):
            raise incapable(model, "mc_dropout", "HasDropout")
        predictor = DropoutPredictor(
            model,
            passes=self._config.passes,
            seed=derive_seed(context.seed, "passes"),
        )
        return predictor, model


class DropoutPredictor:
    """Predict with the mean and the std of stochastic passes.

    Every call uses the same seed, so it gives the same bytes. That a row does not depend on its
    batch is the model's part: its masks must be drawn a pass, not a row.
    """

    def __init__(self, model: HasDropout, *, passes: int, seed: int) -> None:
        self._model = model
        self._passes = passes
        self._seed = seed

    def predict(self, features: Features) -> Prediction:
        """Return mean, std (ddof 1: the passes are a sample), and the passes as samples."""
        if self._passes > MOST_PASSES:
            raise DataError(f"mc_dropout: {self._passes} passes; at most {MOST_PASSES}, fit anew")
        return spread(self._model.sample(features, self._passes, self._seed), ddof=1)
