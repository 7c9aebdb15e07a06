"""What arms predict: one table, from the job that makes it to the report that shows it. Light."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, Bool, Str
from atlas_core.data import tables
from atlas_core.data.tables import Columns, StoredTable, column
from atlas_core.errors import DataError

if TYPE_CHECKING:
    from pandas import DataFrame

SCORED_PARTS = ("calibration", "test", "ood_test")
"""Parts of a fold whose rows are predicted, in the order of a table."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Predictions(StoredTable):
    """The n predictions of one or more arms and folds; the columns of ``predictions.parquet``.

    Attributes:
        ids: (n,) of the materials.
        formula: (n,) as their source writes them, or reduced; "" where unknown.
        arm: (n,) names.
        fold: (n,) names.
        parts: (n,) ``calibration``, ``test`` or ``ood_test``.
        target: (n,) true values in the target's unit; NaN where unknown.
        mean: (n,) predictions in the target's unit; P(1) in a binary task.
        baseline: (n,) median of the fold's training targets; NaN where unknown.
        std_epistemic: (n,) standard deviation from not knowing the model; NaN where unknown.
        std_aleatoric: (n,) standard deviation from noise in the data; NaN where unknown.
        std: (n,) total standard deviation; NaN where unknown.
        ood_score: (n,) of the detector, higher is farther; NaN where none ran.
        outside: (n,) flagged by the detector.
        reason: (n,) why; "" where there is none.
        lower: {level: (n,)} lower ends of intervals; NaN where the arm has none.
        upper: {level: (n,)} upper ends.
        bounds: (low, high) between which every target must lie; an interval over all of it says
            as little as an infinite one. Not in a file.

    Raises:
        DataError: columns differ in length, or one has another type.
    """

    ids: Str = column("U", "id")
    formula: Str = column("U", required=False)
    arm: Str = column("U")
    fold: Str = column("U")
    parts: Str = column("U", "part")
    target: F8 = column("f")
    mean: F8 = column("f")
    baseline: F8 = column("f", required=False)
    std_epistemic: F8 = column("f", required=False)
    std_aleatoric: F8 = column("f", required=False)
    std: F8 = column("f", required=False)
    ood_score: F8 = column("f", required=False)
    outside: Bool = column("b", required=False)
    reason: Str = column("U", required=False)
    lower: Mapping[float, F8] = field(default_factory=dict)
    upper: Mapping[float, F8] = field(default_factory=dict)
    bounds: tuple[float, float] = (-math.inf, math.inf)

    @property
    def levels(self) -> tuple[float, ...]:
        """Return the levels of the intervals."""
        return tuple(self.lower)

    @property
    def error(self) -> F8:
        """Return (n,) absolute errors in the target's unit."""
        return np.abs(self.target - self.mean)

    @property
    def has_std(self) -> bool:
        """Return whether some row has a usable standard deviation."""
        return bool((np.isfinite(self.std) & (self.std > 0)).any())

    @property
    def has_intervals(self) -> bool:
        """Return whether some row has an interval."""
        return any(not np.isnan(ends).all() for ends in self.lower.values())

    @property
    def has_score(self) -> bool:
        """Return whether some row has an OOD score."""
        return bool(np.isfinite(self.ood_score).any())

    def by_arm(self) -> dict[str, Predictions]:
        """Return the rows of each arm, arms in the order of their first rows."""
        return {arm: self.take(self.arm == arm) for arm in dict.fromkeys(self.arm.tolist())}

    def at_levels(self, levels: Sequence[float]) -> Predictions:
        """Return the same rows with the intervals of these levels only, in that order."""
        some = [level for level in levels if level in self.lower]
        lower, upper = ({v: ends[v] for v in some} for ends in (self.lower, self.upper))
        return replace(self, lower=lower, upper=upper)

    def require_finite(self, where: str = "predictions") -> None:
        """Stop where a prediction or its true value is unknown.

        Raises:
            DataError: names the first such row.
        """
        bad = ~(np.isfinite(self.target) & np.isfinite(self.mean))
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"{where}: row {row + 1}, id {str(self.ids[row])!r}: target or mean is not finite"
            )

    @classmethod
    def from_columns(cls, columns: Columns, where: str = "predictions") -> Predictions:
        """Return the table of columns named as in ``predictions.parquet``.

        Those of uncertainty may be missing.

        Raises:
            DataError: a column is missing or is not what it must be; names it.
        """
        return tables.table_of(cls, columns, where)

    def to_columns(self) -> dict[str, npt.NDArray[Any]]:
        """Return the columns by their names in a file."""
        return tables.columns_of(self)

    def to_pandas(self) -> DataFrame:
        """Return a new data frame with the columns of the file."""
        from pandas import DataFrame

        return DataFrame(self.to_columns())
