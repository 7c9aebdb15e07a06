"""No calibration: the intervals that sigma, or the probability, claims as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas_calibration._shared import gaussian_intervals, probable_sets
from atlas_core.api import Calibration, CalibrationRequest, Inputs, Prediction, Task

if TYPE_CHECKING:
    from atlas_calibration.hooks import IdentityConfig


@dataclass(frozen=True)
class Claim:
    """Add the intervals that a prediction claims; one without sigma stays as it is."""

    levels: tuple[float, ...]
    task: Task

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with intervals."""
        if self.task == "binary":
            return probable_sets(prediction, self.levels)
        if prediction.std is None:
            return prediction
        return gaussian_intervals(prediction, self.levels, "identity")


@dataclass(frozen=True)
class Identity:
    """Add the intervals that a prediction claims by itself."""

    config: IdentityConfig

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what adds intervals; works with no calibration row.

        Regression: Gaussian intervals of sigma; a prediction without sigma stays as it is.
        Binary: the smallest set of labels whose stated probability reaches the level.
        """
        return Claim(request.levels, request.context.task)
