"""Shares of n rows: their interval, and how likely one is. Light: scipy's specials late."""

from __future__ import annotations

import math
from collections.abc import Sequence

Z_95 = 1.959963984540054
BY_CHANCE = 0.05  # probability below which chance is no explanation
ROUNDING = 1e-9  # by which a sum of shares may miss a whole number


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return the interval of a share of n rows (Wilson 1927, 10.1080/01621459.1927.10502953)."""
    z = Z_95
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low, high = max(0.0, center - half), min(1.0, center + half)
    # at either end the bound is exact, but for rounding
    return (0.0 if share == 0 else low), (1.0 if share == 1 else high)


def no_nearer(value: float, low: float, high: float, n: float) -> tuple[float, float]:
    """Return the ends of a share's interval, no nearer than Wilson's of n rows; as they are of 0.

    Args:
        value: the share.
        low: lower end, as resamples have it.
        high: upper end.
        n: rows.
    """
    if not n:
        return low, high
    least, most = wilson(min(max(value, 0.0), 1.0), n)
    return min(low, least), max(high, most)


def binomial_below(hits: int, n: int, share: float) -> float:
    """Return the probability of ``hits`` or fewer of n where each has the probability ``share``."""
    from scipy.special import bdtr

    return float(bdtr(hits, n, share)) if 0 <= hits < n else float(hits >= n)


def fisher_below(hits: float, n: int, other_hits: float, other_n: int) -> float:
    """Return the one-sided P(at most ``hits`` in the first group) given both margins.

    Counts that are not whole are rounded toward each other.
    Source: Fisher, J. R. Stat. Soc. 98, 39 (1935).
    """
    most, others = math.ceil(hits - ROUNDING), math.floor(other_hits + ROUNDING)
    total = most + others

    def log_choose(m: int, k: int) -> float:
        return math.lgamma(m + 1) - math.lgamma(k + 1) - math.lgamma(m - k + 1)

    whole = log_choose(n + other_n, total)
    terms = [
        log_choose(n, k) + log_choose(other_n, total - k) - whole
        for k in range(max(0, total - other_n), most + 1)
    ]
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def surely_least(hits: Sequence[int], sizes: Sequence[int]) -> int | None:
    """Return the group whose share is the lowest, and lower than the others' by more than chance.

    Some group always has the lowest share: Fisher's test of it against all others together is at
    5 % for all groups (Bonferroni).

    Args:
        hits: of each group.
        sizes: of each group, above 0.

    Returns:
        None where it is no more than chance, or there are no two groups.
    """
    if len(sizes) < 2:
        return None
    least = min(range(len(sizes)), key=lambda k: hits[k] / sizes[k])
    others = (sum(hits) - hits[least], sum(sizes) - sizes[least])
    p = fisher_below(hits[least], sizes[least], *others) * len(sizes)
    return least if p < BY_CHANCE else None
