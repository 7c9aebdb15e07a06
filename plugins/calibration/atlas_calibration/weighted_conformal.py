"""Conformal intervals under covariate shift, weighted by a density ratio (Tibshirani 2019)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from atlas_calibration._conformal import (
    Unit,
    around,
    in_units,
    label_scores,
    refuse_normalized,
    rows_needed,
    times,
    unit_of,
)
from atlas_calibration._shared import check_rows, label_sets
from atlas_core.api import (
    F8,
    Calibration,
    CalibrationRequest,
    DataError,
    Inputs,
    Prediction,
    Vectors,
)

if TYPE_CHECKING:
    from atlas_calibration.hooks import WeightedConformalConfig

METHOD = "weighted_conformal"
WIDEST = 3.0
"""Where a column is cut for the logistic classifier, in standard deviations."""

CLIP = 1e-6
"""The odds of a row are kept within 1e-6 and 1e6: a classifier may say 0 or 1."""


@dataclass(frozen=True, eq=False)
class Weighted:
    """Weigh the calibration rows anew for each set of rows that is predicted.

    Attributes:
        levels: (l,).
        scores: (c,) of the calibration rows, ascending.
        seen: (c, d) what the classifier looks at, of the same rows.
        unit: what an error is counted in; None for sets of labels.
        config: names the classifier.
        seed: of the classifier and its folds.
    """

    levels: tuple[float, ...]
    scores: F8
    seen: F8
    unit: Unit | None
    config: WeightedConformalConfig
    seed: int

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with intervals; they depend on all rows together."""
        weights, own = self._weights(look(inputs, self.config))
        bounds = weighted_quantiles(self.scores, weights, own, self.levels)
        endless = int(np.isinf(bounds).any(axis=0).sum())
        if endless:
            _warn(f"{endless} of {len(own)} rows look like too few calibration rows: no bound")
        if self.unit is None:
            score = 1 - np.minimum(prediction.mean, 1 - prediction.mean)
            return label_sets(prediction, self.levels, score <= bounds)
        return around(prediction, self.levels, times(bounds, self.unit(prediction)))

    def _weights(self, new: F8) -> tuple[F8, F8]:
        """Return (c,) and (n,) density ratios of calibration rows and of new rows."""
        c, n = len(self.seen), len(new)
        if n < self.config.min_rows:
            if n:
                _warn(
                    f"{n} rows show no shift (min_rows is {self.config.min_rows}); calibration "
                    "rows count alike"
                )
            return np.ones(c), np.ones(n)
        ratio = odds(self.seen, new, config=self.config, seed=self.seed) * (c / n)
        return ratio[:c], ratio[c:]


class WeightedConformal:
    """Bound new errors by those of the calibration rows that look like them."""

    def __init__(self, config: WeightedConformalConfig) -> None:
        self._config = config

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what adds intervals, or sets of labels.

        Raises:
            DataError: there are too few rows for every level, or fewer than folds; sigma is needed
                and is missing or 0 everywhere; there are no vectors to look at.
        """
        levels, prediction, config = request.levels, request.prediction, self._config
        check_rows(request, max(config.folds, *map(rows_needed, levels[:1])), METHOD)
        refuse_normalized(request, config, METHOD)
        unit = None if request.context.task == "binary" else unit_of(prediction, config, METHOD)
        if unit is None:
            scores = label_scores(prediction, request.target)
        else:
            scores = in_units(request.target - prediction.mean, unit(prediction))
        order = np.argsort(scores, kind="stable")
        seen = look(request.inputs, config)
        return Weighted(levels, scores[order], seen[order], unit, config, request.context.seed)


def look(inputs: Inputs, config: WeightedConformalConfig) -> F8:
    """Return (n, d) what the classifier looks at.

    Raises:
        DataError: the features are no vectors.
    """
    if config.look_at == "fractions":
        return inputs.fractions
    if not isinstance(inputs.features, Vectors):
        raise DataError(f"{METHOD}: the features are no vectors; set look_at: fractions")
    return np.asarray(inputs.features.values, dtype=np.float64)


def odds(seen: F8, new: F8, *, config: WeightedConformalConfig, seed: int) -> F8:
    """Return (c + n,) P(new) / P(calibration) of each row, by a classifier of other folds.

    A classifier that had seen a row would know which set it is from. New rows are dealt to the
    folds in the order of their values, and equal ones share the mean of their ratios: neither the
    order of a batch nor a row's place in it counts.
    """
    tabulated = np.where(np.isnan(new), np.inf, new)  # a NaN equals no other
    _, which = np.unique(tabulated, axis=0, return_inverse=True)
    which = which.ravel()
    order = np.argsort(which, kind="stable")
    rows = np.concatenate([seen, new[order]])
    label = np.repeat([0, 1], [len(seen), len(new)])
    state = seed % 2**32
    found = np.empty(len(rows))
    folds = StratifiedKFold(config.folds, shuffle=True, random_state=state)
    for train, test in folds.split(rows, label):
        classifier = _classifier(config, state).fit(rows[train], label[train])
        p = classifier.predict_proba(rows[test])[:, 1]
        found[test] = np.clip(p / np.maximum(1 - p, CLIP), CLIP, 1 / CLIP)
    of_kind = np.bincount(which[order], found[len(seen) :]) / np.bincount(which)
    return np.concatenate([found[: len(seen)], of_kind[which]])


def _classifier(config: WeightedConformalConfig, state: int) -> Any:
    # a value that is not tabulated is NaN: it becomes its column's mean
    fill = SimpleImputer(keep_empty_features=True)
    if config.ratio == "boosting":
        trees = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, random_state=state)
        return make_pipeline(fill, trees)
    # on a straight line a row ten deviations out has odds of thousands, and counts for all others
    cut = FunctionTransformer(partial(np.clip, a_min=-WIDEST, a_max=WIDEST))
    return make_pipeline(fill, StandardScaler(), cut, LogisticRegression(C=0.1, max_iter=1000))


def weighted_quantiles(scores: F8, weights: F8, own: F8, levels: tuple[float, ...]) -> F8:
    """Return (l, n) bounds: quantiles of weighted scores, the new row's own weight at infinity.

    Source: Tibshirani et al. (2019), covariate shift. With equal weights it is split conformal.

    Args:
        scores: (c,) ascending.
        weights: (c,) > 0, of the same rows.
        own: (n,) > 0, of the new rows.
        levels: (l,).
    """
    below = np.cumsum(weights)
    # a sum that misses the wanted share by rounding alone counts as reaching it
    wanted = np.asarray(levels)[:, None] * (below[-1] + own) * (1 - 1e-12)
    return np.append(scores, np.inf)[np.searchsorted(below, wanted, side="left")]


def _warn(text: str) -> None:
    warnings.warn(f"{METHOD}: {text}", stacklevel=3)
