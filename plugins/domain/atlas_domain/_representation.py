"""Which numbers of a material a detector looks at. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from atlas_core.api import F8, DataError, Inputs, Standardizer, Vectors

Representation = Literal["fractions", "root_fractions", "features", "embedding", "volume"]

WIDEST = 2000
"""Columns of features whose covariance is still cheap to invert."""

REQUIRES: dict[str, frozenset[str]] = {
    "fractions": frozenset(),
    "root_fractions": frozenset(),
    "features": frozenset({"features:vectors"}),
    "embedding": frozenset({"model:embedding"}),
    "volume": frozenset({"inputs:structure"}),
    "arm": frozenset(),
}
"""Capabilities that each representation requires."""


class Represented(Protocol):
    """Options that name a representation."""

    @property
    def representation(self) -> Representation | Literal["arm"]:
        """What is compared."""
        ...


def required(config: Represented) -> frozenset[str]:
    """Return the capabilities that the chosen representation requires."""
    return REQUIRES[config.representation]


def read(rows: Inputs, representation: Representation) -> F8:
    """Return (n, d) numbers of n materials; NaN where a feature is not defined.

    Raises:
        DataError: the arm does not make this representation.
    """
    if representation == "fractions":
        return rows.fractions
    if representation == "root_fractions":
        # Euclidean distances of these are Hellinger distances: a little of an element counts more
        return np.sqrt(rows.fractions)
    if representation == "features":
        if not isinstance(rows.features, Vectors):
            raise DataError(
                "ood: representation 'features' needs a featurizer that gives vectors;"
                " use representation 'fractions' or 'embedding'"
            )
        return rows.features.values
    if representation == "volume":
        return _log_volume(rows)
    if rows.embedding is None:
        raise DataError(
            "ood: representation 'embedding' needs a model with an embedding;"
            " use representation 'fractions'"
        )
    return rows.embedding


def _log_volume(rows: Inputs) -> F8:
    """Return (n, 1) the logarithm of the volume per atom."""
    if rows.volume is None:
        raise DataError("ood: representation 'volume' needs structures; use 'fractions'")
    return np.asarray(np.log(rows.volume)[:, None], dtype=np.float64)


def looked_at(train: Inputs) -> tuple[Representation, ...]:
    """Return what an arm looks at: the composition and, where it reads structures, those too.

    Structures are seen through the arm's own features; where these are graphs, or too many columns
    to invert their covariance, through the volume per atom, unless all share one.
    """
    if train.volume is None:
        return ("fractions",)
    if isinstance(train.features, Vectors) and train.features.values.shape[1] <= WIDEST:
        return ("fractions", "features")
    spread = float(np.ptp(_log_volume(train))) if len(train) else 0.0
    return ("fractions", "volume") if spread > 1e-6 else ("fractions",)


@dataclass(frozen=True)
class Scaling:
    """Fill gaps with training means and bring columns to one scale.

    Attributes:
        representation: what is read.
        standard: means and stds of the training rows; std 1 wherever columns share a unit.
    """

    representation: Representation
    standard: Standardizer

    @classmethod
    def of(cls, train: Inputs, representation: Representation) -> Scaling:
        """Learn means and scales from the training rows.

        Fractions and embeddings keep their scale: their columns share a unit, and blowing up a
        rare element would drown the rest. Features mix units, so each is divided by its std.
        """
        values = read(train, representation)
        if len(values) < 2:
            raise DataError(f"ood: {len(values)} training rows; a detector needs at least 2")
        standard = Standardizer.of(values)
        if representation != "features":
            standard = replace(standard, scale=np.ones_like(standard.mean))
        return cls(representation, standard)

    def apply(self, rows: Inputs) -> F8:
        """Return (n, d) centered, scaled numbers without gaps."""
        values = read(rows, self.representation)
        columns = len(self.standard.mean)
        if values.shape[1] != columns:
            raise DataError(
                f"ood: rows have {values.shape[1]} columns, the training rows {columns}"
            )
        return self.standard(values)
