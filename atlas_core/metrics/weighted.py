"""Rank statistics of n rows under many resamplings at once: row weights in, one value each out.

A bootstrap resample is a row of counts that says how often each material was drawn; every function
here takes (b, n) counts and returns (b,) values equal to those of the rows repeated that often.
Unit weights give the statistic itself. Ties share their ranks, so the order of rows never matters.
Light: numpy only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8


class Ranking:
    """The ascending order of n scores and where equal scores begin and end.

    Attributes:
        order: (n,) rows from the lowest to the highest score.
        starts: (g,) position in ``order`` where each of the g distinct scores begins.
        group: (n,) which distinct score each *row* has.
    """

    def __init__(self, score: npt.ArrayLike) -> None:
        values = np.asarray(score, dtype=np.float64)
        self.order: I8 = np.argsort(values, kind="stable")
        ordered = values[self.order]
        new = np.ones(len(values), dtype=np.bool_)
        new[1:] = ordered[1:] != ordered[:-1]
        self.starts: I8 = np.flatnonzero(new)
        self.group: I8 = np.empty(len(values), dtype=np.int64)
        self.group[self.order] = np.cumsum(new) - 1

    def sums(self, weights: F8) -> F8:
        """Return (b, g) sums of (b, n) weights over rows of equal score, scores ascending."""
        ordered = weights[:, self.order]
        if len(self.starts) == len(self.order):
            return ordered
        return np.asarray(np.add.reduceat(ordered, self.starts, axis=1), dtype=np.float64)

    def ranks(self, weights: F8) -> F8:
        """Return (b, n) ranks from 1; equal scores share the mean of the ranks they cover."""
        total = self.sums(weights)
        return (np.cumsum(total, axis=1) - total / 2 + 0.5)[:, self.group]


def unit_weights(n: int) -> F8:
    """Return (1, n) weights that count every row once."""
    return np.ones((1, n))


def ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> F8:
    """Return numerator / denominator, NaN where the denominator is 0: undefined, never infinite."""
    top, bottom = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    )
    out = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom != 0)
    return out


def spearman(first: Ranking, second: Ranking, weights: F8) -> F8:
    """Return (b,) Spearman correlations: Pearson's of the mid-ranks. NaN for a constant score."""
    x, y = first.ranks(weights), second.ranks(weights)
    total = weights.sum(axis=1, keepdims=True)
    x = x - ratio((weights * x).sum(axis=1, keepdims=True), total)
    y = y - ratio((weights * y).sum(axis=1, keepdims=True), total)
    wx = weights * x
    covariance = np.einsum("bn,bn->b", wx, y)
    variance_x = np.einsum("bn,bn->b", wx, x)
    variance_y = np.einsum("bn,bn,bn->b", weights, y, y)
    return ratio(covariance, np.sqrt(variance_x * variance_y))


def auroc(ranking: Ranking, positive: F8, weights: F8) -> F8:
    """Return (b,) areas under the ROC curve: P(score of a positive > of a negative), ties half.

    Args:
        ranking: of the scores; positives should score high.
        positive: (n,) 1 for a positive row, else 0.
        weights: (b, n).
    """
    hits = ranking.sums(weights * positive)
    misses = ranking.sums(weights) - hits
    below = np.cumsum(misses, axis=1) - misses / 2
    wins = np.einsum("bg,bg->b", hits, below)
    return ratio(wins, hits.sum(axis=1) * misses.sum(axis=1))


def aupr(ranking: Ranking, positive: F8, weights: F8) -> F8:
    """Return (b,) average precisions: sum over thresholds of (recall step) x precision."""
    hits = ranking.sums(weights * positive)[:, ::-1]
    flagged = np.cumsum(ranking.sums(weights)[:, ::-1], axis=1)
    found = np.cumsum(hits, axis=1)
    precision = np.divide(found, flagged, out=np.zeros_like(found), where=flagged > 0)
    return ratio(np.einsum("bg,bg->b", hits, precision), found[:, -1])


def fpr_at(ranking: Ranking, positive: F8, weights: F8, *, tpr: float) -> F8:
    """Return (b,) shares of negatives flagged where at least ``tpr`` of the positives are found."""
    hits = ranking.sums(weights * positive)[:, ::-1]
    misses = ranking.sums(weights)[:, ::-1] - hits
    found = np.cumsum(hits, axis=1)
    total = found[:, -1]
    first = np.argmax(found >= tpr * total[:, None] - 1e-9, axis=1)  # 0.95 x 20 is 19 exactly
    wrong = np.take_along_axis(np.cumsum(misses, axis=1), first[:, None], axis=1)[:, 0]
    return ratio(np.where(total > 0, wrong, np.nan), misses.sum(axis=1))


def aurc(ranking: Ranking, error: F8, weights: F8) -> F8:
    """Return (b,) areas under the risk-coverage curve.

    The mean over k of the mean error of the k most confident rows.

    The row at position j of N counts in the means k = j..N, so it weighs H_N - H_(j-1), with H the
    harmonic numbers; equal scores are averaged over their positions. Weights must be whole numbers.
    """
    size = ranking.sums(weights)
    errors = ranking.sums(weights * error)
    ends = np.rint(np.cumsum(size, axis=1)).astype(np.int64)
    total = ends[:, -1]
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, total.max() + 1))])
    summed = np.concatenate([[0.0], np.cumsum(harmonic)])  # summed[m] = H_0 + ... + H_(m-1)
    reach = ends * harmonic[total][:, None] - summed[ends]
    share = np.diff(reach, axis=1, prepend=0.0)
    means = np.divide(errors, size, out=np.zeros_like(errors), where=size > 0)
    return ratio(np.einsum("bg,bg->b", means, share), total)


def kept_mean(ranking: Ranking, error: F8, weights: F8, *, share: float) -> F8:
    """Return (b,) mean errors of the ``share`` of the rows with the lowest scores, at least one.

    Of N rows round(share x N) are kept. Equal scores that lie across that edge enter in proportion:
    the mean over their orders. Weights must be whole numbers.
    """
    size = ranking.sums(weights)
    errors = ranking.sums(weights * error)
    ends = np.cumsum(size, axis=1)
    out = np.full(len(weights), np.nan)
    for row in np.flatnonzero(ends[:, -1] > 0):
        kept = max(1.0, float(np.rint(share * ends[row, -1])))
        last = int(np.searchsorted(ends[row], kept))
        part = (kept - ends[row, last] + size[row, last]) / size[row, last]
        out[row] = (errors[row, :last].sum() + part * errors[row, last]) / kept
    return out


def median(ranking: Ranking, values: F8, weights: F8) -> F8:
    """Return (b,) medians of the values that were drawn; ``ranking`` is theirs.

    Of an even number it is the mean of the middle two; NaN where none was drawn. Weights must be
    whole numbers.
    """
    ordered = values[ranking.order]
    reached = np.cumsum(weights[:, ranking.order], axis=1)
    total = reached[:, -1:]
    lower = np.argmax(reached >= np.floor((total + 1) / 2), axis=1)
    upper = np.argmax(reached >= np.ceil((total + 1) / 2), axis=1)
    return np.where(total[:, 0] > 0, (ordered[lower] + ordered[upper]) / 2, np.nan)


def largest(ranking: Ranking, values: F8, weights: F8) -> F8:
    """Return (b,) the largest of the values that were drawn; ``ranking`` is theirs."""
    falling = ranking.order[::-1]
    few = falling[:64]  # a resample lacks all of these once in e^64
    drawn = weights[:, few] > 0
    out: F8 = values[few[np.argmax(drawn, axis=1)]]
    for row in np.flatnonzero(~drawn.any(axis=1)):
        out[row] = values[falling[np.argmax(weights[row, falling] > 0)]]
    return out


def bin_sums(ranking: Ranking, columns: F8, weights: F8, *, bins: int) -> tuple[F8, F8]:
    """Return sums of columns in equal-count bins of the ranked rows.

    Bins follow ``numpy.array_split``; a group of equal scores that lies across an edge is shared in
    proportion, so ties do not depend on the row order.

    Args:
        ranking: of the scores that are binned.
        columns: (c, n) what is summed.
        weights: (b, n) whole numbers.
        bins: how many.

    Returns:
        sums: (b, c, bins).
        sizes: (b, bins) rows in each bin.
    """
    size = ranking.sums(weights)
    ends = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(size, axis=1)], axis=1)
    edges = np.empty((len(weights), bins + 1))
    for row, total in enumerate(ends[:, -1]):
        base, extra = divmod(round(float(total)), bins)
        edges[row] = base * np.arange(bins + 1) + np.minimum(np.arange(bins + 1), extra)
    sums = np.empty((len(weights), len(columns), bins))
    for c, column in enumerate(columns):
        reached = np.cumsum(ranking.sums(weights * column), axis=1)
        reached = np.concatenate([np.zeros((len(weights), 1)), reached], axis=1)
        for row in range(len(weights)):
            sums[row, c] = np.diff(np.interp(edges[row], ends[row], reached[row]))
    return sums, np.diff(edges, axis=1)
