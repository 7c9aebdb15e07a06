"""Recalibrate sigma by a line. Heavy: scipy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from atlas_calibration._shared import check_rows, gaussian_intervals, sigma_of, with_std
from atlas_core.api import F8, Calibration, CalibrationRequest, DataError, Inputs, Prediction

METHOD = "linear"
ROWS = 20
"""Fewest calibration rows: a line takes more than a factor."""

FLOOR = 1e-6
"""The smallest new sigma, in root mean squared errors: a likelihood has no end at sigma 0."""


@dataclass(frozen=True)
class Line:
    """Replace sigma by ``slope`` x sigma + ``offset`` and add Gaussian intervals.

    Attributes:
        slope: >= 0, without unit.
        offset: >= 0, in the target's unit.
        levels: of the intervals.
    """

    slope: float
    offset: float
    levels: tuple[float, ...]

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with its std on the line, and with intervals."""
        std = self.slope * sigma_of(prediction, METHOD) + self.offset
        return gaussian_intervals(with_std(prediction, std), self.levels, METHOD)


class Linear:
    """Find the line that makes the calibration rows most likely."""

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what replaces sigma and adds Gaussian intervals.

        Raises:
            DataError: there are too few rows, there is no sigma, the task is binary, or every
                error is 0.
        """
        if request.task != "regression":
            raise DataError(f"{METHOD}: needs a regression target, this one is binary")
        check_rows(request, ROWS, METHOD)
        sigma = sigma_of(request.prediction, METHOD)
        error = request.target - request.prediction.mean
        scale = float(np.sqrt(np.mean(error**2)))
        if scale == 0:
            raise DataError(f"{METHOD}: all errors on the calibration rows are exactly 0")
        slope, offset = most_likely(sigma / scale, error / scale)
        return Line(slope, offset * scale, request.levels)


def most_likely(sigma: F8, error: F8) -> tuple[float, float]:
    """Return a, b >= 0 that minimise the mean of log s + e^2 / 2 s^2, s = a sigma + b.

    Source: Palmer et al. (2022), eq. (1); a line that falls, or crosses 0, is left out. Errors are
    of size 1. The likelihood can have two maxima, one of them at a constant s: the best of three
    starts is taken.
    """

    def loss(line: F8) -> tuple[float, F8]:
        s = np.maximum(line[0] * sigma + line[1], FLOOR)
        value = float(np.mean(np.log(s) + error**2 / (2 * s**2)))
        slope = np.where(s > FLOOR, 1 / s - error**2 / s**3, 0.0)
        return value, np.array([np.mean(slope * sigma), np.mean(slope)])

    mean = float(sigma.mean())
    most = 1 / mean if mean > 0 else 0.0  # the slope that alone gives errors of size 1
    starts = ((most, 0.01), (0.5 * most, 0.5), (0.01 * most, 1.0))
    found = [
        minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None)])
        for start in starts
    ]
    best = min(found, key=lambda result: float(result.fun))
    return float(best.x[0]), float(best.x[1])
