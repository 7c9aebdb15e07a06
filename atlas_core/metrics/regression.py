"""Error of point predictions. Light: numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8


def paired(target: npt.ArrayLike, mean: npt.ArrayLike) -> tuple[F8, F8]:
    """Return both as (n,) float arrays.

    Raises:
        ValueError: they differ in length, are empty, or hold a value that is not finite.
    """
    y, m = np.asarray(target, dtype=np.float64), np.asarray(mean, dtype=np.float64)
    if y.ndim != 1 or y.shape != m.shape or not len(y):
        raise ValueError(f"expected two arrays of one length > 0, got {y.shape} and {m.shape}")
    if not (np.isfinite(y).all() and np.isfinite(m).all()):
        raise ValueError("a target or a prediction is not finite")
    return y, m


def mae(target: npt.ArrayLike, mean: npt.ArrayLike) -> float:
    """Return the mean absolute error, (1/n) sum |y - m|, in the target's unit."""
    y, m = paired(target, mean)
    return float(np.abs(y - m).mean())


def rmse(target: npt.ArrayLike, mean: npt.ArrayLike) -> float:
    """Return the root mean squared error, sqrt((1/n) sum (y - m)^2), in the target's unit."""
    y, m = paired(target, mean)
    return float(np.sqrt(np.square(y - m).mean()))


def r2(target: npt.ArrayLike, mean: npt.ArrayLike) -> float:
    """Return the coefficient of determination, 1 - sum (y - m)^2 / sum (y - ybar)^2.

    Raises:
        ValueError: the target is constant, for which it is not defined.
    """
    y, m = paired(target, mean)
    if np.ptp(y) == 0:
        raise ValueError("r2 is not defined for a constant target")
    return float(1 - np.square(y - m).sum() / np.square(y - y.mean()).sum())


def mean_error(target: npt.ArrayLike, mean: npt.ArrayLike) -> float:
    """Return the mean signed error, (1/n) sum (m - y), in the target's unit: above 0 is too high.

    The MAE bounds its size; where it comes near, the errors go in one direction and a constant
    would take most of them away.
    """
    y, m = paired(target, mean)
    return float((m - y).mean())


def share_too_high(target: npt.ArrayLike, mean: npt.ArrayLike) -> float:
    """Return the share of rows whose prediction is above the target; exact ones count half."""
    y, m = paired(target, mean)
    return float(((m > y) + 0.5 * (m == y)).mean())


def median_ae(target: npt.ArrayLike, mean: npt.ArrayLike) -> float:
    """Return the median absolute error, in the target's unit: the error of the typical row."""
    y, m = paired(target, mean)
    return float(np.median(np.abs(y - m)))


def max_error(target: npt.ArrayLike, mean: npt.ArrayLike) -> float:
    """Return the largest absolute error, in the target's unit."""
    y, m = paired(target, mean)
    return float(np.abs(y - m).max())


def mae_over_mad(target: npt.ArrayLike, mean: npt.ArrayLike) -> float:
    """Return MAE / MAD: 1 is no better than always predicting the mean target.

    MAD is the mean absolute deviation of the target from its mean, as Matbench uses it (Dunn et
    al., npj Comput. Mater. 6, 138 (2020), table 1).

    Raises:
        ValueError: the target is constant.
    """
    y, m = paired(target, mean)
    if np.ptp(y) == 0:
        raise ValueError("MAE/MAD is not defined for a constant target")
    return float(np.abs(y - m).mean() / np.abs(y - y.mean()).mean())
