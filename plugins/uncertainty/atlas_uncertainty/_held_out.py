"""Errors on rows that a model did not learn from, and distances between rows. Heavy: scipy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from atlas_core.api import (
    F8,
    I8,
    DataError,
    Features,
    FitContext,
    HasEmbedding,
    Model,
    ModelFactory,
    Standardizer,
    Vectors,
)
from atlas_uncertainty._table import table_of

ROWS_AT_ONCE = 512
"""Rows whose distances to all others are held at once."""

ROWS_OF_UNIT = 2000
"""Rows whose distances to the others make the unit of distance, at most."""


@dataclass(frozen=True)
class Fold:
    """A model that was trained without some rows.

    Attributes:
        model: the model.
        kept: rows that it learned from.
        held: rows that it did not.
        residual: (h,) target minus prediction on ``held``, in the target's unit.
    """

    model: Model
    kept: I8
    held: I8
    residual: F8


def at_random(n: int, folds: int, context: FitContext) -> list[I8]:
    """Return each of n rows in one of ``folds`` parts, drawn from the context's seed."""
    order = context.child("folds").rng().permutation(n)
    return [np.sort(part) for part in np.array_split(order, min(folds, n))]


def by_cluster(table: F8, folds: int, context: FitContext) -> list[I8]:
    """Return each row of (n, d) in the part of its k-means cluster; empty ones are left out."""
    seed = context.child("clusters").seed % 2**32
    with threadpool_limits(1):  # sums in one order, whatever the machine
        means = KMeans(min(folds, len(table)), n_init=3, random_state=seed)
        label = means.fit_predict(table)
    parts = [np.flatnonzero(label == i) for i in range(folds)]
    return [part for part in parts if 0 < len(part) < len(table)]


def out_of_fold(
    make_model: ModelFactory,
    features: Features,
    target: F8,
    parts: Sequence[I8],
    *,
    context: FitContext,
    name: str,
) -> Iterator[Fold]:
    """Yield for each part a model trained on all other rows and its errors on the part.

    Raises:
        DataError: there are too few rows to leave some out.
    """
    if len(parts) < 2 or len(target) < 2 * len(parts):
        raise DataError(
            f"{name}: {len(target)} training rows are too few for {len(parts)} folds;"
            " it needs two per fold"
        )
    for i, held in enumerate(parts):
        kept = np.setdiff1d(np.arange(len(target)), held)
        member = context.child("fold", i)
        if member.ids is not None:
            member = replace(member, ids=member.ids[kept])
        model = make_model()
        model.fit(features.take(kept), target[kept], member)
        yield Fold(model, kept, held, target[held] - model.predict(features.take(held)))


def raw_rows(features: Features, model: Model | None, name: str) -> F8:
    """Return (n, d) the model's embedding of each row, or without a model its vector.

    Raises:
        DataError: there are neither vectors nor an embedding.
    """
    if model is not None:
        if not isinstance(model, HasEmbedding):
            raise DataError(f"{name}: {type(model).__name__} has no embedding")
        return model.embed(features)
    if not isinstance(features, Vectors):
        raise DataError(
            f"{name}: the features are {features.form}; use representation: embedding, or vectors"
        )
    return features.values


@dataclass(frozen=True)
class Neighborhood:
    """Tell how far rows lie from training rows, in units of how far those lie from each other.

    Attributes:
        table: fills and scales rows.
        reference: (m, d) training rows.
        k: neighbors that count.
        unit: median over training rows of the mean distance to their own k neighbors.
    """

    table: Standardizer
    reference: F8
    k: int
    unit: float

    @classmethod
    def of(cls, values: F8, *, k: int, most: int, context: FitContext) -> Neighborhood:
        """Learn from (n, d) training rows, of which at most ``most`` are kept."""
        table = table_of(values)
        rng = context.child("reference").rng()
        chosen = np.sort(rng.permutation(len(values))[:most])
        reference = table(values[chosen])
        k = min(k, len(reference) - 1)
        some = np.sort(rng.permutation(len(reference))[:ROWS_OF_UNIT])
        near = np.sort(nearest(reference[some], reference, k + 1), axis=1)[:, 1:]
        unit = float(np.median(near.mean(axis=1)))
        return cls(table, reference, k, unit if unit > 0 else 1.0)

    def distance(self, values: F8) -> F8:
        """Return (n,) mean distances to the k nearest training rows, in units."""
        near = nearest(self.table(values), self.reference, self.k)
        return np.asarray(np.sort(near, axis=1).mean(axis=1) / self.unit, dtype=np.float64)


def nearest(rows: F8, reference: F8, k: int) -> F8:
    """Return (n, k) the smallest Euclidean distances of each row, in no order."""
    found = np.empty((len(rows), k))
    for i in range(0, len(rows), ROWS_AT_ONCE):
        part = slice(i, i + ROWS_AT_ONCE)
        found[part] = np.partition(cdist(rows[part], reference), k - 1, axis=1)[:, :k]
    return found
