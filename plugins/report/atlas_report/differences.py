"""How the figures of one arm differ from another's on the same rows. Light: numpy only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from atlas_core.arrays import F8, I8, Bool
from atlas_core.data.predictions import Predictions
from atlas_core.metrics import weighted
from atlas_report.paired import PairedScore
from atlas_report.trainings import TrainingDifference, training_difference
from atlas_statistics import bootstrap
from atlas_statistics.rows import Fold, folds_of


@dataclass(frozen=True)
class Difference:
    """One figure of A and of B on the same rows, and B - A with its 95 % interval.

    Both are of the first training; ``trainings`` is of all, None where each was trained once.
    """

    a: float
    b: float
    difference: float
    low: float
    high: float
    trainings: TrainingDifference | None = None

    @property
    def clear(self) -> bool:
        """Return whether neither chance nor, where it is known, the training may have made it."""
        if self.low <= 0 <= self.high:
            return False
        return self.trainings is None or self.trainings.supports(self.difference)


@dataclass(frozen=True)
class TrainedArm:
    """An arm and its rows, of the first training and, row by row, of the others."""

    name: str
    rows: Predictions
    again: Sequence[Predictions]

    @property
    def trained(self) -> list[Predictions]:
        """Return the rows of each training, the first one first."""
        return [self.rows, *self.again]

    def take(self, at: I8 | Bool) -> TrainedArm:
        """Return these rows only."""
        return TrainedArm(self.name, self.rows.take(at), [one.take(at) for one in self.again])


def absolute(rows: Predictions) -> F8:
    """Return (n,) absolute errors."""
    return np.abs(rows.mean - rows.target)


def squared(rows: Predictions) -> F8:
    """Return (n,) squared errors."""
    return (rows.mean - rows.target) ** 2


def _signed(rows: Predictions) -> F8:
    return rows.mean - rows.target


def over_trainings(
    a: TrainedArm, b: TrainedArm, score: Callable[[Predictions], F8]
) -> TrainingDifference | None:
    """Return how the mean of a score differs over trainings."""
    means = ([float(score(rows).mean()) for rows in own.trained] for own in (a, b))
    return training_difference(*means)


def bias(a: TrainedArm, b: TrainedArm, seed: int) -> Difference:
    """Return B - A of the mean signed error."""
    return _difference(a, b, _signed, seed)


def beside(score: PairedScore) -> Difference:
    """Return a score of A and of B, and B - A."""
    found = score.bootstrap
    return Difference(score.second, score.first, found.difference, found.low, found.high)


def _difference(
    a: TrainedArm, b: TrainedArm, score: Callable[[Predictions], F8], seed: int
) -> Difference:
    first, second = score(a.rows), score(b.rows)
    found = bootstrap.paired_difference(
        second, first, seed=seed, materials=bootstrap.numbered(a.rows.ids)
    )
    means = float(first.mean()), float(second.mean())
    return Difference(*means, found.difference, found.low, found.high, over_trainings(a, b, score))


def coverage(a: TrainedArm, b: TrainedArm, seed: int) -> dict[str, Difference]:
    """Return B - A of the coverage, by level, where every training has intervals."""

    def inside(rows: Predictions, level: float) -> F8:
        held = (rows.lower[level] <= rows.target) & (rows.target <= rows.upper[level])
        return held.astype(np.float64)

    return {
        repr(level): _difference(a, b, partial(inside, level=level), seed)
        for level in a.rows.lower
        if all(_stated(rows, level) for own in (a, b) for rows in own.trained)
    }


def _stated(rows: Predictions, level: float) -> bool:
    """Return whether every row has an interval of a level."""
    ends = rows.lower.get(level), rows.upper.get(level)
    return not any(end is None or np.isnan(end).any() for end in ends)


def aurocs(a: Predictions, b: Predictions, seed: int) -> dict[str, Difference]:
    """Return AUROC differences on the paired rows, as means over the folds that hold both sides."""
    folds = list(zip(folds_of(a, seed), folds_of(b, seed), strict=True))
    out: dict[str, Difference] = {}
    for name, column in (("score", "ood_score"), ("sigma", "std")):
        pairs = [
            (one, *(getattr(own.rows, column) for own in (one, other))) for one, other in folds
        ]
        if not pairs or not all(np.isfinite([x, y]).all() for _, x, y in pairs):
            continue
        areas = [[_area(fold, own) for own in scores] for fold, *scores in pairs]
        x, y = (float(np.mean([found[k][0] for found in areas])) for k in (0, 1))
        drawn = np.mean([second[1] - first[1] for first, second in areas], axis=0)
        ends = bootstrap.percentile_ends(drawn)
        if ends is not None:
            out[name] = Difference(x, y, y - x, *ends)
    return out


def _area(fold: Fold, score: F8) -> tuple[float, F8]:
    """Return the AUROC of a score on a fold, and draws of it."""
    ranking, held_out = weighted.Ranking(score), fold.held_out
    value = weighted.auroc(ranking, held_out, weighted.unit_weights(len(score)))
    drawn = [weighted.auroc(ranking, held_out, counts) for counts in fold.counts()]
    return float(value[0]), np.concatenate(drawn)
