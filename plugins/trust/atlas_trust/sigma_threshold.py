"""Sigma alone, calibrated in-domain: the baseline for trust regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import IsotonicRegression

from atlas_core.api import (
    F8,
    SYMBOLS,
    Assessment,
    Bool,
    DataError,
    Evidence,
    FitContext,
    Inputs,
    OODScore,
    Prediction,
    Reason,
    Reasons,
    ReliabilityTarget,
    Str,
    TargetScale,
)
from atlas_trust._rule import label
from atlas_trust.hooks import CURVE_ROWS, SigmaThresholdConfig
from atlas_trust.rule import Rule


def sigma_of(prediction: Prediction) -> F8:
    """Return (n,) the total sigma.

    Raises:
        DataError: the predictions carry none.
    """
    if prediction.std is None:
        raise DataError("trust: the predictions carry no sigma; use a uq that gives one")
    return prediction.std


@dataclass(frozen=True)
class Curve:
    """A rising curve through points; flat outside them.

    Attributes:
        x: (k,) ascending.
        y: (k,) ascending.
    """

    x: F8
    y: F8

    @classmethod
    def through(cls, x: F8, y: F8) -> Curve:
        """Return the isotonic curve of points (x, y) (pool adjacent violators)."""
        # scikit-learn takes x that differ by less than 1e-15 for equal, whatever their unit
        scale = TargetScale(0.0, float(np.median(x[x > 0])) if (x > 0).any() else 1.0)
        fitted = IsotonicRegression(out_of_bounds="clip").fit(scale.standard(x), y)
        return cls(scale.back(np.asarray(fitted.X_thresholds_)), np.asarray(fitted.y_thresholds_))

    def __call__(self, x: F8) -> F8:
        """Return (n,) the curve at ``x`` (n,)."""
        return np.asarray(np.interp(x, self.x, self.y), dtype=np.float64)


SIGMA_ALONE = Reason(
    "sigma_alone", "its label rests on sigma alone, which says nothing about such materials"
)
"""Of a material that is new: what the label does not consider."""


def unseen_elements(inputs: Inputs, seen: Bool) -> Reasons:
    """Return of each of n rows that it has elements that no training material has, () for none.

    Args:
        inputs: n rows.
        seen: (118,) elements of the training materials.
    """
    return tuple(
        (Reason.unseen_elements([SYMBOLS[z + 1] for z in np.flatnonzero(row)]),)
        if row.any()
        else ()
        for row in (inputs.fractions > 0) & ~seen
    )


@dataclass(frozen=True)
class SigmaRegion:
    """What in-domain rows say of sigma, believed everywhere: the baseline, which looks at no shift.

    Attributes:
        risk: probability that the error exceeds the tolerance, by sigma.
        error: expected error, by sigma.
        rule: how a list is labeled.
        allowed: one minus the target reliability.
        in_domain_error: mean absolute error in-domain.
        seen: (118,) elements of the training materials; no label depends on them.
    """

    risk: Curve
    error: Curve
    rule: Rule
    allowed: float
    in_domain_error: float
    seen: Bool

    def assess(self, inputs: Inputs, prediction: Prediction, ood: OODScore | None) -> Assessment:
        """Return risk and expected error by sigma, and of what is new that this ignores it."""
        sigma = sigma_of(prediction)
        flagged = np.zeros(len(inputs), np.bool_) if ood is None else ood.outside
        reasons = tuple(
            (*own, SIGMA_ALONE) if own or far else ()
            for own, far in zip(unseen_elements(inputs, self.seen), flagged.tolist(), strict=True)
        )
        risk, error = np.clip(self.risk(sigma), 0.0, 1.0), np.maximum(self.error(sigma), 0.0)
        return Assessment(risk, error, reasons=reasons)

    def label(self, assessment: Assessment) -> Str:
        """Return (n,) labels of a list."""
        return label(
            assessment, self.rule, allowed=self.allowed, in_domain_error=self.in_domain_error
        )


@dataclass(frozen=True)
class SigmaThreshold:
    """Calibrate sigma in-domain, and look at no shift: what most work on uncertainty does."""

    config: SigmaThresholdConfig

    def fit(
        self,
        in_domain: Evidence,
        nested: Sequence[Evidence],
        *,
        reliability: ReliabilityTarget,
        levels: tuple[float, ...],
        context: FitContext,
    ) -> SigmaRegion:
        """Fit both curves on the calibration rows; the nested fits are not looked at."""
        if len(in_domain.inputs) < CURVE_ROWS:
            raise DataError(
                f"trust: {len(in_domain.inputs)} calibration rows, needs at least {CURVE_ROWS};"
                " raise the split's `calibration` fraction"
            )
        sigma, error = sigma_of(in_domain.prediction), in_domain.error
        return SigmaRegion(
            risk=Curve.through(sigma, (error > reliability.error_tolerance).astype(np.float64)),
            error=Curve.through(sigma, error),
            rule=self.config.rule,
            allowed=1.0 - reliability.target_reliability,
            in_domain_error=float(error.mean()),
            seen=(in_domain.train.fractions > 0).any(axis=0),
        )
