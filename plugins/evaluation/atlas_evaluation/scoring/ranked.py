"""Do groups of observations rank apart from the others? Light: numpy, scipy's specials late.

Sizes of errors are skewed, each model's in its own way: Student's t of a few of them errs far more
often than it says. Ranks have one distribution whatever the errors have.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8
from atlas_core.metrics import weighted

FEWEST = 10
"""Observations that a group needs to be distinguished."""


def normal_scores(values: npt.ArrayLike) -> F8:
    """Return (n,) Gaussian quantiles of the ranks, rank / (n + 1); equal values share their rank.

    Source: van der Waerden, Indag. Math. 14, 453 (1952).
    """
    from scipy.stats import norm, rankdata

    ranks = rankdata(values)
    return np.asarray(norm.ppf(ranks / (len(ranks) + 1)), dtype=np.float64)


def apart_p(scores: F8, sums: F8, sizes: F8) -> F8:
    """Return (g,) two-sided p of groups drawn from all observations by chance, corrected.

    The mean of m of n scores drawn without replacement has the variance s^2 / m (1 - m / n), and of
    Gaussian scores a Gaussian distribution also far from its mean. Corrected for the number of
    groups of ``FEWEST`` or more (Bonferroni); 1 for smaller ones and for one that is everything.

    Args:
        scores: (n,) of :func:`normal_scores`.
        sums: (g,) of the scores of each group; an observation may be in several.
        sizes: (g,) observations of each.
    """
    from scipy.stats import norm

    n = len(scores)
    tested = (sizes >= FEWEST) & (sizes < n)
    m = np.where(tested, sizes, 1.0)
    error = np.sqrt(scores.var(ddof=1) / m * (1 - m / n)) if n > 1 else np.zeros(len(m))
    far = np.abs(weighted.ratio(sums / m - scores.mean(), error))
    p = 2 * norm.cdf(-np.where(np.isfinite(far), far, 0.0)) * max(1, int(tested.sum()))
    return np.where(tested, np.minimum(p, 1.0), 1.0)
