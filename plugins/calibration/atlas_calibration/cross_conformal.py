"""CV+ and jackknife+: intervals from leave-out models, with no separate calibration set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_calibration._conformal import (
    Unit,
    in_units,
    label_scores,
    rank,
    refuse_normalized,
    rows_needed,
    times,
    unit_of,
)
from atlas_calibration._shared import label_sets
from atlas_core.api import (
    F8,
    I8,
    Calibration,
    CalibrationRequest,
    ContractError,
    DataError,
    Features,
    Inputs,
    Prediction,
    Predictor,
)

if TYPE_CHECKING:
    from atlas_calibration.hooks import CrossConformalConfig

METHOD = "cross_conformal"
BLOCK = 2**22
"""Numbers held at once: 32 MB, whatever the number of training rows and of new rows."""


@dataclass(frozen=True, eq=False)
class Crossed:
    """Add intervals, or sets of labels, by the predictions of the k models.

    Attributes:
        levels: (l,).
        predictors: k models, each trained without one fold.
        fold: (t,) the model that had not seen each training row.
        scores: (t,) the error of that model on the row in ``unit``; 1 - P(true label).
        unit: what an error is counted in; None for sets of labels.
    """

    levels: tuple[float, ...]
    predictors: tuple[Predictor, ...]
    fold: I8
    scores: F8
    unit: Unit | None

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with intervals; they need not lie about its mean."""
        features = features_of(inputs)
        found = [predictor.predict(features) for predictor in self.predictors]
        means = np.stack([each.mean for each in found])  # (k, n)
        if self.unit is None:
            return self._sets(prediction, means)
        units = np.stack([self.unit(each) for each in found])
        ends = [self._ends(means[:, rows], units[:, rows]) for rows in self._blocks(len(inputs))]
        lower, upper = (np.concatenate([end[side] for end in ends], axis=1) for side in (0, 1))
        return prediction.replace(levels=np.asarray(self.levels), lower=lower, upper=upper)

    def _blocks(self, n: int) -> Iterator[slice]:
        """Yield slices of n rows that fit into ``BLOCK`` with all training rows; at least one."""
        size = max(1, BLOCK // len(self.fold))
        for start in range(0, max(n, 1), size):
            yield slice(start, start + size)

    def _ends(self, means: F8, units: F8) -> tuple[F8, F8]:
        """Return (l, n) lower and upper ends (Barber 2021, CV+)."""
        t = len(self.fold)
        widths = times(self.scores[:, None], units[self.fold])  # (t, n)
        upper = np.sort(means[self.fold] + widths, axis=0)
        lower = np.sort(means[self.fold] - widths, axis=0)
        edge = np.full((1, means.shape[1]), np.inf)
        upper, lower = np.concatenate([upper, edge]), np.concatenate([-edge, lower])
        place = np.array([min(rank(t, level), t + 1) - 1 for level in self.levels])
        # the k-th smallest of the upper ends, the k-th largest of the lower ones
        high, low = upper[place], lower[t - place]
        # at levels below one half the two can cross: then they meet in their middle
        middle = np.where(np.isfinite(high), (low + np.where(np.isfinite(low), high, low)) / 2, 0.0)
        return np.minimum(low, middle), np.maximum(high, middle)

    def _sets(self, prediction: Prediction, means: F8) -> Prediction:
        """Add the less probable label where too few training rows stand out more than it does.

        Source: Romano, Sesia & Candes (2020), 10.48550/arXiv.2006.02544, CV+.
        """
        t = len(self.fold)
        less = np.where(prediction.mean >= 0.5, 1 - means, means)  # P of that label, (k, n)
        beaten = np.zeros(len(prediction))
        for k in range(len(self.predictors)):
            own = np.sort(self.scores[self.fold == k])
            beaten += np.searchsorted(own, 1 - less[k], side="left")  # scores below that label's
        ranks = np.array([rank(t, level) for level in self.levels])
        return label_sets(prediction, self.levels, beaten < ranks[:, None])


class CrossConformal:
    """Train the arm's model k times, each without one fold of its training rows."""

    def __init__(self, config: CrossConformalConfig) -> None:
        self._config = config

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what adds intervals, or sets of labels; it needs no calibration row.

        At a level of 90 % coverage is at least 80 % whatever the data, but for a term that vanishes
        with their number, and about 90 % where leaving rows out changes the model little (Barber
        2021).

        Raises:
            DataError: there are too few training rows for every level; sigma is needed and is
                missing or 0 everywhere; the features are not shown.
        """
        train, target, refit = request.train, request.train_target, request.refit
        if train is None or target is None or refit is None:
            raise ContractError(f"{METHOD}: it needs refit, but got no training rows")
        t, needed = len(train), min(map(rows_needed, request.levels))
        if t < max(needed, 2):
            raise DataError(f"{METHOD}: {t} training rows, needs at least {max(needed, 2)}")
        refuse_normalized(request, self._config, METHOD)
        features = features_of(train)
        k = min(self._config.folds, t)
        fold = np.empty(t, dtype=np.int64)
        fold[np.random.default_rng(request.context.seed).permutation(t)] = np.arange(t) % k
        predictors = tuple(refit(np.flatnonzero(fold != i)) for i in range(k))
        unseen = _unseen(predictors, fold, features)
        if request.context.task == "binary":
            scores = label_scores(unseen, target)
            return Crossed(request.levels, predictors, fold, scores, None)
        unit = unit_of(unseen, self._config, METHOD)
        scores = in_units(target - unseen.mean, unit(unseen))
        return Crossed(request.levels, predictors, fold, scores, unit)


def _unseen(predictors: tuple[Predictor, ...], fold: I8, features: Features) -> Prediction:
    """Return predictions of the training rows, each by the model that had not seen it."""
    rows = [np.flatnonzero(fold == i) for i in range(len(predictors))]
    parts = [each.predict(features.take(at)) for each, at in zip(predictors, rows, strict=True)]
    order = np.argsort(np.concatenate(rows), kind="stable")
    stds = [part.std for part in parts if part.std is not None]
    std = np.concatenate(stds) if len(stds) == len(parts) else None
    both = Prediction(np.concatenate([part.mean for part in parts]), std)
    return both.take(order)


def features_of(inputs: Inputs) -> Features:
    """Return the features.

    Raises:
        DataError: they are not shown, as graphs are where a component does not ask for them.
    """
    if inputs.features is None:
        raise DataError(f"{METHOD}: the features are not shown; use a featurizer of vectors")
    return inputs.features
