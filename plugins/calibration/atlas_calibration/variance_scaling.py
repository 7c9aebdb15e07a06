"""Variance scaling: one factor on sigma by maximum likelihood (Levi 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_calibration._ahead import FACTOR_ROWS
from atlas_calibration._likelihood import GAUSSIAN, Shape, most_likely
from atlas_calibration._shared import residuals, scaled, sigma_of
from atlas_core.api import Calibration, CalibrationRequest, DataError, Inputs, Prediction

if TYPE_CHECKING:
    from atlas_calibration.hooks import VarianceScalingConfig

METHOD = "variance_scaling"


@dataclass(frozen=True)
class Scale:
    """Multiply sigma by a factor and add intervals.

    Attributes:
        factor: > 0.
        shape: of the errors in sigmas.
        levels: of the intervals.
    """

    factor: float
    shape: Shape
    levels: tuple[float, ...]

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with its std scaled, and with intervals."""
        done = scaled(prediction, self.factor)
        return self.shape.intervals(done, sigma_of(done, METHOD), self.levels)


class VarianceScaling:
    """Multiply sigma by the factor that makes the calibration rows most likely."""

    def __init__(self, config: VarianceScalingConfig) -> None:
        self._config = config

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what scales sigma and adds intervals.

        Raises:
            DataError: there are too few rows, there is no sigma, the task is binary, or every
                error is 0.
        """
        if request.context.task != "regression":
            raise DataError(f"{METHOD}: needs a regression target, this one is binary")
        z = residuals(request, FACTOR_ROWS, METHOD)
        # d/ds sum(-log s - z^2 / 2 s^2) = 0  (Levi 2022)
        factor = float(np.sqrt(np.mean(z**2)))
        if factor == 0:
            raise DataError(f"{METHOD}: all errors on the calibration rows are exactly 0")
        if self._config.tails == "gaussian":
            return Scale(factor, GAUSSIAN, request.levels)
        fit = most_likely(np.ones_like(z), z, offset=False, tails="student_t")
        return Scale(fit.slope, fit.shape, request.levels)
