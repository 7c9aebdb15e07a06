"""Scale sigma. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_calibration._shared import gaussian_intervals, residuals, scaled
from atlas_core.api import Calibration, CalibrationRequest, DataError, Inputs, Prediction

ROWS = 10
"""Fewest calibration rows: with 10 the factor has a relative error of about 1 / sqrt(20)."""


@dataclass(frozen=True)
class Scale:
    """Multiply sigma by a factor and add Gaussian intervals."""

    factor: float
    levels: tuple[float, ...]

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with its std scaled, and with intervals."""
        return gaussian_intervals(scaled(prediction, self.factor), self.levels, "variance_scaling")


class VarianceScaling:
    """Multiply sigma by the factor that makes the calibration rows most likely."""

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what scales sigma and adds Gaussian intervals.

        Raises:
            DataError: there are too few rows, there is no sigma, the task is binary, or every
                error is 0.
        """
        if request.task != "regression":
            raise DataError("variance_scaling: needs a regression target, this one is binary")
        z = residuals(request, ROWS, "variance_scaling")
        # d/ds sum(-log s - z^2 / 2 s^2) = 0  (Levi 2022)
        factor = float(np.sqrt(np.mean(z**2)))
        if factor == 0:
            raise DataError("variance_scaling: all errors on the calibration rows are exactly 0")
        return Scale(factor, request.levels)
