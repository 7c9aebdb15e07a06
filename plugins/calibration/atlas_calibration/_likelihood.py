"""Fit sigma by maximum likelihood, with errors that may have long tails. Heavy: scipy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import gammaln
from scipy.stats import norm, t

from atlas_core.api import F8, Prediction

SIGMA_LEVEL = float(norm.cdf(1) - norm.cdf(-1))
"""The share of a Gaussian within one sigma, 68.27 %: what sigma means for any shape here."""

FLOOR = 1e-6
"""The smallest sigma, in root mean squared errors: a likelihood has no end at sigma 0."""


@dataclass(frozen=True)
class Shape:
    """Tell the shape of errors in sigmas: Student's t; a Gaussian where ``inverse`` is 0.

    Attributes:
        inverse: 1 / degrees of freedom, 0 to 1.
    """

    inverse: float

    def half_widths(self, levels: Sequence[float]) -> F8:
        """Return (l,) half-widths of the central intervals at ``levels``, in sigmas."""
        tails = (1 + np.asarray(levels)) / 2
        if self.inverse == 0:
            return np.asarray(norm.ppf(tails))
        degrees = 1 / self.inverse
        return np.asarray(t.ppf(tails, degrees) / t.ppf((1 + SIGMA_LEVEL) / 2, degrees))

    def intervals(self, prediction: Prediction, sigma: F8, levels: Sequence[float]) -> Prediction:
        """Return the prediction with central intervals of ``sigma``."""
        width = self.half_widths(levels)[:, None] * sigma
        return prediction.replace(
            levels=np.asarray(levels), lower=prediction.mean - width, upper=prediction.mean + width
        )


GAUSSIAN = Shape(0.0)


@dataclass(frozen=True)
class Fit:
    """The most likely sigma: ``slope`` x the stated one + ``offset``; ``loss`` a row."""

    slope: float
    offset: float
    shape: Shape
    loss: float


def most_likely(sigma: F8, error: F8, *, offset: bool, tails: str) -> Fit:
    """Return the line and the shape that make the errors most likely.

    With ``student_t`` the degrees of freedom are fitted, too (Lange, Little & Taylor 1989,
    10.1080/01621459.1989.10478852): a few large errors then count as tails, and do not widen sigma
    for all.

    Args:
        sigma: (n,) >= 0, not all 0.
        error: (n,) not all 0.
        offset: whether the line may have one.
        tails: ``gaussian`` or ``student_t``.
    """
    unit = float(np.sqrt(np.mean(error**2)))
    own, size = sigma / unit, error / unit
    best = _line(own, size, GAUSSIAN, offset=offset)
    if tails == "student_t":
        found = minimize_scalar(
            lambda inverse: _line(own, size, Shape(inverse), offset=offset).loss,
            bounds=(1e-3, 1.0),
            method="bounded",
            options={"xatol": 1e-4},
        )
        long = _line(own, size, Shape(float(found.x)), offset=offset)
        best = long if long.loss < best.loss else best
    return Fit(best.slope, best.offset * unit, best.shape, best.loss)


def _line(sigma: F8, error: F8, shape: Shape, *, offset: bool) -> Fit:
    """Return the most likely line of a shape, for errors of size 1.

    Neither part may be negative: a sigma that falls as the stated one rises, or crosses 0, is left
    out. There can be two maxima, one of them at a constant sigma: the best of three starts counts.
    """
    inverse = shape.inverse
    if inverse > 0:
        degrees = 1 / inverse
        narrow = float(t.ppf((1 + SIGMA_LEVEL) / 2, degrees))  # sigma in scales of the t
        constant = float(
            gammaln((degrees + 1) / 2) - gammaln(degrees / 2) - 0.5 * np.log(degrees * np.pi)
        )
    else:
        degrees, narrow, constant = np.inf, 1.0, float(-0.5 * np.log(2 * np.pi))

    def loss(line: F8) -> tuple[float, F8]:
        straight = line[0] * sigma + line[1]
        s = np.maximum(straight, FLOOR) / narrow
        square = (error / s) ** 2
        if inverse > 0:
            each = 0.5 * (degrees + 1) * np.log1p(square / degrees)
            pull = (degrees + 1) * square / (degrees + square)
        else:
            each, pull = 0.5 * square, square
        value = float(np.mean(np.log(s) + each)) - constant
        slope = np.where(straight > FLOOR, (1 - pull) / (s * narrow), 0.0)
        return value, np.array([np.mean(slope * sigma), np.mean(slope)])

    most = 1 / float(np.sqrt(np.mean(sigma**2)))  # the slope that alone gives sigmas of size 1
    starts = [(0.6 * most, 0.0)]
    if offset:
        starts = [(0.6 * most, 0.01), (0.3 * most, 0.3), (0.01 * most, 0.6)]
    bounds = [(FLOOR * most, None), (0.0, None if offset else 0.0)]
    found = [
        minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-12})
        for start in starts
    ]
    best = min(found, key=lambda result: float(result.fun))
    return Fit(float(best.x[0]), float(best.x[1]), shape, float(best.fun))
