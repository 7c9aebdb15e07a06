"""What can be told of a prediction without its true value. Heavy: scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Ridge

from atlas_core.api import (
    F8,
    DataError,
    Inputs,
    OODScore,
    Prediction,
    Standardizer,
    Vectors,
    nearest,
)
from atlas_trust.sigma_threshold import sigma_of

NEIGHBORS = 5
DECIMALS = 9
"""To which distances are compared: of equal ones the first in the training set counts."""
TINY = 1e-12


def table_of(inputs: Inputs, representation: str) -> F8:
    """Return (n, d) the arm's vectors, or its model's embedding; NaN where not defined.

    Raises:
        DataError: the arm has none.
    """
    if representation == "embedding":
        if inputs.embedding is None:
            raise DataError("trust: representation embedding needs a model with an embedding")
        return inputs.embedding
    if not isinstance(inputs.features, Vectors):
        raise DataError("trust: representation features needs a featurizer that gives vectors")
    return inputs.features.values


@dataclass(frozen=True)
class Whitening:
    """Squared distance from the training mean along the main axes (99 % of the variance)."""

    axes: F8

    @classmethod
    def of(cls, values: F8) -> Whitening:
        """Learn from (t, d) centered training values."""
        variance, axes = np.linalg.eigh(values.T @ values / max(len(values), 1))
        order = np.argsort(-variance, kind="stable")
        share = np.cumsum(variance[order]) / max(float(variance.sum()), TINY)
        kept = order[: int(np.searchsorted(share, 0.99)) + 1]
        kept = kept[variance[kept] > TINY * max(float(variance.max()), TINY)]
        return cls(axes[:, kept] / np.sqrt(variance[kept]))

    def __call__(self, values: F8) -> F8:
        return np.asarray(np.sqrt(((values @ self.axes) ** 2).sum(axis=1)), dtype=np.float64)


@dataclass(frozen=True)
class Signals:
    """Measure rows against the training rows of one training of the arm.

    A signal is the logarithm of a quantity over its in-domain median of that same training, so
    that it means the same for a model trained on other rows.

    Attributes:
        representation: ``features`` or ``embedding``.
        scale: of that representation.
        reference: (r, d) scaled rows that neighbors are looked for among.
        fractions: (r, 118) their atomic fractions.
        target: (r,) true values of the reference rows.
        ridge: linear model on the representation.
        linear: linear model on the atomic fractions.
        whitening: of the representation.
        median: in-domain median of each quantity, by name.
    """

    representation: str
    scale: Standardizer
    reference: F8
    fractions: F8
    target: F8
    ridge: Ridge
    linear: Ridge
    whitening: Whitening
    median: Mapping[str, float]

    @classmethod
    def of(cls, train: Inputs, target: F8, *, representation: str, most: int, seed: int) -> Signals:
        """Learn from at most ``most`` training rows, drawn with the seed; medians come later."""
        if len(train) > most:
            kept = np.sort(np.random.default_rng(seed).choice(len(train), most, replace=False))
            train, target = train.take(kept), target[kept]
        values = table_of(train, representation)
        scale = Standardizer.of(values)
        scaled, fractions = scale(values), train.fractions
        return cls(
            representation=representation,
            scale=scale,
            reference=scaled,
            fractions=fractions,
            target=np.asarray(target, dtype=np.float64),
            ridge=Ridge(alpha=1.0).fit(scaled, target),
            linear=Ridge(alpha=1e-3).fit(fractions, target),
            whitening=Whitening.of(scaled),
            median={},
        )

    def quantities(
        self, inputs: Inputs, prediction: Prediction, ood: OODScore | None
    ) -> dict[str, F8]:
        """Return what is measured of n rows, each (n,) and >= 0; sigma comes first."""
        scaled = self.scale(table_of(inputs, self.representation))
        fractions = inputs.fractions
        distance, neighbors = nearest(self.reference, scaled, NEIGHBORS, decimals=DECIMALS)
        distance_fractions, _ = nearest(self.fractions, fractions, NEIGHBORS, decimals=DECIMALS)
        around = self.target[neighbors]
        mean = prediction.mean
        found = {
            "sigma": sigma_of(prediction),
            "distance to the nearest training materials": distance.mean(axis=1),
            "distance in composition": distance_fractions.mean(axis=1),
            "distance from the bulk of training": self.whitening(scaled),
            "difference from the nearest training values": np.abs(mean - around.mean(axis=1)),
            "difference from a linear model": np.abs(mean - self.ridge.predict(scaled)),
            "difference from a sum of element contributions": np.abs(
                mean - self.linear.predict(fractions)
            ),
            "scatter of the nearest training values": around.std(axis=1),
        }
        if ood is not None:
            found["novelty score"] = np.maximum(ood.score, 0.0)
        return {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}

    def matrix(self, inputs: Inputs, prediction: Prediction, ood: OODScore | None) -> F8:
        """Return (n, s) signals of n rows."""
        if not len(inputs):
            return np.zeros((0, len(self.median)))
        found = self.quantities(inputs, prediction, ood)
        if list(found) != list(self.median):
            raise DataError(
                "trust learned_region: the fit knows other signals than this version measures, or"
                " its detector is gone; run its spec again"
            )
        columns = [np.log(np.maximum(v / self.median[name], 1e-3)) for name, v in found.items()]
        # rounded: in another unit of the target a cut between two rows must not fall elsewhere
        return np.asarray(np.round(np.stack(columns, axis=1) * 2.0**30) / 2.0**30)
