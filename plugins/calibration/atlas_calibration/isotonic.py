"""Isotonic recalibration of quantiles, or of a probability (Kuleshov 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import isotonic_regression

from atlas_calibration._ahead import CURVE_ROWS
from atlas_calibration._shared import (
    check_rows,
    probable_sets,
    residuals,
    scaled,
    sigma_of,
    with_stated,
)
from atlas_core.api import F8, Calibration, CalibrationRequest, Inputs, Prediction

if TYPE_CHECKING:
    from atlas_calibration.hooks import IsotonicConfig

ONE_SIGMA = (0.15865525393145707, 0.8413447460685429)
"""Phi(-1) and Phi(1): the shares at one sigma of a Gaussian."""


@dataclass(frozen=True, eq=False)
class Quantiles:
    """Place the quantiles of each row at stated multiples of its sigma.

    Attributes:
        levels: (l,) coverage levels.
        low: (l,) lower ends in sigmas; -inf where nothing is known.
        high: (l,) upper ends in sigmas.
        factor: the new sigma, the half-width that holds 68.27 %, in sigmas.
    """

    levels: F8
    low: F8
    high: F8
    factor: float

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with its std scaled, and with intervals."""
        sigma, mean = sigma_of(prediction, "isotonic"), prediction.mean
        return scaled(prediction, self.factor).replace(
            levels=self.levels,
            lower=mean + _times(self.low, sigma),
            upper=mean + _times(self.high, sigma),
        )


@dataclass(frozen=True, eq=False)
class Curve:
    """Read P(1) off a rising curve, straight between its points, and keep the order of rows.

    Attributes:
        stated: (k,) ascending.
        true: (k,) what each stated probability really is.
        rows: that the curve was learned from.
        levels: of the sets of labels.
    """

    stated: F8
    true: F8
    rows: int
    levels: tuple[float, ...]

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with P(1) replaced, and with sets of labels."""
        found = np.interp(prediction.mean, self.stated, self.true)
        mean = with_stated(found, prediction.mean, self.rows)
        return probable_sets(prediction.replace(mean=mean), self.levels)


@dataclass(frozen=True)
class Isotonic:
    """Learn which quantile, or which probability, the stated one really is."""

    config: IsotonicConfig

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what recalibrates and adds intervals.

        Raises:
            DataError: there are too few rows, or no sigma for a regression target.
        """
        if request.context.task == "binary":
            return _probability(request)
        return _quantiles(request)


def _quantiles(request: CalibrationRequest) -> Calibration:
    """Recalibrate the Gaussian's quantiles (Kuleshov 2018, algorithm 1).

    Their points are (F(y_i), share of rows with F <= F(y_i)) with F the predicted distribution.
    These already rise, so the isotonic curve passes through them. Here F = Phi(z) is kept as z:
    Phi is 1 to the last bit from z = 8.3 on, and an overconfident sigma has such rows. The i-th of
    n rows stands for i / (n + 1); beyond the first and last nothing is known, the end is infinite.
    """
    z = np.sort(residuals(request, CURVE_ROWS, "isotonic"))
    share = np.arange(1, len(z) + 1) / (len(z) + 1)
    levels = np.asarray(request.levels)
    low, high = (_invert(share, z, (1 + sign * levels) / 2) for sign in (-1, 1))
    # sigma means what it does for a Gaussian: half the width that holds 68.27 %
    factor = float(np.diff(np.interp(ONE_SIGMA, share, z))[0] / 2)
    return Quantiles(levels, low, high, factor)


def _invert(share: F8, z: F8, wanted: F8) -> F8:
    """Return (l,) the z at each wanted share, infinite beyond the known ones.

    A share that misses the first or last one by rounding alone counts as that one: 0.95 is
    19 / 20 of 39 rows.
    """
    inside = np.interp(wanted, share, z)
    below, above = wanted < share[0] - 1e-12, wanted > share[-1] + 1e-12
    return np.where(below, -np.inf, np.where(above, np.inf, inside))


def _times(bounds: F8, sigma: F8) -> F8:
    """Return (l, n) bounds times sigma; an infinite bound stays so where sigma is 0."""
    known = np.isfinite(bounds)
    return np.where(known[:, None], np.where(known, bounds, 0.0)[:, None] * sigma, bounds[:, None])


def _probability(request: CalibrationRequest) -> Calibration:
    """Replace P(1) by the share of ones near it (Zadrozny & Elkan 2002, 10.1145/775047.775151).

    Stds and samples stay: they say how the model wavers, not how often it is right.
    """
    check_rows(request, CURVE_ROWS, "isotonic")
    p, group = np.unique(request.prediction.mean, return_inverse=True)
    weight = np.bincount(group).astype(np.float64)
    ones = np.bincount(group, weights=request.target) / weight
    curve = np.clip(isotonic_regression(ones, weights=weight).x, 0.0, 1.0)
    return Curve(p, curve, len(group), request.levels)
