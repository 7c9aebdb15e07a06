"""Make a table of numbers fit for an estimator: missing values and scales. Light: numpy only."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt

from atlas_core.api import F8, DataError, Features, Standardizer, Str, Vectors


class Columns:
    """Learn from training rows how to fill and scale columns.

    Columns without any number in training are dropped. A NaN takes its column's mean over the
    training rows (``impute``), and columns are brought to mean 0 and std 1 (``scale``); a constant
    column becomes 0.

    Args:
        features: n training rows.
        model: name of the model, for messages.
        impute: fill NaN; else it stays.
        scale: standardize the columns.

    Raises:
        DataError: the features are no vectors, or no column has a number.
    """

    def __init__(self, features: Features, model: str, *, impute: bool = True, scale: bool) -> None:
        vectors = _vectors(features, model)
        self._model = model
        self._labels: Str = vectors.labels
        known = ~np.isnan(vectors.values)
        self._keep: npt.NDArray[np.int64] = np.flatnonzero(known.any(axis=0))
        if not len(self._keep):
            raise DataError(f"{model}: no feature column has a number in training")
        self._standard = Standardizer.of(
            vectors.values[:, self._keep],
            relative=1e-12,
            absolute=0.0,
            constant=np.inf,
            filled=True,
        )
        self._impute, self._scale = impute, scale

    def __call__(self, features: Features) -> F8:
        """Return (n, d) values of the kept columns, filled and scaled as in training.

        Raises:
            DataError: the columns are not those of training.
        """
        vectors = _vectors(features, self._model)
        if not np.array_equal(vectors.labels, self._labels):
            raise DataError(
                f"{self._model}: {len(vectors.labels)} feature columns that are not the "
                f"{len(self._labels)} of training; use the same featurizer"
            )
        table = vectors.values[:, self._keep]
        if self._scale:
            table = self._standard(table)
        elif self._impute:
            table = self._standard.fill(table)
        return np.ascontiguousarray(table, dtype=np.float64)


def _vectors(features: Features, model: str) -> Vectors:
    if not isinstance(features, Vectors):
        raise DataError(f"{model}: needs feature vectors, not {features.form}; use magpie, say")
    return features


def two_classes(target: F8, model: str) -> npt.NDArray[np.int64]:
    """Return binary targets as whole numbers.

    Raises:
        DataError: only one class is there.
    """
    classes = np.unique(target)
    if len(classes) < 2:
        raise DataError(
            f"{model}: all {len(target)} training rows are of one class; it needs rows of both,"
            " use a stratified split"
        )
    return np.asarray(target, dtype=np.int64)


def threads(wanted: int) -> int:
    """Return how many threads to use: a fit may come from a larger machine, or from a stranger."""
    return min(max(wanted, 1), os.cpu_count() or 1)


def seed32(seed: int) -> int:
    """Return a seed in the 32 bits that scikit-learn's ``RandomState`` takes."""
    return seed % 2**32
