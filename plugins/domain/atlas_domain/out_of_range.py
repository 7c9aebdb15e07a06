"""Features outside the range of the training materials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from atlas_core.api import F8, DataError, Detector, FitContext, Inputs, OODScore
from atlas_domain._rules import OutOfRange
from atlas_domain._verdict import Verdict
from atlas_domain.options import RangeDetectorConfig


@dataclass(frozen=True)
class _Excess:
    ranges: OutOfRange
    measure: Literal["degree", "share"]

    def __call__(self, rows: Inputs) -> F8:
        if self.measure == "degree":
            return self.ranges(rows)
        outside = self.ranges.excess(rows) > 0
        return np.asarray(outside.mean(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class _Fitted:
    excess: _Excess
    verdict: Verdict

    def score(self, rows: Inputs) -> OODScore:
        reasons = self.excess.ranges.describe(rows)
        return self.verdict.judge(self.excess(rows), rows.fractions, reasons)


@dataclass(frozen=True)
class RangeDetector:
    """Measure how far a row's features lie outside those of all training rows."""

    config: RangeDetectorConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Note the ranges: the bounding box of Sahigara et al. 2012. The seed is not needed.

        Training rows lie in their own range, so without calibration rows any excess is flagged.

        Raises:
            DataError: the features are no vectors.
        """
        ranges = OutOfRange.of(train)
        if ranges is None:
            raise DataError(
                "ood out_of_range: it needs a featurizer that gives vectors; use magpie, or"
                " unseen_element"
            )
        excess = _Excess(ranges, self.config.measure)
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=excess,
            training_scores=lambda: excess(train),
        )
        return _Fitted(excess, verdict)
