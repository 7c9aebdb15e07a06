"""Which of several groups have a share below a promised level. Light: scipy's specials late.

Two questions that the group with the lowest share does not answer. Is a group below the level by
more than chance? Each is tested, and the p-values are corrected for their number. Do the groups
share one coverage at all? A group that lies below the level and far below all others is named even
where its own rows are too few to prove it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8

DOUBTFUL = 0.05
"""Probability below which chance is no explanation."""

EXPECTED = 5
"""Expected hits and misses that the chi-square approximation needs in every group."""

TABLES = 9_999
"""Random tables of the same margins that stand in for it; the smallest p is then 1e-4."""


def shortfall_p(hits: int, n: int, level: float) -> float:
    """Return the binomial P(at most ``hits`` of n), each row being a hit with ``level``."""
    from scipy.special import bdtr

    return float(bdtr(hits, n, level))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number; the smallest is multiplied by it.

    Source: Holm, Scand. J. Stat. 6, 65 (1979).
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(raised, 1.0)
    return [float(v) for v in out]


def fisher_below(hits: int, n: int, other_hits: int, other_n: int) -> float:
    """Return the one-sided P(at most ``hits`` in the first group) given both margins.

    Source: Fisher, J. R. Stat. Soc. 98, 39 (1935).
    """
    from scipy.special import gammaln

    total = hits + other_hits
    k = np.arange(max(0, total - other_n), hits + 1, dtype=np.float64)

    def log_choose(m: int, drawn: F8) -> F8:
        value = gammaln(m + 1) - gammaln(drawn + 1) - gammaln(m - drawn + 1)
        return np.asarray(value, dtype=np.float64)

    terms = log_choose(n, k) + log_choose(other_n, total - k)
    whole = log_choose(n + other_n, np.array([float(total)]))[0]
    return min(1.0, float(np.exp(terms - whole).sum()))


def homogeneity_p(hits: Sequence[int], sizes: Sequence[int]) -> float:
    """Return how likely shares as unequal as these are where all groups have one share.

    Pearson's chi-square test; where a group expects fewer than ``EXPECTED`` hits or misses, its
    statistic is held against random tables with the same margins.
    Source: Cochran, Biometrics 10, 417 (1954).
    """
    from scipy.special import chdtrc

    n, inside = np.asarray(sizes, dtype=np.int64), np.asarray(hits, dtype=np.int64)
    missed = int((n - inside).sum())
    share = missed / int(n.sum())
    if len(n) < 2 or not 0 < share < 1:
        return 1.0

    def statistic(misses: I8) -> F8:
        gaps = (misses - n * share) ** 2 / (n * share * (1 - share))
        return np.asarray(gaps.sum(axis=-1), dtype=np.float64)

    own = float(statistic(n - inside))
    if min(share, 1 - share) * int(n.min()) >= EXPECTED:
        return float(chdtrc(len(n) - 1, own))
    rng = np.random.default_rng(0)
    drawn = rng.multivariate_hypergeometric(n, missed, size=TABLES, method="marginals")
    as_far = int((statistic(drawn) >= own * (1 - 1e-12)).sum())
    return (1 + as_far) / (1 + TABLES)


def shortfalls(hits: Mapping[str, int], sizes: Mapping[str, int], level: float) -> dict[str, Any]:
    """Return which groups lie below a promised level, as plain JSON.

    A group is ``below`` where its share is lower than the level and either the binomial test
    against the level says that this is no chance (``p_level``), or the groups differ
    (``homogeneity_p``) and this one is lower than the others together (``p_others``). Both are
    corrected for the number of groups.

    Args:
        hits: group -> rows that hold.
        sizes: group -> its rows.
        level: the promise.

    Returns:
        ``groups`` (how many were tested), ``p_value`` (the smallest ``p_level``),
        ``homogeneity_p``, and ``below``, the most certain first.
    """
    names = list(sizes)
    p_level = holm([shortfall_p(hits[name], sizes[name], level) for name in names])
    all_hits, rows = sum(hits.values()), sum(sizes.values())
    uneven = homogeneity_p([hits[name] for name in names], [sizes[name] for name in names])
    p_others = holm(
        [
            fisher_below(hits[name], sizes[name], all_hits - hits[name], rows - sizes[name])
            for name in names
        ]
    )
    below: list[dict[str, Any]] = []
    for name, absolute, relative in zip(names, p_level, p_others, strict=True):
        apart = uneven < DOUBTFUL and relative < DOUBTFUL
        if hits[name] >= level * sizes[name] or not (absolute < DOUBTFUL or apart):
            continue
        others = rows - sizes[name]
        below.append(
            {
                "group": name,
                "n": sizes[name],
                "hits": hits[name],
                "p_level": absolute,
                "p_others": relative,
                "others_n": others,
                "others_hits": all_hits - hits[name],
            }
        )
    below.sort(key=lambda one: (min(one["p_level"], one["p_others"]), one["group"]))
    return {
        "groups": len(names),
        "p_value": min(p_level),
        "homogeneity_p": uneven,
        "below": below,
    }
