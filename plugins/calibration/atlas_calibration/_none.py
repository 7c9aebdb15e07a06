"""Take predictions at their word. Light: numpy only."""

from __future__ import annotations

from atlas_calibration._shared import gaussian_intervals, probable_sets
from atlas_core.api import Calibration, CalibrationRequest, Prediction


class Uncalibrated:
    """Add the intervals that a prediction claims by itself."""

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return a function that adds intervals; works with no calibration row.

        Regression: Gaussian intervals of sigma; a prediction without sigma stays as it is.
        Binary: the smallest set of labels whose stated probability reaches the level.
        """

        def claim(prediction: Prediction) -> Prediction:
            if request.task == "binary":
                return probable_sets(prediction, request.levels)
            if prediction.std is None:
                return prediction
            return gaussian_intervals(prediction, request.levels, "none")

        return claim
