"""Do the signed errors of groups lie from 0 by more than chance? Light: numpy, scipy's stats late.

Student's interval of a mean holds where a few errors are much larger than the others, but not
where large errors lie on one side only; the ranks of signed errors know no size, but take a skewed
distribution for one that is shifted. A bias is reported where both say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlas_core.arrays import F8
from atlas_evaluation.scoring.ranked import FEWEST
from atlas_statistics.bootstrap import CONFIDENCE


@dataclass(frozen=True)
class Bias:
    """The mean signed error of a group.

    Attributes:
        mean: of its observations.
        ends: of the interval of the mean, as wide as the number of groups asks for; None where the
            group has too few observations.
        off: whether the mean lies from 0 by more than chance.
    """

    mean: float
    ends: tuple[float, float] | None
    off: bool

    def as_dict(self) -> dict[str, float | bool]:
        """Return plain JSON; ``low`` and ``high`` are absent where there is no interval."""
        found: dict[str, float | bool] = {"mean_error": self.mean, "off": self.off}
        if self.ends is not None:
            found |= {"low": self.ends[0], "high": self.ends[1]}
        return found


def biases(groups: Sequence[F8]) -> list[Bias]:
    """Return the mean of each group, and which lie from 0 by more than chance.

    A group is off where Student's interval of its mean excludes 0 and Wilcoxon's signed-rank test
    rejects symmetry about 0, each at 5 % over the number of groups of ``FEWEST`` observations or
    more (Bonferroni), so that at most one table in twenty marks a group without a bias.
    Source: Wilcoxon, Biometrics Bulletin 1, 80 (1945).

    Args:
        groups: (m,) signed errors of each, one an observation; none empty.
    """
    tested = sum(len(values) >= FEWEST for values in groups)
    limit = (1 - CONFIDENCE) / max(1, tested)
    return [_bias(values, limit) for values in groups]


def _bias(values: F8, limit: float) -> Bias:
    from scipy.stats import t, wilcoxon

    mean, m = float(values.mean()), len(values)
    if m < FEWEST:
        return Bias(mean, None, off=False)
    half = float(t.ppf(1 - limit / 2, m - 1) * values.std(ddof=1) / np.sqrt(m))
    apart = abs(mean) > half and float(wilcoxon(values).pvalue) < limit
    return Bias(mean, (mean - half, mean + half), off=apart)
