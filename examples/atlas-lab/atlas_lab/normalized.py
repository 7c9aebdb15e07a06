"""Split conformal intervals whose width follows sigma."""

from __future__ import annotations

import numpy as np

from atlas_core.api import Component, Config, DataError, Field, hookimpl


class NormalizedConfig(Config):
    """Multiples of sigma that covered the calibration rows."""

    floor: float = Field(
        1e-3, gt=0, description="Smallest sigma that is used, as a share of the median sigma."
    )


class Normalized:
    """Learn from c calibration rows how many sigmas an error takes."""

    def __init__(self, config: NormalizedConfig) -> None:
        self.config = config

    def calibrate(self, request):
        """Return a calibration; ``request`` holds prediction, target (c,), inputs and levels."""
        prediction = request.prediction
        if not len(prediction) or prediction.std is None:
            raise DataError("normalized: needs calibration rows and a sigma; raise 'calibration'")
        least = self.config.floor * float(np.median(prediction.std)) or self.config.floor
        sigma = np.maximum(prediction.std, least)
        ratio = np.sort(np.abs(request.target - prediction.mean) / sigma)
        c = len(ratio)
        # the ceil((c + 1) level)-th smallest covers a new row with at least this probability
        # (Vovk 2005; Lei et al. 2018); where there are too few rows, only infinity does
        places = [int(np.ceil((c + 1) * level)) for level in request.levels]
        factors = [float(ratio[k - 1]) if k <= c else np.inf for k in places]
        return Calibration(request.levels, np.array(factors), least)


class Calibration:
    """Add an interval at each level to a prediction; its mean and std stay."""

    def __init__(self, levels, factors, least: float) -> None:
        self.levels, self.factors, self.least = levels, factors, least

    def __call__(self, prediction, inputs):
        """Return the prediction with ``lower`` and ``upper`` (l, n)."""
        half = self.factors[:, None] * np.maximum(prediction.std, self.least)
        return prediction.replace(
            levels=np.array(self.levels),
            lower=prediction.mean - half,
            upper=prediction.mean + half,
        )


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer the calibrator."""
    return [
        Component(
            "normalized",
            NormalizedConfig,
            Normalized,
            requires={"epistemic", "task:regression"},
            citation="10.1080/01621459.2017.1307116",
        )
    ]
