"""The ``uq`` kind: from a model factory to predictions that carry uncertainty. Light."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from atlas_core.arrays import F8
from atlas_core.context import FitContext
from atlas_core.kinds.featurizer import Features
from atlas_core.kinds.kind import Kind
from atlas_core.kinds.model import Model
from atlas_core.kinds.prediction import Prediction

ModelFactory = Callable[[], Model]
"""Return a new unfitted model; its seed comes with the context that ``fit`` receives."""


@runtime_checkable
class Predictor(Protocol):
    """Predict with uncertainty."""

    def predict(self, features: Features) -> Prediction:
        """Return n predictions, each depending on its own row alone."""
        ...


UQFit = tuple[Predictor, Model]
"""A predictor, and the trained model: who needs its embedding or leaves asks it. Of several, the
first."""


@runtime_checkable
class UQMethod(Protocol):
    """Train one or more models and say how far to believe them.

    It receives a factory, not a fitted model: an ensemble trains k models, MC-dropout trains one.
    """

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train and return a predictor, and the model that it was made of.

        Args:
            make_model: makes unfitted models; fit each with ``context.child("member", i)``.
            features: n training rows.
            target: (n,) in the target's unit.
            context: seed, threads, device, folder for checkpoints.
        """
        ...


KIND = Kind(
    "uq",
    UQMethod,
    "a ``UQMethod``",
    place="arm",
    description="How the model says how sure it is.",
    required=True,
    provides=("epistemic", "aleatoric", "samples"),
    types=("kinds.prediction",),
)
