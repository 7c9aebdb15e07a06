"""Sigma of the predictions: how much the model's members disagree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_core.api import F8, DataError, Detector, FitContext, Inputs, OODScore, Reason
from atlas_domain._verdict import Verdict
from atlas_domain.options import DisagreementConfig


@dataclass(frozen=True)
class Sigma:
    """The sigma of the arm's predictions, as it is."""

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) sigmas.

        Raises:
            DataError: the predictions carry none.
        """
        if rows.std is None and len(rows):
            raise DataError(
                "ood: sigma needs predictions with an epistemic std; choose a uq method that gives"
                " one, or a detector that does not look at sigma"
            )
        return np.zeros(0) if rows.std is None else rows.std


@dataclass(frozen=True)
class _Fitted:
    verdict: Verdict
    usual: float

    def score(self, rows: Inputs) -> OODScore:
        sigma = Sigma()(rows)
        reasons = tuple(
            (self._large(float(value / self.usual)),) if outside else ()
            for value, outside in zip(sigma, sigma > self.verdict.threshold, strict=True)
        )
        return self.verdict.judge(sigma, rows.fractions, reasons)

    def _large(self, times: float) -> Reason:
        return Reason("large_sigma", f"sigma is {times:.1f} times the usual one", {"times": times})


@dataclass(frozen=True)
class Disagreement:
    """Take what a model's members disagree on for far away."""

    config: DisagreementConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Note the sigmas in domain; the seed is not needed.

        A model's sigma is smaller on the rows it was trained on: without calibration rows the
        threshold is too low, and more rows are flagged than was asked for.

        Raises:
            DataError: the predictions carry no epistemic std.
        """
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=Sigma(),
            training_scores=lambda: Sigma()(train),
        )
        usual = float(np.median(verdict.reference))
        return _Fitted(verdict, usual if usual > 0 else 1.0)
