"""Split conformal prediction. Light: numpy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from atlas_calibration._shared import check_rows, label_sets, sigma_of
from atlas_core.api import F8, Calibration, CalibrationRequest, DataError, Inputs, Prediction

if TYPE_CHECKING:
    from atlas_calibration.split_conformal import SplitConformalConfig

METHOD = "split_conformal"


def rank(n: int, level: float) -> int:
    """Return ceil((n + 1) level): which of n sorted scores is the bound (Lei 2018, algorithm 2).

    The level counts as the decimal it is written as: in floating point 100 x 0.55 is above 55.
    """
    return math.ceil((n + 1) * Fraction(repr(float(level))))


def rows_needed(level: float) -> int:
    """Return the smallest n whose largest score bounds ``level``: 9 for 90 %, 19 for 95 %."""
    exact = Fraction(repr(float(level)))
    return math.ceil(exact / (1 - exact))


def quantiles(scores: F8, levels: Sequence[float]) -> F8:
    """Return (l,) bounds of n scores, infinite where n is too small for a level."""
    ordered = np.append(np.sort(scores), np.inf)
    return ordered[[min(rank(len(scores), level), len(scores) + 1) - 1 for level in levels]]


@dataclass(frozen=True, eq=False)
class Widths:
    """Add intervals of one half-width each level, or of so many sigmas.

    Attributes:
        levels: (l,).
        bounds: (l,) half-widths in the target's unit, or in sigmas; infinite: nothing is known.
        normalised: whether they are in sigmas.
    """

    levels: tuple[float, ...]
    bounds: F8
    normalised: bool

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with intervals."""
        bounds = self.bounds[:, None]
        unit = sigma_of(prediction, METHOD) if self.normalised else np.ones(len(prediction))
        known = np.isfinite(bounds)
        widths = np.where(known, np.where(known, bounds, 0.0) * unit, np.inf)
        return prediction.replace(
            levels=np.asarray(self.levels),
            lower=prediction.mean - widths,
            upper=prediction.mean + widths,
        )


@dataclass(frozen=True, eq=False)
class LabelSets:
    """Add sets of labels.

    Attributes:
        levels: (l,).
        bounds: (l,) of the score 1 - P(label).
    """

    levels: tuple[float, ...]
    bounds: F8

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with the labels whose score is within bounds."""
        # the less probable label has the score 1 - min(p, 1 - p) = max(p, 1 - p)
        score = 1 - np.minimum(prediction.mean, 1 - prediction.mean)
        return label_sets(prediction, self.levels, score <= self.bounds[:, None])


class SplitConformal:
    """Bound new errors by those of the calibration rows."""

    def __init__(self, config: SplitConformalConfig) -> None:
        self._config = config

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what adds intervals; see ``Calibrator.calibrate``.

        At a level for which there are too few rows the interval is infinite (both labels).

        Raises:
            DataError: there are too few rows for every level; or the score is ``normalised`` and
                there is no sigma above 0, or the task is binary.
        """
        levels = request.levels
        check_rows(request, min(map(rows_needed, levels)), METHOD)
        if request.task == "binary":
            if self._config.score == "normalised":
                raise DataError(f"{METHOD}: score normalised is for regression; use absolute")
            return _label_sets(request)
        error = np.abs(request.target - request.prediction.mean)
        if self._config.score == "absolute":
            return Widths(levels, quantiles(error, levels), normalised=False)
        sigma = sigma_of(request.prediction, METHOD)
        if not sigma.any():
            raise DataError(f"{METHOD}: sigma is 0 on all calibration rows; use score: absolute")
        # an error where sigma is 0 is an infinite score, so that the promise holds without a floor
        scores = np.where(error > 0, np.inf, 0.0)
        np.divide(error, sigma, out=scores, where=sigma > 0)
        return Widths(levels, quantiles(scores, levels), normalised=True)


def _label_sets(request: CalibrationRequest) -> Calibration:
    """Return least ambiguous sets (Sadinle 2019, 10.1080/01621459.2017.1395341), never empty."""
    truth = np.where(request.target == 1, request.prediction.mean, 1 - request.prediction.mean)
    return LabelSets(request.levels, quantiles(1 - truth, request.levels))
