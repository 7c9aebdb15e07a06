"""What the methods share: train one model, sum up draws. Light."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from atlas_core.api import (
    F8,
    ContractError,
    DataError,
    Features,
    FitContext,
    HasEmbedding,
    Model,
    ModelFactory,
    Prediction,
)


class EmbeddingModel(Model, HasEmbedding, Protocol):
    """A model with an inner representation."""


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


def train_embedding(
    make_model: ModelFactory, features: Features, target: F8, *, context: FitContext, name: str
) -> EmbeddingModel:
    """Return one fitted model that has an embedding, for the method ``name``.

    Raises:
        DataError: the task is not regression.
        ContractError: the model has none, though its component provides it.
    """
    if context.task != "regression":
        raise DataError(f"{name}: needs a regression target, this one is binary")
    model = train_one(make_model, features, target, context=context)
    if not isinstance(model, HasEmbedding):
        raise incapable(model, name, "HasEmbedding")
    return model


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
