"""The ``model`` kind: features to a target. Light: numpy only."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from atlas_core.arrays import F8
from atlas_core.context import FitContext
from atlas_core.kinds.featurizer import Features
from atlas_core.kinds.kind import Kind


@runtime_checkable
class Model(Protocol):
    """Learn a target. ``build(config)`` returns an unfitted model; a model is fitted once.

    Capabilities beyond ``predict`` (members, variance, dropout samples, an embedding) are protocols
    of their own in ``atlas_core.interfaces``, named in the component's ``gives``.
    """

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Learn from n rows.

        Args:
            features: n rows of the form that the component needs.
            target: (n,) in the target's unit; 0 or 1 when ``context.task`` is ``binary``.
            context: seed, threads, device, folder for checkpoints.

        Raises:
            TrainingError: the loss is NaN or explodes.
        """
        ...

    def predict(self, features: Features) -> F8:
        """Return (n,) predictions in the target's unit; P(1) for a binary task."""
        ...


KIND = Kind(
    "model",
    Model,
    "a new unfitted ``Model``",
    place="arm",
    description="Features to a target.",
    required=True,
    provides=("model",),
)
