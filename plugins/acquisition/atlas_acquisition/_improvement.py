"""How much, and how likely, a row improves on the best: closed forms for a Gaussian."""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx, ndtr

from atlas_acquisition._signal import signed
from atlas_core.api import F8, AcquisitionRequest


def gain_of(request: AcquisitionRequest, xi: float) -> F8:
    """Return (n,) s (mean - best) - xi, in the target's unit."""
    best = signed(np.asarray(request.best), request.goal)
    return signed(request.prediction.mean, request.goal) - best - xi


def _standardized(gain: F8, std: F8) -> F8:
    """Return (n,) gain / std; 0 where std is 0, which callers treat apart."""
    return np.divide(gain, std, out=np.zeros_like(gain), where=std > 0)


def expected_gain(gain: F8, std: F8) -> F8:
    """Return (n,) E[max(g, 0)] for g ~ N(gain, std²): std (z Phi(z) + phi(z)), z = gain / std.

    Jones, Schonlau & Welch 1998, eq. 15. Below z = -1 the two terms cancel; there the scaled
    complementary error function keeps the digits, so that poor rows still have an order.
    """
    z = _standardized(gain, std)
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    below = np.maximum(-z, 0.0)
    tail = density * (1.0 - below * np.sqrt(np.pi / 2.0) * erfcx(below / np.sqrt(2.0)))
    value = std * np.where(z < -1.0, np.maximum(tail, 0.0), z * ndtr(z) + density)
    return np.asarray(np.where(std > 0, value, np.maximum(gain, 0.0)), dtype=np.float64)


def probability_of_gain(gain: F8, std: F8) -> F8:
    """Return (n,) P[g > 0] for g ~ N(gain, std²): Phi(gain / std) (Kushner 1964)."""
    likely = ndtr(_standardized(gain, std))
    return np.asarray(np.where(std > 0, likely, (gain > 0).astype(np.float64)), dtype=np.float64)
