"""What trust methods say of predictions: one table, as ``trust.parquet`` holds it. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from atlas_core.arrays import F8, Str
from atlas_core.data.tables import StoredTable, column


@dataclass(frozen=True, eq=False, kw_only=True)
class Assessments(StoredTable):
    """A row for each prediction and trust method.

    Attributes:
        arm: (n,) names.
        fold: (n,) names.
        ids: (n,) of the materials.
        formula: (n,) of the materials.
        target: (n,) true values in the target's unit; NaN where unknown.
        mean: (n,) predictions in the target's unit.
        parts: (n,) ``calibration``, ``test`` or ``ood_test``.
        method: (n,) name of the trust method; the first of an arm decides.
        error_tolerance: (n,) error that is tolerated.
        target_reliability: (n,) share of the trusted predictions that are to be within it.
        risk: (n,) probability of an error beyond the error tolerance.
        expected_error: (n,) in the target's unit.
        label: (n,) ``trust``, ``verify`` or ``defer``.
        reason: (n,) why; "" where there is none.
        lower: {level: (n,)} lower ends of the method's intervals; NaN where it has none.
        upper: {level: (n,)} upper ends.

    Raises:
        DataError: columns differ in length, or one has another type.
    """

    arm: Str = column("U")
    fold: Str = column("U")
    ids: Str = column("U", "id")
    formula: Str = column("U", required=False)
    target: F8 = column("f")
    mean: F8 = column("f")
    parts: Str = column("U", "part")
    method: Str = column("U")
    error_tolerance: F8 = column("f")
    target_reliability: F8 = column("f")
    risk: F8 = column("f", required=False)
    expected_error: F8 = column("f")
    label: Str = column("U")
    reason: Str = column("U", required=False)
    lower: Mapping[float, F8] = field(default_factory=dict)
    upper: Mapping[float, F8] = field(default_factory=dict)

    def of(self, method: str) -> Assessments:
        """Return the rows of a method."""
        return self.take(self.method == method)

    @property
    def error(self) -> F8:
        """Return (n,) absolute errors in the target's unit."""
        return abs(self.target - self.mean)

    def tally(self) -> dict[str, float]:
        """Return how many rows there are, are trusted and lie within tolerance, and the share."""
        trusted = self.label == "trust"
        hits = int((trusted & (self.error <= self.error_tolerance)).sum())
        n = int(trusted.sum())
        share = {"hit": hits / n} if n else {}
        return {"rows": len(self), "trusted": n, "within": hits, **share}
