"""Predictions as decisions against a border, as ``decisions.parquet`` holds them. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from atlas_core.arrays import F8, Bool, Str
from atlas_core.data.predictions import Predictions
from atlas_core.data.tables import StoredTable, column


@dataclass(frozen=True, eq=False, kw_only=True)
class Decisions(StoredTable):
    """A row for each prediction that a border was drawn for.

    Attributes:
        arm: (n,) names.
        fold: (n,) names.
        ids: (n,) of the materials.
        formula: (n,) of the materials.
        parts: (n,) ``calibration``, ``test`` or ``ood_test``.
        target: (n,) true values in the target's unit; NaN where unknown.
        mean: (n,) predictions in the target's unit.
        border: (n,) what they are held against.
        words: (n,) what the border rests on.
        probability: (n,) that the true value is at most the border.
        probability_near: (n,) that it is at most ``margin`` above it.
        margin: (n,) in the target's unit.
        label: (n,) ``trust``, ``verify`` or ``defer`` of the decision, not of the value.
        lower: no intervals; {}.
        upper: likewise.

    Raises:
        DataError: columns differ in length, or one has another type.
    """

    arm: Str = column("U")
    fold: Str = column("U")
    ids: Str = column("U", "id")
    formula: Str = column("U", required=False)
    parts: Str = column("U", "part")
    target: F8 = column("f")
    mean: F8 = column("f")
    border: F8 = column("f")
    words: Str = column("U", "against")
    probability: F8 = column("f")
    probability_near: F8 = column("f")
    margin: F8 = column("f")
    label: Str = column("U")
    lower: Mapping[float, F8] = field(default_factory=dict)
    upper: Mapping[float, F8] = field(default_factory=dict)

    @property
    def true(self) -> Bool:
        """Return (n,) whether the true value is at most the border."""
        return np.asarray(self.target <= self.border)

    @property
    def call(self) -> Bool:
        """Return (n,) whether the decision is that it is."""
        return np.asarray(self.probability >= 0.5)

    @property
    def risk(self) -> F8:
        """Return (n,) the probability that the call is wrong."""
        return np.minimum(self.probability, 1.0 - self.probability)

    def as_classes(self) -> Predictions:
        """Return them as predictions of class 1: at or below the border."""
        return Predictions(
            ids=self.ids,
            formula=self.formula,
            arm=self.arm,
            fold=self.fold,
            parts=self.parts,
            target=self.true.astype(np.float64),
            mean=self.probability,
        )
