r'''The ``uq`` kind: predictions with uncertainty, from a model factory. Light.

A whole plugin, in a module ``atlas_jackknife``::

    """Grouped jackknife: how far predictions move as parts of the training rows are left out."""

    import numpy as np

    from atlas_core.api import Component, Config, Field, Prediction, hookimpl


    class JackknifeConfig(Config):
        """How many models are trained."""

        groups: int = Field(5, ge=2, le=100, description="Parts that are left out in turn.")


    class Jackknife:
        """Train the model on all rows, and once without each part."""

        def __init__(self, config):
            self.groups = config.groups

        def fit(self, make_model, features, target, context):
            part = context.rng().permutation(len(target)) % self.groups
            model = make_model()
            model.fit(features, target, context.child("member", 0))
            others = []
            for left_out in range(self.groups):
                rows = np.flatnonzero(part != left_out)
                other = make_model()
                other.fit(features.take(rows), target[rows], context.child("member", left_out + 1))
                others.append(other)
            return JackknifePredictor(model, others), model


    class JackknifePredictor:
        """Hold the models; an object of a class with plain attributes can be saved with a run."""

        def __init__(self, model, others):
            self.model, self.others = model, others

        def predict(self, features):
            draws = np.stack([other.predict(features) for other in self.others], axis=1)
            # Efron and Tibshirani 1993, eq. 11.5
            variance = (len(self.others) - 1) * draws.var(axis=1)
            return Prediction(mean=self.model.predict(features), epistemic=np.sqrt(variance))


    @hookimpl
    def atlas_uq():
        return [Component("jackknife", JackknifeConfig, Jackknife, provides={"epistemic"})]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.uq"]
    jackknife = "atlas_jackknife"

``uq: jackknife`` then works with every model: what is handed over is a factory, not a fitted model.
Methods that need more of it say so: ``requires={"model:dropout"}``.
'''

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
    """Train one or more models and quantify their uncertainty.

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
    place="arm",
    description="Uncertainty quantification: how sigma is obtained from the model.",
    required=True,
    provides=("epistemic", "aleatoric", "samples"),
)
