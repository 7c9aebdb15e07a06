"""What the calibrators share: sigma, Gaussian intervals, label sets. Light: numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from atlas_core.api import F8, CalibrationRequest, ContractError, DataError, Prediction

HOW = "raise the split's `calibration` fraction"
"""What to do about too few calibration rows."""


def check_rows(request: CalibrationRequest, needed: int, method: str) -> None:
    """Refuse a request with too few rows.

    Raises:
        DataError: there are fewer than ``needed`` calibration rows.
        ContractError: predictions and targets differ in number.
    """
    n = len(request.prediction)
    if request.target.shape != (n,):
        raise ContractError(f"{method}: {n} predictions but {request.target.shape} targets")
    if n < needed:
        raise DataError(f"{method}: {n} calibration rows, needs at least {needed}; {HOW}")


def sigma_of(prediction: Prediction, method: str) -> F8:
    """Return (n,) the total std.

    Raises:
        DataError: the predictions carry none.
    """
    if (std := prediction.std) is None:
        raise DataError(f"{method}: the predictions carry no sigma; use a uq that gives one")
    return std


def residuals(request: CalibrationRequest, needed: int, method: str) -> F8:
    """Return z = (target - mean) / sigma of the calibration rows.

    Rows whose sigma is exactly 0 are left out: no factor can correct them.

    Raises:
        DataError: fewer than ``needed`` rows have a sigma above 0.
    """
    check_rows(request, needed, method)
    sigma = sigma_of(request.prediction, method)
    at = np.flatnonzero(sigma > 0)
    if len(at) < needed:
        raise DataError(
            f"{method}: {len(at)} of {len(sigma)} calibration rows have a sigma above 0, needs at "
            f"least {needed}; {HOW} or use another uq"
        )
    return np.asarray((request.target[at] - request.prediction.mean[at]) / sigma[at])


def gaussian_intervals(prediction: Prediction, levels: Sequence[float], method: str) -> Prediction:
    """Return the prediction with central Gaussian intervals of its std."""
    sigma = sigma_of(prediction, method)
    width = np.array([NormalDist().inv_cdf((1 + level) / 2) for level in levels])[:, None] * sigma
    return prediction.replace(
        levels=np.asarray(levels), lower=prediction.mean - width, upper=prediction.mean + width
    )


def label_sets(
    prediction: Prediction, levels: Sequence[float], both: npt.NDArray[np.bool_]
) -> Prediction:
    """Return the prediction with sets of labels: the more probable one, or both.

    Args:
        prediction: of n rows, mean = P(1); at 1/2 exactly, 1 counts as the more probable.
        levels: (l,) coverage levels.
        both: (l, n) whether the less probable label belongs to the set too.
    """
    top = (prediction.mean >= 0.5).astype(np.float64)
    return prediction.replace(
        levels=np.asarray(levels),
        lower=np.where(both, 0.0, top),
        upper=np.where(both, 1.0, top),
    )


def probable_sets(prediction: Prediction, levels: Sequence[float]) -> Prediction:
    """Return the smallest sets of labels whose probability reaches each level."""
    top = np.maximum(prediction.mean, 1 - prediction.mean)
    return label_sets(prediction, levels, top < np.asarray(levels)[:, None])


def with_stated(found: F8, stated: F8, rows: int) -> F8:
    """Return P(1) off a curve, with the stated one counted as one more calibration row.

    A curve from few ones is flat over most rows: it would call equal what the model tells apart,
    and ranking by it would be no better than chance there. The share of 1 / (rows + 1) is below
    what the calibration rows can tell, and it keeps the model's order.

    Args:
        found: (n,) P(1) off the curve; never falls as ``stated`` rises.
        stated: (n,) P(1) before calibration.
        rows: that the curve was learned from.
    """
    return np.asarray((rows * found + stated) / (rows + 1))


def scaled(prediction: Prediction, factor: float | F8) -> Prediction:
    """Return the prediction with its stds, and its samples about the mean, times ``factor``.

    Args:
        prediction: of n rows.
        factor: one number, or (n,) one of each row.
    """

    def times(std: F8 | None) -> F8 | None:
        return None if std is None else std * factor

    mean, samples = prediction.mean, prediction.samples
    return prediction.replace(
        epistemic=times(prediction.epistemic),
        aleatoric=times(prediction.aleatoric),
        samples=None if samples is None else mean + factor * (samples - mean),
    )


def with_std(prediction: Prediction, std: F8) -> Prediction:
    """Return the prediction with a new total std of each row.

    Its parts keep their ratio, and its samples, about the mean, keep their order. A row whose std
    was 0 has the new one as its epistemic part, or as its only part.
    """
    old = prediction.std
    if old is None:
        raise ContractError("a new std needs an old one")
    factor = np.divide(std, old, out=np.ones_like(std), where=old > 0)
    done = scaled(prediction, factor)
    first = "aleatoric" if prediction.epistemic is None else "epistemic"
    return done.replace(**{first: np.where(old > 0, getattr(done, first), std)})
