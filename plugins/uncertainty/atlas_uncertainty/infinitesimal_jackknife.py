"""Variance of a bagged mean from the rows that each member drew (Wager et al., 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from atlas_core.api import (
    F8,
    Features,
    FitContext,
    HasInBag,
    HasMembers,
    ModelFactory,
    Prediction,
    UQFit,
)
from atlas_uncertainty._shared import incapable, train_one

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import InfinitesimalJackknifeConfig

ROWS_AT_ONCE = 4096
"""Rows predicted at once: bounds the memory of products with the members."""


class Bagged(HasMembers, HasInBag, Protocol):
    """A committee that knows which rows each member drew."""


@dataclass(frozen=True)
class InfinitesimalJackknife:
    """Train one bagged committee; how its mean depends on its rows is the epistemic std."""

    config: InfinitesimalJackknifeConfig

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train the committee; see ``UQMethod.fit``."""
        model = train_one(make_model, features, target, context=context)
        if not isinstance(model, HasMembers):
            raise incapable(model, "infinitesimal_jackknife", "HasMembers")
        if not isinstance(model, HasInBag):
            raise incapable(model, "infinitesimal_jackknife", "HasInBag")
        return JackknifePredictor(model), model


class JackknifePredictor:
    """Predict with the committee's mean and the infinitesimal jackknife's std."""

    def __init__(self, model: Bagged) -> None:
        self._model = model
        counts = model.inbag().astype(np.float64)
        self._rows = counts.shape[1]
        # sum_i cov_i^2 = d' C C' d / B^2: of (B, n) counts a (B, B) table is all that is needed
        self._gram: F8 = (counts - 1.0) @ (counts - 1.0).T

    def predict(self, features: Features) -> Prediction:
        """Return mean and epistemic std.

        The variance is V_IJ - n/B^2 sum_b (t_b - t)^2 (eq. 5 and 7 of Wager 2014), n training rows
        and B members. Where that difference is below the Monte-Carlo variance of the mean over B
        members, sum_b (t_b - t)^2 / B^2, the latter stands in its place: a difference of two
        estimates may be negative, and no variance is below that of the mean itself.
        """
        draws = np.ascontiguousarray(np.asarray(self._model.members(features)).T)  # (n, B)
        k = draws.shape[1]
        mean = draws.mean(axis=1)
        variance = np.empty(len(draws))
        for i in range(0, len(draws), ROWS_AT_ONCE):
            off = draws[i : i + ROWS_AT_ONCE] - mean[i : i + ROWS_AT_ONCE, None]
            raw = ((off @ self._gram) * off).sum(axis=1) / k**2
            monte_carlo = (off**2).sum(axis=1) / k**2
            variance[i : i + ROWS_AT_ONCE] = np.maximum(raw - self._rows * monte_carlo, monte_carlo)
        return Prediction(mean, np.sqrt(variance))
