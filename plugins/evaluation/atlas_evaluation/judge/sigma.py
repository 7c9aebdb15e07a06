"""Whether sigma has the size of the errors, and whether it knows which are large.

Sigma is evaluated by quantiles of |error| / sigma: their mean square is dominated by single rows.
The tail is reported separately.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from atlas_evaluation.judge.answers import ENOUGH_OF_CLASS
from atlas_evaluation.judge.figures import Figure, of_share
from atlas_evaluation.judge.finding import Finding

WITHIN = 0.6827  # share of a Gaussian within one sigma
MEDIAN = 0.6745  # median of |z| of a Gaussian: its upper quartile
FAR_SHARE = 5.733e-7  # share of a Gaussian beyond five sigma, both sides
RARE = 0.025  # probability below which rows beyond five sigma are no chance
HONEST_SIGMA = (0.8, 1.25)  # times the right size; a quarter off either way is fine
MANY_TIMES = 100  # from which a sigma is far too small or large, whatever the number
A_LITTLE = 1.05  # below which the number would read 1.0 times
ORDERS = 0.3  # rank correlation of |error| with sigma; a perfect sigma reaches about 0.5 to 0.7
ORDERS_WEAKLY = 0.1  # below it sigma says nothing of which errors are large

Size = Literal["too_small", "too_large", "right", "unclear", "other_shape"]


@dataclass(frozen=True)
class Sigma:
    """How large the errors of one part are in units of sigma.

    Attributes:
        within: share of the rows within one sigma.
        median: median of |error| / sigma.
        rms: root mean square of error / sigma; None where it is not known.
        far: rows beyond five sigma.
        rows: that have a sigma.
    """

    within: Figure
    median: Figure
    rms: Figure | None
    far: int
    rows: int

    @property
    def size(self) -> Size:
        """Judge the size of sigma by both quantiles; only what both intervals exclude is said."""
        within, factor = self.within.side(WITHIN), self.factor.side(1.0)
        few, many = HONEST_SIGMA
        if within == "below" and factor == "above" and self.factor.high > many:
            return "too_small"
        if within == "above" and factor == "below" and self.factor.low < few:
            return "too_large"
        if within and within == factor:  # many within one sigma, and yet a large median
            return "other_shape"
        return "right" if few <= self.factor.low and self.factor.high <= many else "unclear"

    @property
    def factor(self) -> Figure:
        """Return the typical error over that of a Gaussian of this sigma: 2 is a sigma of half."""
        return self.median.over(MEDIAN)

    @property
    def off(self) -> dict[str, float | str]:
        """Return by how many times sigma is too small or too large; errors of 0: any number."""
        if self.size not in ("too_small", "too_large"):
            return {}
        typical = self.factor.value
        times = typical if typical >= 1 else math.inf if typical == 0 else 1 / typical
        if A_LITTLE <= times < MANY_TIMES:
            return {"times": times}
        return {"extent": "little" if times < A_LITTLE else "far"}

    @property
    def tail(self) -> bool:
        """Return whether more rows lie beyond five sigma than chance puts there."""
        return at_least_by_chance(self.far, self.rows, FAR_SHARE) < RARE


def sigma_of(metrics: Mapping[str, Figure], n: int) -> Sigma | None:
    """Return what is known of sigma's size in a part, None where nothing is.

    Args:
        metrics: of the part.
        n: rows that have a sigma.
    """
    within, median = metrics.get("within_1_sigma"), metrics.get("median_z")
    far, zms = metrics.get("beyond_5_sigma"), metrics.get("zms")
    if within is None or median is None or not median.known or not n:
        return None
    rms = None if zms is None else Figure(*(math.sqrt(v) for v in (zms.value, zms.low, zms.high)))
    count = 0 if far is None else round(far.value * n)
    return Sigma(of_share(within, n), median, rms, count, n)


def at_least_by_chance(count: int, n: int, share: float) -> float:
    """Return the probability of ``count`` rows or more of n, of a rare kind (Poisson)."""
    from scipy.special import pdtrc

    return float(pdtrc(count - 1, n * share)) if count else 1.0


def size(inside: Sigma | None, outside: Sigma | None, *, bars: bool) -> Iterator[Finding]:
    """Yield what size sigma has in-domain, then its tail.

    Args:
        inside: in-domain.
        outside: of the held-out class, where there is one.
        bars: whether intervals exist, which say it better: a sigma that may be right is then
            passed over.
    """
    if inside is None:
        return
    if not bars or inside.size not in ("right", "unclear"):
        yield Finding.of(
            f"sigma_{inside.size}", within=inside.within, median=inside.median, **inside.off,
            intervals=bars or None,
        )  # fmt: skip
    if outside is not None and not bars:
        yield Finding.of("sigma_held_out", within=outside.within, median=outside.median)
    for part, sigma in (("in_domain", inside), ("held_out", outside)):
        if sigma is not None and sigma.tail:
            rms = sigma.rms if sigma.rms is not None and sigma.rms.side(1.0) == "above" else None
            yield Finding.of("sigma_tail", part=part, far=sigma.far, rows=sigma.rows, rms=rms)


def order(inside: Figure | None, outside: Figure | None) -> Iterator[Finding]:
    """Yield whether a larger sigma means a larger error within one class.

    Args:
        inside: rank correlation of |error| with sigma in-domain.
        outside: of the held-out class, where there is one.
    """
    if inside is None or not inside.known:
        return
    yield Finding.of(f"sigma_order_{_order(inside)}", part="in_domain", rank_correlation=inside)
    if outside is not None and outside.known:
        yield Finding.of(
            f"sigma_order_{_order(outside)}", part="held_out", rank_correlation=outside
        )


def _order(rho: Figure) -> str:
    if rho.low > 0:
        return "weak" if rho.high < ORDERS else "right"
    if rho.high < 0:
        return "reversed"
    return "none" if rho.high < ORDERS_WEAKLY else "unclear"


@dataclass(frozen=True)
class WrongAnswers:
    """How well sigma separates wrong answers from right ones.

    Attributes:
        area: AUROC of sigma for wrong answers.
        wrong: wrong answers.
        n: all of them.
    """

    area: Figure
    wrong: int
    n: int

    @property
    def few(self) -> tuple[int, str] | None:
        """Return how many there are of which there are too few; None where there are enough."""
        fewer, kind = min((self.wrong, "wrong"), (self.n - self.wrong, "right"))
        return None if fewer >= ENOUGH_OF_CLASS and self.area.known else (fewer, kind)

    @property
    def state(self) -> str:
        """Return what sigma is at wrong answers."""
        if self.area.low > 0.5:
            return "larger"
        if self.area.high < 0.5:
            return "smaller"
        return "same" if self.area.low == self.area.high else "unclear"


def at_wrong_answers(
    inside: WrongAnswers | None, outside: WrongAnswers | None
) -> Iterator[Finding]:
    """Yield whether a larger sigma goes with wrong answers.

    Args:
        inside: in-domain.
        outside: of the held-out class, where there is one.
    """
    parts = {"in_domain": inside, "held_out": outside} if inside is not None else {}
    for part, found in parts.items():
        if found is not None and found.few:
            count, kind = found.few
            yield Finding.of("wrong_answers_few", part=part, count=count, kind=kind)
        elif found is not None:
            yield Finding.of(f"sigma_at_wrong_{found.state}", part=part, auroc=found.area)
