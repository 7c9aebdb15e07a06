"""The ``calibrator`` kind: uncertainty that keeps its word on data kept aside. Light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from atlas_core.arrays import F8
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.prediction import Prediction

Calibration = Callable[[Prediction], Prediction]
"""Return the prediction with intervals at the stated levels (and std or mean recalibrated)."""


@dataclass(frozen=True, eq=False)
class CalibrationRequest:
    """Hand a calibrator what it may see.

    Attributes:
        prediction: of the c calibration rows; of the 0 rows where a split keeps none.
        target: (c,) their true values.
        levels: coverage levels in (0, 1) at which intervals are wanted, ascending.
        task: ``regression`` or ``binary``.
        seed: from the run's seed tree.
    """

    prediction: Prediction
    target: F8
    levels: tuple[float, ...]
    task: Task
    seed: int


@runtime_checkable
class Calibrator(Protocol):
    """Learn from calibration rows how wide intervals must be."""

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return a function that adds intervals at every level to a prediction.

        Raises:
            DataError: there are too few calibration rows for this method.
        """
        ...
