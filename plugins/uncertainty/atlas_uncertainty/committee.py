"""The model beside unlike ones on parts of the columns: where they disagree (Seung 1992)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import SVR
from threadpoolctl import threadpool_limits

from atlas_core.api import (
    F8,
    I8,
    DataError,
    Features,
    FitContext,
    Model,
    ModelFactory,
    Prediction,
    Standardizer,
    TargetScale,
    UQFit,
    Vectors,
)
from atlas_uncertainty._shared import spread, train_one
from atlas_uncertainty._table import table_of

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import CommitteeConfig

REGRESSORS: dict[str, Callable[[int], Any]] = {
    "ridge": lambda seed: Ridge(1.0),
    # brute force would take distances from a matrix product, which depends on the batch
    "knn": lambda seed: KNeighborsRegressor(5, weights="distance", algorithm="kd_tree"),
    "extra_trees": lambda seed: ExtraTreesRegressor(
        100, max_features=1 / 3, bootstrap=True, random_state=seed
    ),
    "gradient_boosting": lambda seed: HistGradientBoostingRegressor(
        max_iter=200, early_stopping=False, random_state=seed
    ),
    "svm": lambda seed: SVR(C=10.0, epsilon=0.05),
}
"""Regressors of standardised rows and a target of variance 1, by kind and seed."""


class Committee:
    """Train the model, and regressors of other kinds on parts of the columns."""

    def __init__(self, config: CommitteeConfig) -> None:
        self._config = config

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train all of them; see ``UQMethod.fit``.

        Raises:
            DataError: the features are no vectors, or the task is not regression.
        """
        config = self._config
        if context.task != "regression":
            raise DataError("committee: needs a regression target, this one is binary")
        values = _vectors(features).values
        model = train_one(make_model, features, target, context=context)
        table = table_of(values)
        rows, scale = table(values), TargetScale.by_std(target)
        scaled = scale.standard(target)
        groups = self._groups(_vectors(features), context)
        others = []
        for i, kind in enumerate(config.others):
            own = context.child("other", i)
            columns = groups[i % len(groups)]
            regressor = REGRESSORS[kind](own.seed % 2**32)
            if kind == "knn":
                regressor.set_params(n_neighbors=min(5, len(target)))
            with threadpool_limits(1):  # sums in one order, whatever the machine
                regressor.fit(rows[:, columns], scaled)
            others.append((columns, regressor))
        predictor = CommitteePredictor(
            model,
            table,
            others,
            scale=scale,
            own=config.mean == "model",
        )
        return predictor, model

    def _groups(self, vectors: Vectors, context: FitContext) -> list[I8]:
        """Return the columns of each regressor, in turns."""
        d = len(vectors.labels)
        if self._config.columns == "all":
            return [np.arange(d)]
        if self._config.columns == "labels":
            keys = [" ".join(str(label).split()[:-1]) for label in vectors.labels]
            return [
                np.array([i for i, key in enumerate(keys) if key == group])
                for group in dict.fromkeys(keys)
            ]
        drawn = max(1, round(self._config.share * d))
        return [
            np.sort(context.child("columns", i).rng().permutation(d)[:drawn])
            for i in range(len(self._config.others))
        ]


def _vectors(features: Features) -> Vectors:
    if not isinstance(features, Vectors):
        raise DataError(f"committee: needs feature vectors, not {features.form}; use magpie, say")
    return features


class CommitteePredictor:
    """Predict with the spread of the model and the others.

    Args:
        model: the arm's.
        table: fills and scales rows for the others.
        others: the columns of each, and the regressor.
        scale: of the targets that the others learned.
        own: the mean is the model's, not the committee's.
    """

    def __init__(
        self,
        model: Model,
        table: Standardizer,
        others: Sequence[tuple[I8, Any]],
        *,
        scale: TargetScale,
        own: bool,
    ) -> None:
        self._model, self._table, self._others = model, table, list(others)
        self._scale, self._own = scale, own

    def predict(self, features: Features) -> Prediction:
        """Return mean, std (ddof 1: a sample of kinds), and all predictions as samples."""
        rows = self._table(_vectors(features).values)
        draws = [self._model.predict(features)]
        if len(rows):
            with threadpool_limits(1):
                for columns, regressor in self._others:
                    found = np.asarray(regressor.predict(rows[:, columns]), dtype=np.float64)
                    draws.append(self._scale.back(found))
        else:
            draws += [np.zeros(0) for _ in self._others]
        found = spread(np.stack(draws), ddof=1)
        return found.replace(mean=draws[0]) if self._own else found
