"""Conformalized quantile regression: quantiles of the draws, widened to nominal coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_calibration._conformal import quantiles, rows_needed
from atlas_calibration._shared import check_rows
from atlas_core.api import F8, Calibration, CalibrationRequest, DataError, Inputs, Prediction

if TYPE_CHECKING:
    from atlas_calibration.hooks import CQRConfig

METHOD = "cqr"


@dataclass(frozen=True, eq=False)
class Widened:
    """Move both quantiles of each level outwards by one amount (inwards where it is negative).

    Attributes:
        levels: (l,) ascending.
        margins: (l,) in the target's unit; infinite where nothing is known.
    """

    levels: tuple[float, ...]
    margins: F8

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with intervals.

        Quantiles that would cross meet in their middle. An interval holds those of lower levels:
        that only adds to its coverage.
        """
        low, high = _quantiles(prediction, self.levels)
        middle, margins = (low + high) / 2, self.margins[:, None]
        lower = np.minimum(low - margins, middle)
        upper = np.maximum(high + margins, middle)
        return prediction.replace(
            levels=np.asarray(self.levels),
            lower=np.minimum.accumulate(lower, axis=0),
            upper=np.maximum.accumulate(upper, axis=0),
        )


@dataclass(frozen=True)
class CQR:
    """Learn how far true values stick out of the quantiles of the draws."""

    config: CQRConfig

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what adds intervals (Romano 2019, algorithm 1).

        Raises:
            DataError: there are too few rows for every level, there are no draws, or the task is
                binary.
        """
        if request.context.task != "regression":
            raise DataError(f"{METHOD}: needs a regression target, this one is binary")
        levels, target = request.levels, request.target
        check_rows(request, min(map(rows_needed, levels)), METHOD)
        low, high = _quantiles(request.prediction, levels)
        out = np.maximum(low - target, target - high)  # eq. (6)
        # quantiles that cross meet in their middle, so a value there is inside at any margin
        out = np.where(target == (low + high) / 2, -np.inf, out)
        margins = [quantiles(row, [level])[0] for row, level in zip(out, levels, strict=True)]
        return Widened(levels, np.array(margins))


def _quantiles(prediction: Prediction, levels: tuple[float, ...]) -> tuple[F8, F8]:
    """Return (l, n) lower and (l, n) upper quantiles of the draws."""
    samples = prediction.samples
    if samples is None or len(samples) < 2:
        raise DataError(f"{METHOD}: the predictions carry no draws; use a uq that gives samples")
    tails = (1 - np.asarray(levels)) / 2
    found = np.quantile(samples, np.concatenate([tails, 1 - tails]), axis=0)
    return found[: len(levels)], found[len(levels) :]
