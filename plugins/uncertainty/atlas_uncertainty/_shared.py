"""What the methods share: train one model, sum up draws, pass representations on. Light."""

from __future__ import annotations

import numpy as np

from atlas_core.api import (
    F8,
    I8,
    ContractError,
    Features,
    FitContext,
    HasEmbedding,
    HasLeaves,
    Model,
    ModelFactory,
    Prediction,
    Predictor,
)


class Embedded:
    """Predict as ``predictor`` does, and embed as ``model`` does."""

    def __init__(self, predictor: Predictor, model: HasEmbedding) -> None:
        self._predictor = predictor
        self._model = model

    def predict(self, features: Features) -> Prediction:
        """Return n predictions."""
        return self._predictor.predict(features)

    def embed(self, features: Features) -> F8:
        """Return (n, d) the model's inner representation."""
        return self._model.embed(features)


class Leafy:
    """Predict as ``predictor`` does, and sort into leaves as ``model`` does."""

    def __init__(self, predictor: Predictor, model: HasLeaves) -> None:
        self._predictor = predictor
        self._model = model

    def predict(self, features: Features) -> Prediction:
        """Return n predictions."""
        return self._predictor.predict(features)

    def leaves(self, features: Features) -> I8:
        """Return (n, k) the leaf of each of the model's trees."""
        return self._model.leaves(features)


class EmbeddedLeafy(Leafy):
    """Do both: a predictor has exactly what its model has."""

    def __init__(self, predictor: Embedded, model: HasLeaves) -> None:
        super().__init__(predictor, model)
        self._embedded = predictor

    def embed(self, features: Features) -> F8:
        """Return (n, d) the model's inner representation."""
        return self._embedded.embed(features)


def passed_on(predictor: Predictor, model: object) -> Predictor:
    """Return a predictor that has ``embed`` and ``leaves`` exactly where ``model`` has them."""
    if isinstance(model, HasEmbedding):
        embedded = Embedded(predictor, model)
        return EmbeddedLeafy(embedded, model) if isinstance(model, HasLeaves) else embedded
    return Leafy(predictor, model) if isinstance(model, HasLeaves) else predictor


def train_one(
    make_model: ModelFactory, features: Features, target: F8, *, context: FitContext
) -> Model:
    """Return one fitted model, the same for every method that trains one."""
    model = make_model()
    model.fit(features, target, context.child("member", 0))
    return model


def incapable(model: object, method: str, protocol: str) -> ContractError:
    """Return the error for a model that does not implement what its component gives."""
    return ContractError(
        f"{method}: {type(model).__name__} does not implement {protocol}, though its component "
        "gives it"
    )


def spread(draws: F8, *, ddof: int) -> Prediction:
    """Sum up (k, n) draws: their mean, their std as epistemic, and the draws as samples.

    Args:
        draws: (k, n) predictions in the target's unit.
        ddof: 1 where the draws are a sample of all models there might be, 0 where they are all.
    """
    # (n, k) with k last: numpy then sums a row alike, alone or in a batch
    table = np.ascontiguousarray(np.asarray(draws, dtype=np.float64).T)
    # draws that are all equal differ from their rounded mean in the last digit: that is no spread
    std = np.where(np.ptp(table, axis=1) > 0, table.std(axis=1, ddof=ddof), 0.0)
    return Prediction(mean=table.mean(axis=1), epistemic=std, samples=table.T)
