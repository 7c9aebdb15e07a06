r'''The ``calibrator`` kind: calibrates predictive uncertainty on a calibration set. Light.

A whole plugin, in a module ``atlas_constant_width``::

    """Intervals of one width for all materials, by split conformal prediction (Lei 2018)."""

    import numpy as np

    from atlas_core.api import Component, Config, DataError, hookimpl


    class ConstantWidthConfig(Config):
        """No options."""


    class ConstantWidth:
        """Take quantiles of the calibration errors."""

        def __init__(self, config):
            pass

        def calibrate(self, request):
            errors = np.sort(np.abs(request.target - request.prediction.mean))
            n, levels = len(errors), np.array(request.levels)
            if not n:
                raise DataError("constant_width: no calibration rows; keep some aside in the split")
            # beyond n there is no finite interval that holds
            rank = np.ceil((n + 1) * levels - 1e-9).astype(int)
            half = np.append(errors, np.inf)[np.minimum(rank, n + 1) - 1]
            return Widened(levels, half)


    class Widened:
        """Add the intervals; an object of a class can be saved with a run, a closure cannot."""

        def __init__(self, levels, half):
            self.levels, self.half = levels, half

        def __call__(self, prediction, inputs):
            half = self.half[:, None]
            lower, upper = prediction.mean - half, prediction.mean + half
            return prediction.replace(levels=self.levels, lower=lower, upper=upper)


    @hookimpl
    def atlas_calibrator():
        needs = {"task:regression"}
        return [Component("constant_width", ConstantWidthConfig, ConstantWidth, requires=needs)]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.calibrator"]
    constant_width = "atlas_constant_width"

``calibrator: constant_width`` then gives intervals at the ``levels`` of the spec. A calibrator may
also mend the std itself, or a probability.
'''

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from atlas_core.arrays import F8, I8
from atlas_core.context import FitContext
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.kind import Kind
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.uq import Predictor

Refit = Callable[[I8], Predictor]
"""Train the arm's model anew on some of its training rows (positions in ``train``)."""


@dataclass(frozen=True, eq=False)
class CalibrationRequest:
    """Input of a calibrator.

    Attributes:
        prediction: of the c calibration rows; of 0 rows if the split has none.
        target: (c,) their true values.
        inputs: the c calibration rows themselves.
        levels: coverage levels in (0, 1) at which intervals are wanted, ascending.
        context: seed, task, threads, device, and callbacks for progress and records.
        train: the t training rows; None unless the component needs ``refit``.
        train_target: (t,) their true values; None unless the component needs ``refit``.
        refit: trains on some of them; None unless the component needs ``refit``.
    """

    prediction: Prediction
    target: F8
    inputs: Inputs
    levels: tuple[float, ...]
    context: FitContext
    train: Inputs | None = None
    train_target: F8 | None = None
    refit: Refit | None = None


@runtime_checkable
class Calibration(Protocol):
    """A fitted calibrator: an object of a class, so that it can be saved with a run."""

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with intervals at the stated levels.

        Its std or mean may be recalibrated, too. The parts of a new std keep their ratio, so that
        the squares of ``epistemic`` and ``aleatoric`` still add up to that of ``std``; a new P(1)
        keeps the order of the rows.

        Args:
            prediction: of n rows, uncalibrated.
            inputs: the n rows.
        """
        ...


@runtime_checkable
class Calibrator(Protocol):
    """Learn the width of intervals from calibration rows."""

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what adds intervals at every level to a prediction.

        Raises:
            DataError: there are too few calibration rows for this method.
        """
        ...


KIND = Kind(
    "calibrator",
    Calibrator,
    place="arm",
    description="Calibrates uncertainties on held-out data; if omitted, no intervals are reported.",
    host=("refit",),
    retrained=False,
)
