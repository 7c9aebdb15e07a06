"""Rows of one arm and part, and resamples of them: what a metric reads. Light: numpy only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Bool
from atlas_core.metrics import weighted

Columns = Mapping[str, npt.NDArray[Any]]

PARTIAL = ("std", "lower", "upper", "score", "flagged")
"""Columns that some rows may lack: a metric that reads one is of the rows that have it."""

COLUMNS = ("target", "mean", "formula", "baseline", "held_out", *PARTIAL)
"""Every column that a metric may read."""

STD_FLOOR = 1e-3
"""Where a metric divides by sigma, sigma is at least this share of the median positive sigma."""

THRESHOLD = 0.5
"""A row is called 1 where P(1) is above this, as Matbench and scikit-learn do."""

PROBABILITY_BINS = 10
"""Bins of equal width that a reliability diagram has."""


def probability_bins(probability: F8) -> I8:
    """Return (n,) which bin of [0, 1] holds P(1); 1 is in the last."""
    edges = np.arange(1, PROBABILITY_BINS) / PROBABILITY_BINS
    return np.searchsorted(edges, probability, side="right").astype(np.int64)


def floor_std(std: npt.ArrayLike) -> tuple[F8, Bool]:
    """Raise vanishing sigmas to a floor, so that z = error / sigma stays finite.

    A sigma of 0 claims certainty; left as it is, one such row makes NLL and ZMS infinite, and left
    out, it hides the claim. The floor is ``STD_FLOOR`` times the median of the positive sigmas: far
    below every honest sigma, so that a false claim still costs up to a thousand sigmas.

    Args:
        std: (n,) >= 0.

    Returns:
        raised: (n,) std with the floor applied; all zeros where no sigma is positive.
        changed: (n,) whether a row was raised.
    """
    s = np.asarray(std, dtype=np.float64)
    positive = s[s > 0]
    if not len(positive):
        return s.copy(), np.zeros(s.shape, dtype=np.bool_)
    floor = STD_FLOOR * float(np.median(positive))
    return np.maximum(s, floor), np.asarray(s < floor, dtype=np.bool_)


class _Column:
    """Give a column of the rows, and refuse one that they do not have."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, rows: None, owner: type) -> _Column: ...
    @overload
    def __get__(self, rows: MetricRows, owner: type) -> npt.NDArray[Any]: ...
    def __get__(self, rows: MetricRows | None, owner: type) -> _Column | npt.NDArray[Any]:
        if rows is None:
            return self
        if self._name not in rows.columns:
            raise AttributeError(f"the rows have no column {self._name!r}: a metric declares it")
        return rows.columns[self._name]


@dataclass(frozen=True, eq=False)
class MetricRows:
    """The n rows of one arm and part, as metrics read them.

    Attributes:
        columns: name -> (n,) values.
        task: ``regression`` or ``binary``.
        level: of ``lower`` and ``upper``; None where these are not read.
        bounds: (low, high) between which every target must lie.
        target: (n,) true values in the target's unit; 0 or 1 in a binary task.
        mean: (n,) predictions in the target's unit; P(1) in a binary task.
        std: (n,) total standard deviation in the target's unit, >= 0.
        lower: (n,) lower ends of the intervals of ``level``; may be infinite.
        upper: (n,) upper ends.
        baseline: (n,) median of the fold's training targets.
        formula: (n,) reduced formulas; "" where there is none.
        score: (n,) of a detector, higher is farther from the training data.
        flagged: (n,) 1 where the detector flags a row, else 0.
        held_out: (n,) 1 for a row of the held-out class, 0 for one of the test part.
    """

    columns: Columns
    task: str = "regression"
    level: float | None = None
    bounds: tuple[float, float] = (-np.inf, np.inf)
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    target = _Column()
    mean = _Column()
    std = _Column()
    lower = _Column()
    upper = _Column()
    baseline = _Column()
    formula = _Column()
    score = _Column()
    flagged = _Column()
    held_out = _Column()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @cached_property
    def error(self) -> F8:
        """(n,) |target - mean|, in the target's unit."""
        return np.asarray(np.abs(self.target - self.mean), dtype=np.float64)

    @cached_property
    def mistake(self) -> F8:
        """(n,) what a doubt should point at: |error|; in a binary task 1 for a wrong answer."""
        if self.task != "binary":
            return self.error
        return np.asarray((self.mean > THRESHOLD) != (self.target == 1), dtype=np.float64)

    @cached_property
    def raised_std(self) -> F8:
        """(n,) sigma with vanishing ones raised (:func:`floor_std`), to divide by."""
        return floor_std(self.std)[0]

    @cached_property
    def z(self) -> F8:
        """(n,) |error| / ``raised_std``; NaN where every sigma is 0."""
        return weighted.ratio(self.error, self.raised_std)

    def of(self, term: Term) -> F8 | None:
        """Return the (n,) or (n, c) values of a term, made once; None where it is undefined."""
        if term not in self._kept:
            found = term(self)
            self._kept[term] = None if found is None else np.asarray(found, dtype=np.float64)
        values: F8 | None = self._kept[term]
        return values

    def ranking(self, score: F8) -> weighted.Ranking:
        """Return the order of the rows by (n,) scores, made once for one array."""
        kept = self._kept.setdefault(id(score), (score, None))  # held: an id is of what lives
        if kept[1] is None:
            kept = self._kept[id(score)] = (score, weighted.Ranking(score))
        found: weighted.Ranking = kept[1]
        return found

    def take(self, rows: npt.NDArray[Any]) -> MetricRows:
        """Return the rows of a mask, or those at these places."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return MetricRows(columns, self.task, self.level, self.bounds)


Term = Callable[[MetricRows], Any]
"""Returns (n,) or (n, c) values of the rows, or None where it is not defined for them."""


class Draw:
    """The b resamples of the rows as counts: all that a metric computes is of (b,) of them.

    Attributes:
        rows: the k rows.
        weights: (b, k) how often each row was drawn; ones for the metric itself.
        n: (b,) rows drawn.
    """

    def __init__(
        self,
        rows: MetricRows,
        weights: F8,
        known: Bool | None = None,
        totals: Mapping[Term, F8] | None = None,
        n: F8 | None = None,
    ) -> None:
        """Hold counts of the known rows among all.

        Args:
            rows: the k rows.
            weights: (b, n) counts of all rows.
            known: (n,) which of all rows the k rows are; None: all.
            totals: sums of terms that were computed together with others.
            n: (b,) rows drawn; None: the sum of the weights.
        """
        self.rows = rows
        self._all, self._known, self._totals, self._n = weights, known, totals or {}, n
        self._kept: dict[Any, F8] = {}

    @cached_property
    def weights(self) -> F8:
        """(b, k) counts."""
        return self._all if self._known is None else self._all[:, self._known]

    @cached_property
    def n(self) -> F8:
        """(b,) rows drawn."""
        return self.weights.sum(axis=1) if self._n is None else self._n

    def total(self, term: Term) -> F8:
        """Return (b,) or (b, c) sums of a term over the rows drawn."""
        if term in self._totals:
            return self._totals[term]
        values = self.rows.of(term)
        if values is None:
            return np.full(len(self.weights), np.nan)
        return self.weights @ values

    def __getitem__(self, term: Term) -> F8:
        """Return (b,) or (b, c) means of a term over the rows drawn; NaN where none was."""
        total = self.total(term)
        return weighted.ratio(total, self.n if total.ndim == 1 else self.n[:, None])

    def mean(self, values: F8) -> F8:
        """Return (b,) means of (k,) values."""
        return weighted.ratio(self.weights @ values, self.n)

    def _once(self, name: str, make: Callable[[], F8], *about: Any) -> F8:
        key = (name, *(id(one) if isinstance(one, np.ndarray) else one for one in about))
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def median(self, values: F8) -> F8:
        """Return (b,) medians of (k,) values."""
        return weighted.median(self.rows.ranking(values), values, self.weights)

    def largest(self, values: F8) -> F8:
        """Return (b,) the largest of (k,) values."""
        return weighted.largest(self.rows.ranking(values), values, self.weights)

    def spearman(self, first: F8, second: F8) -> F8:
        """Return (b,) rank correlations of two (k,) columns; NaN for a constant one."""
        ranking = self.rows.ranking
        return weighted.spearman(ranking(first), ranking(second), self.weights)

    def auroc(self, score: F8, positive: F8) -> F8:
        """Return (b,) P(score of a positive row > of another), ties half."""
        return weighted.auroc(self.rows.ranking(score), positive, self.weights)

    def average_precision(self, score: F8, positive: F8) -> F8:
        """Return (b,) areas under the precision-recall curve, without interpolation."""
        return weighted.aupr(self.rows.ranking(score), positive, self.weights)

    def false_positives(self, score: F8, positive: F8, *, found: float) -> F8:
        """Return (b,) shares of other rows above the score that ``found`` of the positive reach."""
        return weighted.fpr_at(self.rows.ranking(score), positive, self.weights, tpr=found)

    def aurc(self, score: F8, error: F8) -> F8:
        """Return (b,) areas under the risk-coverage curve: rows with the lowest scores first."""
        ranking = self.rows.ranking(score)
        return self._once(
            "aurc", lambda: weighted.aurc(ranking, error, self.weights), ranking, error
        )

    def kept_mean(self, score: F8, values: F8, *, share: float) -> F8:
        """Return (b,) means of the values of the share of the rows with the lowest scores."""
        return weighted.kept_mean(self.rows.ranking(score), values, self.weights, share=share)

    def bin_sums(self, score: F8, values: Sequence[F8], *, bins: int) -> F8:
        """Return (b, c, bins) sums of c columns in equal-count bins of the ranked rows."""
        stacked = np.stack(list(values))
        return weighted.bin_sums(self.rows.ranking(score), stacked, self.weights, bins=bins)[0]
