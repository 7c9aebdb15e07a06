"""What the conformal calibrators share: scores, what they are counted in, their quantiles.

Light: numpy only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from atlas_calibration._shared import sigma_of
from atlas_core.api import F8, CalibrationRequest, DataError, Prediction

if TYPE_CHECKING:
    from atlas_calibration._options import ScoreConfig


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


@dataclass(frozen=True)
class Unit:
    """Tell what a row's error is counted in: the target's unit, or sigma plus a floor.

    Attributes:
        normalized: whether it is sigma.
        floor: added to sigma, in the target's unit.
        method: the calibrator's name, for errors.
    """

    normalized: bool
    floor: float
    method: str

    def __call__(self, prediction: Prediction) -> F8:
        """Return (n,) the unit of each row.

        Raises:
            DataError: sigma is needed and there is none.
        """
        if not self.normalized:
            return np.ones(len(prediction))
        return sigma_of(prediction, self.method) + self.floor


def unit_of(prediction: Prediction, config: ScoreConfig, method: str) -> Unit:
    """Return the unit that ``config`` asks for; its floor comes from these calibration rows.

    Raises:
        DataError: sigma is needed, and is missing or 0 everywhere.
    """
    if config.score == "absolute":
        return Unit(normalized=False, floor=0.0, method=method)
    sigma = sigma_of(prediction, method)
    if not sigma.any():
        raise DataError(
            f"{method}: sigma is 0 on all calibration rows: an ensemble of a model that uses no"
            " seed needs resample: bootstrap, and an arm without a sigma needs score: absolute"
        )
    return Unit(normalized=True, floor=config.beta * float(np.median(sigma)), method=method)


def refuse_normalized(request: CalibrationRequest, config: ScoreConfig, method: str) -> None:
    """Refuse a sigma where the score is 1 - P(true label).

    Raises:
        DataError: the task is binary and the score is ``normalized``.
    """
    if request.context.task == "binary" and config.score == "normalized":
        raise DataError(f"{method}: score normalized is for regression; use absolute")


def in_units(error: F8, unit: F8) -> F8:
    """Return (n,) |error| / unit; an error where the unit is 0 is an infinite score.

    So the promise holds without a floor.
    """
    size = np.abs(error)
    scores = np.where(size > 0, np.inf, 0.0)
    np.divide(size, unit, out=scores, where=unit > 0)
    return scores


def label_scores(prediction: Prediction, target: F8) -> F8:
    """Return (n,) 1 - P(true label)."""
    return 1 - np.where(target == 1, prediction.mean, 1 - prediction.mean)


def times(bounds: F8, unit: F8) -> F8:
    """Return bounds times unit, broadcast; an infinite bound stays so where the unit is 0."""
    known = np.isfinite(bounds)
    return np.where(known, np.where(known, bounds, 0.0) * unit, np.inf)


def around(prediction: Prediction, levels: Sequence[float], widths: F8) -> Prediction:
    """Return the prediction with intervals of half-widths (l, n) about its mean."""
    return prediction.replace(
        levels=np.asarray(levels), lower=prediction.mean - widths, upper=prediction.mean + widths
    )
