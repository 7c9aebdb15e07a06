"""Disagreement of a heterogeneous ensemble on subsets of the features (Seung 1992)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from atlas_core.api import (
    F8,
    I8,
    DataError,
    Features,
    FitContext,
    Model,
    ModelFactory,
    Prediction,
    UQFit,
    Vectors,
)
from atlas_uncertainty._shared import spread, train_one

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import CommitteeConfig


class Committee:
    """Train the model, and models of other kinds on parts of the columns."""

    def __init__(self, config: CommitteeConfig) -> None:
        self._config = config

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train all of them; see ``UQMethod.fit``.

        Raises:
            DataError: the task is not regression, or graphs are to be cut into columns.
        """
        config = self._config
        if context.task != "regression":
            raise DataError("committee: needs a regression target, this one is binary")
        model = train_one(make_model, features, target, context=context)
        parts = self._parts(features, context)
        others: list[tuple[I8 | None, Model]] = []
        for i, use in enumerate(config.members):
            member: Model = use.build()
            columns = parts[i % len(parts)]
            member.fit(_of(features, columns), target, context.child("other", i))
            others.append((columns, member))
        return CommitteePredictor(model, others, own=config.mean == "model"), model

    def _parts(self, features: Features, context: FitContext) -> Sequence[I8 | None]:
        """Return the columns of each member, in turns; None for all."""
        if self._config.columns == "all":
            return [None]
        labels = _vectors(features).labels
        if self._config.columns == "labels":
            keys = [" ".join(str(label).split()[:-1]) for label in labels]
            return [
                np.array([i for i, key in enumerate(keys) if key == group])
                for group in dict.fromkeys(keys)
            ]
        drawn = max(1, round(self._config.share * len(labels)))
        return [
            np.sort(context.child("columns", i).rng().permutation(len(labels))[:drawn])
            for i in range(len(self._config.members))
        ]


def _vectors(features: Features) -> Vectors:
    if not isinstance(features, Vectors):
        problem = "committee: needs feature vectors"
        raise DataError(f"{problem}, not {features.form}; use magpie, say, or columns: all")
    return features


def _of(features: Features, columns: I8 | None) -> Features:
    """Return features with some of their columns, or all."""
    if columns is None:
        return features
    vectors = _vectors(features)
    return Vectors(vectors.values[:, columns], vectors.labels[columns])


class CommitteePredictor:
    """Predict with the spread of the model and the others.

    Args:
        model: the arm's.
        others: the columns of each, and the fitted model.
        own: the mean is the model's, not the committee's.
    """

    def __init__(
        self, model: Model, others: Sequence[tuple[I8 | None, Model]], *, own: bool
    ) -> None:
        self._model, self._others, self._own = model, list(others), own

    def predict(self, features: Features) -> Prediction:
        """Return mean, std (ddof 1: a sample of kinds), and all predictions as samples."""
        draws = [self._model.predict(features)]
        for columns, member in self._others:
            # estimators of scikit-learn refuse a table without rows
            some = len(features) > 0
            draws.append(member.predict(_of(features, columns)) if some else np.zeros(0))
        found = spread(np.stack(draws), ddof=1)
        return found.replace(mean=draws[0]) if self._own else found
