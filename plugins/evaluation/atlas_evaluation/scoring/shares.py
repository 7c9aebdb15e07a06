"""Which of several groups have a share below a nominal level. Light: scipy's specials late.

What is counted are materials: one with several rows (of several folds) counts as the share of
these that hold, as they are not independent. A test rounds such a count against its claim.

Two questions that the group with the lowest share does not answer. Is a group below the level by
more than chance? Each is tested, and the p-values are corrected for their number. Do the groups
share one coverage at all? A group that lies below the level and far below all others is named even
where its own materials are too few to prove it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_statistics.binomial import BY_CHANCE, ROUNDING, fisher_below

EXPECTED = 5
"""Expected hits and misses that the chi-square approximation needs in every group."""

TABLES = 9_999
"""Random tables of the same margins that stand in for it; the smallest p is then 1e-4."""


def shortfall_p(hits: float, n: int, level: float, *, calibration: int | None = None) -> float:
    """Return P(at most ``hits`` of n), each material being a hit with the nominal probability.

    The binomial P of ``level``; or, of intervals that were made to hold on so many materials
    of a calibration part, the beta-binomial one: given that part, their coverage of all materials
    is no longer the level but a draw of Beta(k, calibration + 1 - k), k = ceil((calibration + 1)
    level), and less than the level with it is nothing about the group.
    Source: Vovk, ACML, PMLR 25, 475 (2012), proposition 2a.

    Args:
        hits: rounded up where it is no whole number.
        n: materials.
        level: nominal, such as 0.9.
        calibration: materials that the intervals were calibrated on; None where not known.
    """
    from scipy.special import bdtr, betaln, gammaln

    most = math.ceil(hits - ROUNDING)
    k = 0 if calibration is None else math.ceil((calibration + 1) * level - ROUNDING)
    if calibration is None or not 0 < k <= calibration:
        return float(bdtr(most, n, level))
    j = np.arange(most + 1, dtype=np.float64)
    choose = gammaln(n + 1) - gammaln(j + 1) - gammaln(n - j + 1)
    missed = calibration + 1 - k
    terms = choose + betaln(j + k, n - j + missed) - betaln(k, missed)
    return min(1.0, float(np.exp(terms).sum()))


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


def homogeneity_p(hits: Sequence[float], sizes: Sequence[int]) -> float:
    """Return how likely shares as unequal as these are where all groups have one share.

    Pearson's chi-square test; where a group expects fewer than ``EXPECTED`` hits or misses, its
    statistic is held against random tables with the same margins.
    Source: Cochran, Biometrics 10, 417 (1954).
    """
    from scipy.special import chdtrc

    n, inside = np.asarray(sizes, dtype=np.int64), np.rint(hits).astype(np.int64)
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


def shortfalls(
    hits: Mapping[str, float],
    sizes: Mapping[str, int],
    level: float,
    *,
    calibration: int | None = None,
) -> dict[str, Any]:
    """Return which groups lie below a nominal level, as plain JSON.

    A group is ``below`` where its share is lower than the level and either the test against the
    level (:func:`shortfall_p`) says that this is no chance (``p_level``), or the groups differ
    (``homogeneity_p``) and this one is lower than the others together (``p_others``). Both are
    corrected for the number of groups.

    Args:
        hits: group -> materials that hold; a part of one where only some of its rows do.
        sizes: group -> its materials.
        level: nominal, such as 0.9.
        calibration: materials that the intervals were calibrated on; None where not known.

    Returns:
        ``groups`` (how many were tested), ``p_value`` (the smallest ``p_level``),
        ``homogeneity_p``, and ``below``, the most confident first.
    """
    names = list(sizes)
    p_level = holm(
        [shortfall_p(hits[name], sizes[name], level, calibration=calibration) for name in names]
    )
    all_hits, materials = math.fsum(hits.values()), sum(sizes.values())
    uneven = homogeneity_p([hits[name] for name in names], [sizes[name] for name in names])
    p_others = holm(
        [
            fisher_below(hits[name], sizes[name], all_hits - hits[name], materials - sizes[name])
            for name in names
        ]
    )
    below: list[dict[str, Any]] = []
    for name, absolute, relative in zip(names, p_level, p_others, strict=True):
        apart = uneven < BY_CHANCE and relative < BY_CHANCE
        if hits[name] >= level * sizes[name] or not (absolute < BY_CHANCE or apart):
            continue
        others = materials - sizes[name]
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
