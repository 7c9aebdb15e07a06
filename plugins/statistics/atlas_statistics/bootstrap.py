"""Confidence intervals by resampling materials, and paired comparisons of two models. Light.

A resample of n materials is a row of multinomial counts; the mean of a column over all resamples
is then one matrix product, and rank statistics take the same counts (:mod:`.weighted`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8
from atlas_statistics.binomial import no_nearer

CONFIDENCE = 0.95
RESAMPLES = 1000
RANK_RESAMPLES = 200  # rank statistics cost ten times as much; 200 fix a 95 % end to about 5 %
ROUNDING = 1e-9  # share of a figure by which two sums of the same numbers may differ
FEW_MATERIALS = 10  # resamples of fewer do not vary as other materials would
BLOCK = 2**21  # counts held at once: 16 MB, which bounds memory at 100,000 rows


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval, low <= value <= high."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """Return plain JSON types."""
        return asdict(self)


def resample(materials: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int) -> Iterator[F8]:
    """Yield blocks of (b, n) counts, ``resamples`` rows in all.

    Args:
        materials: (n,) number of the material each row belongs to, 0 to m - 1; rows of one
            material (one id in several folds) are drawn together, as they are not independent.
        resamples: how many in all.
        seed: the same seed gives the same counts.
    """
    of = np.asarray(materials, dtype=np.int64)
    if not len(of):
        raise ValueError("nothing to resample")
    m = int(of.max()) + 1
    identity = m == len(of) and bool((of == np.arange(m)).all())
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK // len(of))
    for start in range(0, resamples, block):
        b = min(block, resamples - start)
        drawn = rng.integers(0, m, size=(b, m)) + np.arange(b)[:, None] * m
        counts = np.bincount(drawn.ravel(), minlength=b * m).reshape(b, m).astype(np.float64)
        yield counts if identity else counts[:, of]


def numbered(ids: npt.NDArray[np.str_]) -> I8:
    """Return (n,) numbers of the distinct ids in order of first appearance."""
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    place = np.empty(len(first), dtype=np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return place[inverse.ravel()]


def percentile_ends(draws: npt.ArrayLike) -> tuple[float, float] | None:
    """Return the ends of the percentile interval of bootstrap draws.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

    Returns:
        None where a draw is undefined (a resample without the rarer class has no AUROC): the draws
        that are left are those with more of what is rare, and vary less than other materials would.
    """
    values = np.asarray(draws, dtype=np.float64)
    if not len(values) or not np.isfinite(values).all():
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def percentile_interval(value: float, draws: npt.ArrayLike) -> Interval | None:
    """Return the percentile interval of bootstrap draws around an estimate.

    Distances that cannot be negative (miscalibration area, ENCE) are larger in resamples than in
    the data; where the percentiles do not hold the estimate, they are no interval of it, and none
    is given: an end moved to the estimate would claim an accuracy that nobody measured.

    Returns:
        None where the estimate or a draw is undefined, or the percentiles leave it out.
    """
    ends = percentile_ends(draws)
    if ends is None or not np.isfinite(value):
        return None
    low, high = ends
    rounding = ROUNDING * max(abs(value), abs(low), abs(high))
    if not low - rounding <= value <= high + rounding:
        return None
    return Interval(float(value), min(low, float(value)), max(high, float(value)))


def share_interval(interval: Interval, n: float) -> Interval:
    """Return the interval of a share of n rows, never narrower than Wilson's.

    Resamples of rows that all hold never differ, and those of rows that nearly all do differ too
    little: their percentiles would claim to know the share of all materials from a few.
    """
    return Interval(interval.value, *no_nearer(interval.value, interval.low, interval.high, n))


def order_interval(interval: Interval, smaller: Sequence[int]) -> Interval | None:
    """Return the interval of an AUROC or its kin, of materials of two classes.

    Resamples of two classes that never overlap never overlap either, and those of a single material
    never differ: their percentiles would claim that no other material does. The variance of an
    AUROC A is at most A (1 - A) over the size of the smaller class (Birnbaum & Klose, Ann. Math.
    Stat. 28, 933 (1957)), that of a share; of a mean of k over folds, over k^2 / sum(1 / size). The
    interval is no nearer than Wilson's of that size where the percentiles have no width or a fold
    has few materials of a class.

    Args:
        interval: of the percentiles.
        smaller: materials of the smaller class, in each fold that the figure is the mean of.

    Returns:
        None where that size is below ``FEW_MATERIALS``.
    """
    if not min(smaller):
        return None
    size = len(smaller) ** 2 / sum(1 / n for n in smaller)
    if size < FEW_MATERIALS:
        return None
    seen = interval.low < interval.high and min(smaller) >= FEW_MATERIALS
    return interval if seen else share_interval(interval, size)


def stands_out(values: npt.ArrayLike, errors: npt.ArrayLike, sizes: npt.ArrayLike) -> int | None:
    """Return which of k figures lies above the mean of the others by more than chance, or None.

    Some figure is always the largest. It is held against the others' mean by a one-sided z-test at
    5 % for all k together (Bonferroni).

    Args:
        values: (k,) figures, each of other materials.
        errors: (k,) their standard errors.
        sizes: (k,) materials of each; one of fewer than ``FEW_MATERIALS``, whose error is not known
            either, is left out.
    """
    known = np.flatnonzero(np.asarray(sizes) >= FEW_MATERIALS)
    v, e = (np.asarray(own, dtype=np.float64)[known] for own in (values, errors))
    k = len(known)
    if k < 2:
        return None
    first = int(np.argmax(v))
    others = np.arange(k) != first
    gap = float(v[first] - v[others].mean())
    error = float(np.hypot(e[first], np.sqrt(np.square(e[others]).sum()) / (k - 1)))
    surely = gap > 0 and gap >= NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / k) * error
    return int(known[first]) if surely else None  # a gap or an error that is NaN shows nothing


def _means(column: F8, *, seed: int, resamples: int, materials: npt.ArrayLike | None = None) -> F8:
    rows = np.arange(len(column)) if materials is None else materials
    blocks = resample(rows, resamples=resamples, seed=seed)
    return np.concatenate([counts @ column / counts.sum(axis=1) for counts in blocks])


@dataclass(frozen=True)
class PairedDifference:
    """Compare the errors of two models on the same rows.

    Attributes:
        n: rows.
        difference: mean of first - second; negative: the first errs less.
        low: lower end of the 95 % interval of the difference.
        high: its upper end.
        p_value: two-sided, of no difference.
        share_better: share of rows where the first errs less; ties count half.
    """

    n: int
    difference: float
    low: float
    high: float
    p_value: float
    share_better: float

    def as_dict(self) -> dict[str, float]:
        """Return plain JSON types."""
        return asdict(self)


def pair(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[F8, F8]:
    """Return both as (n,) float arrays.

    Raises:
        ValueError: they differ in length, are empty, or hold a value that is not finite.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError(f"expected two error vectors of one length > 0: {a.shape}, {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("an error is not finite")
    return a, b


def paired_difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    materials: npt.ArrayLike | None = None,
) -> PairedDifference:
    """Return mean(first - second) of two error vectors on the same rows, with its interval.

    Both errors of a row are drawn together, so what rows have in common (hard materials) cancels.

    Args:
        first: (n,) errors of one model.
        second: (n,) errors of the other.
        seed: of the resampling.
        resamples: how many.
        materials: (n,) number of each row's material where some have several rows.
    """
    a, b = pair(first, second)
    draws = _means(a - b, seed=seed, resamples=resamples, materials=materials)
    ends = percentile_ends(draws)
    if ends is None:  # pair has refused what is not finite
        raise ValueError("the difference is not finite")
    return PairedDifference(
        n=len(a),
        difference=float((a - b).mean()),
        low=ends[0],
        high=ends[1],
        p_value=_bootstrap_p(draws),
        share_better=float(((a < b) + 0.5 * (a == b)).mean()),
    )


def _bootstrap_p(draws: F8) -> float:
    """Return 2 x the smaller share of draws on one side of 0, never below 2 / (B + 1)."""
    smaller = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return min(1.0, 2 * (1 + smaller) / (len(draws) + 1))
