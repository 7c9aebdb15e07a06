"""Split conformal: intervals whose coverage holds for any model (Vovk; Lei 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_calibration._conformal import (
    Unit,
    around,
    in_units,
    label_scores,
    quantiles,
    refuse_normalized,
    rows_needed,
    times,
    unit_of,
)
from atlas_calibration._shared import check_rows, label_sets
from atlas_core.api import F8, Calibration, CalibrationRequest, Inputs, Prediction

if TYPE_CHECKING:
    from atlas_calibration.hooks import SplitConformalConfig

METHOD = "split_conformal"


@dataclass(frozen=True, eq=False)
class Widths:
    """Add intervals of one half-width each level, in a unit of each row.

    Attributes:
        levels: (l,).
        bounds: (l,) half-widths in ``unit``; infinite where nothing is known.
        unit: what they are counted in.
    """

    levels: tuple[float, ...]
    bounds: F8
    unit: Unit

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with intervals."""
        widths = times(self.bounds[:, None], self.unit(prediction))
        return around(prediction, self.levels, widths)


@dataclass(frozen=True, eq=False)
class LabelSets:
    """Add sets of labels.

    Attributes:
        levels: (l,).
        bounds: (l,) of the score 1 - P(label).
    """

    levels: tuple[float, ...]
    bounds: F8

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with the labels whose score is within bounds."""
        # the less probable label has the score 1 - min(p, 1 - p) = max(p, 1 - p)
        score = 1 - np.minimum(prediction.mean, 1 - prediction.mean)
        return label_sets(prediction, self.levels, score <= self.bounds[:, None])


class SplitConformal:
    """Bound new errors by those of the calibration rows."""

    def __init__(self, config: SplitConformalConfig) -> None:
        self._config = config

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what adds intervals; see ``Calibrator.calibrate``.

        At a level for which there are too few rows the interval is infinite (both labels). Sets
        of labels are the least ambiguous ones (Sadinle 2019, 10.1080/01621459.2017.1395341),
        never empty.

        Raises:
            DataError: there are too few rows for every level; or the score is ``normalized`` and
                there is no sigma above 0, or the task is binary.
        """
        levels, prediction = request.levels, request.prediction
        check_rows(request, min(map(rows_needed, levels)), METHOD)
        refuse_normalized(request, self._config, METHOD)
        if request.context.task == "binary":
            scores = label_scores(prediction, request.target)
            return LabelSets(levels, quantiles(scores, levels))
        unit = unit_of(prediction, self._config, METHOD)
        scores = in_units(request.target - prediction.mean, unit(prediction))
        return Widths(levels, quantiles(scores, levels), unit)
