"""Which numbers of a material a detector looks at. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from atlas_core.api import F8, DataError, Inputs, Vectors

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
        centre: (d,) training means, 0 for a column without any value.
        scale: (d,) training std; 1 for a constant column and wherever columns share a unit.
    """

    representation: Representation
    centre: F8
    scale: F8

    @classmethod
    def of(cls, train: Inputs, representation: Representation) -> Scaling:
        """Learn means and scales from the training rows.

        Fractions and embeddings keep their scale: their columns share a unit, and blowing up a
        rare element would drown the rest. Features mix units, so each is divided by its std.
        """
        values = read(train, representation)
        if len(values) < 2:
            raise DataError(f"ood: {len(values)} training rows; a detector needs at least 2")
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, values, 0.0).sum(axis=0) / count
        scale = np.ones_like(centre)
        if representation == "features":
            spread = np.sqrt(np.where(known, (values - centre) ** 2, 0.0).sum(axis=0) / count)
            # a spread at rounding level is a constant column: dividing by it would invent distance
            scale = np.where(spread > 1e-9 * np.maximum(np.abs(centre), 1.0), spread, 1.0)
        return cls(representation, centre, scale)

    def apply(self, rows: Inputs) -> F8:
        """Return (n, d) centred, scaled numbers without gaps."""
        values = read(rows, self.representation)
        if values.shape[1] != len(self.centre):
            raise DataError(
                f"ood: rows have {values.shape[1]} columns, the training rows {len(self.centre)}"
            )
        filled = np.where(np.isnan(values), self.centre, values)
        return np.asarray((filled - self.centre) / self.scale, dtype=np.float64)
