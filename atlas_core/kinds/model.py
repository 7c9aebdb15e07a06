r'''The ``model`` kind: features to a target. Light: numpy only.

A whole plugin, in a module ``atlas_linear``::

    """A straight line through standardized columns, by regularized least squares."""

    import numpy as np

    from atlas_core.api import Component, Config, Field, hookimpl


    class LinearConfig(Config):
        """How strongly weights are drawn to zero."""

        penalty: float = Field(1.0, gt=0, description="Of the sum of squared weights.")


    class Linear:
        """Solve the normal equations; a missing value counts as its column's mean."""

        def __init__(self, config):
            self.penalty = config.penalty

        def fit(self, features, target, context):
            values = features.values
            known = ~np.isnan(values)
            count = np.maximum(known.sum(axis=0), 1)
            self.center = np.where(known, values, 0.0).sum(axis=0) / count
            spread = np.where(known, values - self.center, 0.0).std(axis=0)
            self.scale = np.where(spread > 1e-12 * np.abs(self.center), spread, np.inf)
            self.mean = float(target.mean())
            x = self._standard(features)
            normal = x.T @ x + self.penalty * np.eye(x.shape[1])
            self.weights = np.linalg.solve(normal, x.T @ (target - self.mean))

        def predict(self, features):
            # a sum for each row: a matrix product may round a row differently in another batch
            return self.mean + (self._standard(features) * self.weights).sum(axis=1)

        def _standard(self, features):
            filled = np.where(np.isnan(features.values), self.center, features.values)
            return (filled - self.center) / self.scale


    @hookimpl
    def atlas_model():
        needs = {"features:vectors", "task:regression"}
        return [Component("linear_numpy", LinearConfig, Linear, requires=needs)]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.model"]
    linear_numpy = "atlas_linear"

``model: linear_numpy`` then fits it in arms that say so, and ``uq: ensemble`` trains several of
it. Plain attributes are saved with a run. A model that can do more (members, a std, an embedding)
implements a protocol of ``atlas_core.interfaces`` and names it in ``provides``.
'''

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
    of their own in ``atlas_core.interfaces``, named in the component's ``provides``.
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
    place="arm",
    description="Maps features to the target.",
    required=True,
    provides=("model",),
)
