"""A line on sigma by maximum likelihood: a sigma + b (Palmer 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_calibration._ahead import CURVE_ROWS
from atlas_calibration._likelihood import Shape, most_likely
from atlas_calibration._shared import HOW, check_rows, sigma_of, with_std
from atlas_core.api import Calibration, CalibrationRequest, DataError, Inputs, Prediction

if TYPE_CHECKING:
    from atlas_calibration.hooks import LinearConfig

METHOD = "linear"


@dataclass(frozen=True)
class Line:
    """Replace sigma by ``slope`` x sigma + ``offset`` and add intervals.

    Attributes:
        slope: > 0, without unit.
        offset: >= 0, in the target's unit.
        shape: of the errors in sigmas.
        levels: of the intervals.
    """

    slope: float
    offset: float
    shape: Shape
    levels: tuple[float, ...]

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with its std on the line, and with intervals."""
        std = self.slope * sigma_of(prediction, METHOD) + self.offset
        return self.shape.intervals(with_std(prediction, std), std, self.levels)


class Linear:
    """Find the line that makes the calibration rows most likely."""

    def __init__(self, config: LinearConfig) -> None:
        self._config = config

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what replaces sigma and adds intervals.

        Rows where error and sigma are both exactly 0 are left out: any line fits them, and one
        through 0 would fit them without end.

        Raises:
            DataError: there are too few rows, there is no sigma, the task is binary, or every
                error or every sigma is 0.
        """
        if request.context.task != "regression":
            raise DataError(f"{METHOD}: needs a regression target, this one is binary")
        check_rows(request, CURVE_ROWS, METHOD)
        sigma = sigma_of(request.prediction, METHOD)
        error = request.target - request.prediction.mean
        if not error.any() or not sigma.any():
            what = "sigmas" if error.any() else "errors"
            raise DataError(f"{METHOD}: all {what} on the calibration rows are exactly 0")
        at = np.flatnonzero((error != 0) | (sigma > 0))
        if len(at) < CURVE_ROWS:
            raise DataError(
                f"{METHOD}: {len(at)} of {len(sigma)} calibration rows have an error or a sigma "
                f"that is not 0, needs at least {CURVE_ROWS}; {HOW} or use another uq"
            )
        fit = most_likely(sigma[at], error[at], offset=True, tails=self._config.tails)
        return Line(fit.slope, fit.offset, fit.shape, request.levels)
