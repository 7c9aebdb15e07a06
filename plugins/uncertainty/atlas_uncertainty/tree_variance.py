"""Spread of a committee's members, such as the trees of a forest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas_core.api import (
    F8,
    Features,
    FitContext,
    HasMembers,
    ModelFactory,
    Prediction,
    UQFit,
)
from atlas_uncertainty._shared import incapable, spread, train_one

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import TreeVarianceConfig


@dataclass(frozen=True)
class TreeVariance:
    """Train one committee; its members' std is the epistemic std."""

    config: TreeVarianceConfig

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train the committee; see ``UQMethod.fit``."""
        model = train_one(make_model, features, target, context=context)
        if not isinstance(model, HasMembers):
            raise incapable(model, "tree_variance", "HasMembers")
        return TreeVariancePredictor(model), model


class TreeVariancePredictor:
    """Predict with the committee's mean and std."""

    def __init__(self, model: HasMembers) -> None:
        self._model = model

    def predict(self, features: Features) -> Prediction:
        """Return mean, std over all members, and the members as samples."""
        return spread(self._model.members(features), ddof=0)
