"""Quality of predicted uncertainties: Gaussian std, intervals, and the order they put rows in.

``std`` is the total standard deviation in the target's unit. scipy is imported where needed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, Bool
from atlas_core.metrics import weighted
from atlas_core.metrics.regression import paired

STD_FLOOR = 1e-3
"""Where a metric divides by sigma, sigma is at least this share of the median positive sigma."""

LEVELS_99: F8 = np.arange(1, 100) / 100
"""Central coverage levels 0.01 to 0.99 of the calibration curve."""

KEPT = 0.8
"""Share of the rows, the surest, whose error is :func:`mae_at_coverage` by default."""

FAR = 5.0
"""Sigmas beyond which a Gaussian puts one row in 1.7 million."""

TOP_ERRORS = 0.1
"""Share of the rows that count as large errors in :func:`error_auroc`."""


def _with_std(target: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike) -> tuple[F8, F8, F8]:
    y, m = paired(target, mean)
    s = np.asarray(std, dtype=np.float64)
    if s.shape != y.shape or not (np.isfinite(s) & (s >= 0)).all():
        raise ValueError(f"expected {y.shape} finite std >= 0")
    return y, m, s


def _positive(target: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike) -> tuple[F8, F8, F8]:
    y, m, s = _with_std(target, mean, std)
    if (s == 0).any():
        raise ValueError("a std is 0; apply floor_std first")
    return y, m, s


def floor_std(std: npt.ArrayLike) -> tuple[F8, Bool]:
    """Raise vanishing sigmas to a floor, so that z = error / sigma stays finite.

    A sigma of 0 claims certainty; left as it is, one such row makes NLL and ZMS infinite, and left
    out, it hides the claim. The floor is ``STD_FLOOR`` times the median of the positive sigmas: far
    below every honest sigma, so that a false claim still costs up to a thousand sigmas.

    Args:
        std: (n,) >= 0.

    Returns:
        raised: (n,) std with the floor applied; all zeros where no sigma is positive.
        changed: (n,) whether a row was raised.
    """
    s = np.asarray(std, dtype=np.float64)
    positive = s[s > 0]
    if not len(positive):
        return s.copy(), np.zeros(s.shape, dtype=np.bool_)
    floor = STD_FLOOR * float(np.median(positive))
    return np.maximum(s, floor), np.asarray(s < floor, dtype=np.bool_)


def nll_rows(target: F8, mean: F8, std: F8) -> F8:
    """Return (n,) negative log densities of N(mean, std^2) at the target; std > 0."""
    loss = 0.5 * np.log(2 * np.pi * std**2) + 0.5 * ((target - mean) / std) ** 2
    return np.asarray(loss, dtype=np.float64)


def crps_rows(target: F8, mean: F8, std: F8) -> F8:
    """Return (n,) CRPS of N(mean, std^2); |error| where std is 0.

    Source: Gneiting & Raftery, J. Am. Stat. Assoc. 102, 359 (2007), eq. (21) with the sign turned:
    sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1/sqrt(pi)).
    """
    from scipy.special import ndtr

    error = target - mean
    z = np.divide(error, std, out=np.zeros_like(error), where=std > 0)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    gaussian = std * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    return np.where(std > 0, gaussian, np.abs(error))


def nll(target: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike) -> float:
    """Return the mean negative log-likelihood of the Gaussians (nats; lower is better).

    Raises:
        ValueError: shapes differ, a value is not finite, or a std is not positive.
    """
    return float(nll_rows(*_positive(target, mean, std)).mean())


def crps(target: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike) -> float:
    """Return the mean continuous ranked probability score of the Gaussians, in the target's unit.

    With std 0 it is the absolute error. See :func:`crps_rows` for the formula.
    """
    return float(crps_rows(*_with_std(target, mean, std)).mean())


def covered(target: F8, mean: F8, std: F8, levels: F8) -> Bool:
    """Return (n, l): whether the central Gaussian interval of each level holds the target.

    The interval is mean +- std Phi^-1((1 + level) / 2). With std 0 it holds an exact hit only.
    """
    from scipy.special import ndtri

    half = np.asarray(ndtri((1 + levels) / 2), dtype=np.float64)
    inside = np.abs(target - mean)[:, None] <= std[:, None] * half[None, :]
    return np.asarray(inside, dtype=np.bool_)


def calibration_curve(
    target: npt.ArrayLike,
    mean: npt.ArrayLike,
    std: npt.ArrayLike,
    levels: npt.ArrayLike = LEVELS_99,
) -> F8:
    """Return (l,) observed coverage of the central Gaussian intervals at ``levels`` in (0, 1).

    A calibrated sigma gives ``levels`` back; below them the model is overconfident.
    Source: Tran et al., Mach. Learn.: Sci. Technol. 1, 025006 (2020), section 2.4.
    """
    y, m, s = _with_std(target, mean, std)
    inside = covered(y, m, s, np.asarray(levels, dtype=np.float64))
    return np.asarray(inside.mean(axis=0), dtype=np.float64)


def miscalibration_area(target: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike) -> float:
    """Return the area between observed and expected coverage: 0 is perfect, 0.5 the worst.

    The curve is straight between the levels 0, 0.01, ..., 1 and has no gap at its two ends; where
    it crosses the diagonal both triangles count. Source: Tran et al. (2020), section 2.4.
    """
    gaps = calibration_curve(target, mean, std) - LEVELS_99
    return float(area_between(gaps[None, :])[0])


def area_between(gaps: F8) -> F8:
    """Return (b,) areas between the diagonal and a curve with (b, 99) gaps at ``LEVELS_99``."""
    left = np.pad(gaps, ((0, 0), (1, 0)))
    right = np.pad(gaps, ((0, 0), (0, 1)))
    height = np.abs(left) + np.abs(right)
    triangles = weighted.ratio(left**2 + right**2, height)
    means = np.where(left * right < 0, triangles, height)
    return np.asarray(means.sum(axis=1) * 0.01 / 2, dtype=np.float64)


def ence(
    target: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike, *, bins: int = 10
) -> float:
    """Return the expected normalised calibration error: mean over bins of |RMV - RMSE| / RMV.

    Rows are sorted by sigma and cut into equal-count bins; RMV is the root of the mean variance of
    a bin, RMSE the root of its mean squared error. Source: Levi et al., Sensors 22, 5540 (2022),
    eq. (8).

    Raises:
        ValueError: there are fewer rows than bins, or a std is not positive.
    """
    y, m, s = _positive(target, mean, std)
    if len(y) < bins:
        raise ValueError(f"ENCE of {bins} bins needs as many rows, got {len(y)}")
    columns = np.stack([(y - m) ** 2, s**2])
    return float(
        ence_weighted(weighted.Ranking(s), columns, weighted.unit_weights(len(y)), bins)[0]
    )


def ence_weighted(ranking: weighted.Ranking, columns: F8, weights: F8, bins: int) -> F8:
    """Return (b,) ENCE; ``columns`` is (2, n): squared error and variance, ranked by sigma."""
    sums, _ = weighted.bin_sums(ranking, columns, weights, bins=bins)
    rmse, rmv = np.sqrt(np.maximum(sums[:, 0], 0)), np.sqrt(np.maximum(sums[:, 1], 0))
    gaps = weighted.ratio(np.abs(rmv - rmse), rmv)
    return np.asarray(gaps.mean(axis=1), dtype=np.float64)


def zms(target: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike) -> float:
    """Return the mean of z^2, z = error / sigma: 1 is calibrated, above 1 overconfident.

    Source: Pernot, APL Mach. Learn. 1, 046121 (2023), eq. (8).

    Raises:
        ValueError: a std is not positive.
    """
    y, m, s = _positive(target, mean, std)
    return float((((y - m) / s) ** 2).mean())


def within_sigma(
    target: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike, *, times: float = 1.0
) -> float:
    """Return the share of rows whose |error| is at most ``times`` sigma.

    One sigma of a Gaussian holds erf(1 / sqrt 2) = 68.3 %. Unlike :func:`zms`, no single row can
    decide it.

    Raises:
        ValueError: a std is not positive.
    """
    y, m, s = _positive(target, mean, std)
    return float((np.abs(y - m) <= times * s).mean())


def median_z(target: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike) -> float:
    """Return the median of |error| / sigma; a Gaussian gives 0.6745, its upper quartile.

    Raises:
        ValueError: a std is not positive.
    """
    y, m, s = _positive(target, mean, std)
    return float(np.median(np.abs(y - m) / s))


def sharpness(std: npt.ArrayLike) -> float:
    """Return sqrt(mean sigma^2), in the target's unit. Source: Tran et al. (2020), section 2.4."""
    s = np.asarray(std, dtype=np.float64)
    return float(np.sqrt((s**2).mean()))


def dispersion(std: npt.ArrayLike) -> float:
    """Return the coefficient of variation of sigma (n - 1 in its std); 0: every row is the same.

    Source: Levi et al. (2022), eq. (9).

    Raises:
        ValueError: there are fewer than two rows, or sigma is 0 everywhere.
    """
    s = np.asarray(std, dtype=np.float64)
    if len(s) < 2 or not s.any():
        raise ValueError("dispersion needs two rows and a sigma above 0")
    return float(s.std(ddof=1) / s.mean())


def _interval(
    target: npt.ArrayLike | None, lower: npt.ArrayLike, upper: npt.ArrayLike
) -> tuple[F8, F8, F8]:
    low, high = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    y = np.zeros_like(low) if target is None else np.asarray(target, dtype=np.float64)
    if not len(low) or not (y.shape == low.shape == high.shape):
        raise ValueError(f"shapes differ or are empty: {y.shape}, {low.shape}, {high.shape}")
    if not (low <= high).all():  # also refuses NaN
        raise ValueError("an interval end is NaN or below the other")
    return y, low, high


def picp(target: npt.ArrayLike, lower: npt.ArrayLike, upper: npt.ArrayLike) -> float:
    """Return the prediction interval coverage probability: share of targets inside, ends count."""
    y, low, high = _interval(target, lower, upper)
    return float(((low <= y) & (y <= high)).mean())


def mpiw(lower: npt.ArrayLike, upper: npt.ArrayLike) -> float:
    """Return the mean width of the finite intervals; read it beside :func:`infinite_share`.

    Raises:
        ValueError: no interval is finite.
    """
    _, low, high = _interval(None, lower, upper)
    width = high - low
    if not np.isfinite(width).any():
        raise ValueError("no interval is finite")
    return float(width[np.isfinite(width)].mean())


def infinite_share(lower: npt.ArrayLike, upper: npt.ArrayLike) -> float:
    """Return the share of intervals that are infinite: the method says nothing there."""
    _, low, high = _interval(None, lower, upper)
    return float((~np.isfinite(high - low)).mean())


def interval_score_rows(target: F8, lower: F8, upper: F8, level: float) -> F8:
    """Return (n,) interval scores; infinite for an infinite interval."""
    miss = np.maximum(lower - target, 0) + np.maximum(target - upper, 0)
    return (upper - lower) + 2 / (1 - level) * miss


def interval_score(
    target: npt.ArrayLike, lower: npt.ArrayLike, upper: npt.ArrayLike, *, level: float
) -> float:
    """Return the mean of width + (2 / alpha) x distance outside, alpha = 1 - level.

    In the target's unit, lower is better. Source: Gneiting & Raftery (2007), eq. (43).

    Raises:
        ValueError: an interval is infinite, whose score is too, or level is not in (0, 1).
    """
    y, low, high = _interval(target, lower, upper)
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not between 0 and 1")
    if not (np.isfinite(low) & np.isfinite(high)).all():
        raise ValueError("the score of an infinite interval is infinite")
    return float(interval_score_rows(y, low, high, level).mean())


def _ranked(error: npt.ArrayLike, std: npt.ArrayLike) -> tuple[F8, F8, F8]:
    size, s = paired(error, std)
    return np.abs(size), s, weighted.unit_weights(len(s))


def spearman(error: npt.ArrayLike, std: npt.ArrayLike) -> float:
    """Return the rank correlation of |error| with sigma: 1: larger sigma, larger error.

    Raises:
        ValueError: error or sigma is constant, for which it is not defined.
    """
    e, s, ones = _ranked(error, std)
    value = float(weighted.spearman(weighted.Ranking(e), weighted.Ranking(s), ones)[0])
    if np.isnan(value):
        raise ValueError("a rank correlation needs errors and sigmas that are not constant")
    return value


def risk_coverage(error: npt.ArrayLike, std: npt.ArrayLike) -> tuple[F8, F8]:
    """Return the risk-coverage curve: mean |error| of the surest share of the rows.

    Rows of equal sigma enter in a random order on average: each has the mean error of its equals.
    The same curve read from the right is the sparsification curve. For the oracle, the best
    possible order, pass ``abs(error)`` as ``std``; a random order is flat at the MAE.
    Source: Geifman & El-Yaniv, NeurIPS 30 (2017); Ilg et al., ECCV (2018).

    Args:
        error: (n,) signed or absolute.
        std: (n,) any score of doubt.

    Returns:
        coverage: (n,) 1/n, ..., 1, the share of rows kept, the surest first.
        risk: (n,) mean |error| of the rows kept.
    """
    e, s, ones = _ranked(error, std)
    ranking = weighted.Ranking(s)
    means = (ranking.sums(ones * e) / ranking.sums(ones))[0]
    kept = np.arange(1, len(e) + 1)
    return kept / len(e), np.cumsum(means[ranking.group[ranking.order]]) / kept


def aurc(error: npt.ArrayLike, std: npt.ArrayLike) -> float:
    """Return the area under :func:`risk_coverage`, in the target's unit; lower is better."""
    e, s, ones = _ranked(error, std)
    return float(weighted.aurc(weighted.Ranking(s), e, ones)[0])


def aurc_oracle(error: npt.ArrayLike) -> float:
    """Return the :func:`aurc` of the best possible order, by |error| itself: the lowest there is.

    Source: Geifman et al., ICLR (2019), section 4, who subtract it for their E-AURC.
    """
    return aurc(error, np.abs(np.asarray(error, dtype=np.float64)))


def aurc_random(error: npt.ArrayLike) -> float:
    """Return the :func:`aurc` of a random order: the MAE, at every coverage."""
    return float(np.abs(np.asarray(error, dtype=np.float64)).mean())


def mae_at_coverage(error: npt.ArrayLike, std: npt.ArrayLike, *, coverage: float = KEPT) -> float:
    """Return the MAE of the ``coverage`` share of the rows with the smallest sigma.

    It is one point of :func:`risk_coverage`: what is left when the least certain rows are sent to
    somebody who checks them. Of n rows round(coverage x n) are kept, at least one; equal sigmas
    across that edge enter in proportion.

    Raises:
        ValueError: coverage is not in (0, 1].
    """
    if not 0 < coverage <= 1:
        raise ValueError(f"coverage {coverage} is not in (0, 1]")
    e, s, ones = _ranked(error, std)
    return float(weighted.kept_mean(weighted.Ranking(s), e, ones, share=coverage)[0])


def ause(error: npt.ArrayLike, std: npt.ArrayLike) -> float:
    """Return the area between the sparsification curve and the oracle's, over the MAE.

    0 is the oracle: sigma orders rows as their errors do; :func:`ause_random` is that of a random
    order.
    Source: Ilg et al., ECCV (2018), section 4, curves scaled to start at 1.

    Raises:
        ValueError: every error is 0.
    """
    e, s, ones = _ranked(error, std)
    if not e.any():
        raise ValueError("AUSE is not defined where every error is 0")
    best = weighted.aurc(weighted.Ranking(e), e, ones)[0]
    return float((weighted.aurc(weighted.Ranking(s), e, ones)[0] - best) / e.mean())


def ause_random(error: npt.ArrayLike) -> float:
    """Return the :func:`ause` of a random order, the mark that a useful sigma must beat."""
    return ause(error, np.zeros(np.shape(error)))


def top_errors(error: npt.ArrayLike) -> Bool:
    """Return (n,) whether |error| is among the largest tenth (at least one row; ties included)."""
    e = np.abs(np.asarray(error, dtype=np.float64))
    count = max(1, round(TOP_ERRORS * len(e)))
    return np.asarray(e >= np.sort(e)[-count], dtype=np.bool_)


def error_auroc(error: npt.ArrayLike, std: npt.ArrayLike) -> float:
    """Return the AUROC of sigma as a detector of the largest tenth of the errors.

    Raises:
        ValueError: every row is among the largest errors (they are all equal).
    """
    e, s, ones = _ranked(error, std)
    top = top_errors(e)
    if top.all():
        raise ValueError("the errors are all equal: none is large")
    return float(weighted.auroc(weighted.Ranking(s), top.astype(np.float64), ones)[0])
