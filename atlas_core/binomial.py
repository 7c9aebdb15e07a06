"""Shares of n rows: their interval, and how likely one is by chance. Light: pure Python."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return the interval of a share of n rows (Wilson 1927, 10.1080/01621459.1927.10502953)."""
    z = Z_95
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    # at either end the bound is exact, but for rounding
    return (0.0 if share == 0 else low), (1.0 if share == 1 else high)


def binomial_below(hits: int, n: int, share: float) -> float:
    """Return the probability of ``hits`` or fewer of n where each has the probability ``share``."""
    if hits >= n:
        return 1.0
    if hits < 0 or share >= 1.0:
        return 0.0
    if share <= 0.0:
        return 1.0
    terms = [
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(share)
        + (n - k) * math.log1p(-share)
        for k in range(hits + 1)
    ]
    return min(1.0, math.fsum(math.exp(term) for term in terms))
