"""Say whether sigma has the size of the errors, and whether it knows which are large.

Sigma is judged by quantiles of |error| / sigma: their mean square is carried by single rows. What
lies in the tail is reported beside. Light: pure Python.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from atlas_core.judgement import Figure, at_least_by_chance, of_share
from atlas_core.metrics import digits

WITHIN = 0.6827  # share of a Gaussian within one sigma
MEDIAN = 0.6745  # median of |z| of a Gaussian: its upper quartile
FAR_SHARE = 5.733e-7  # share of a Gaussian beyond five sigma, both sides
RARE = 0.025  # probability below which rows beyond five sigma are no chance
HONEST_SIGMA = (0.8, 1.25)  # times the right size; a quarter off either way is fine
MANY_TIMES = 100  # from which a sigma is far too small or large, whatever the number
A_LITTLE = 1.05  # below which the number would read 1.0 times
ORDERS = 0.3  # rank correlation of |error| with sigma; a perfect sigma reaches about 0.5 to 0.7
ORDERS_WEAKLY = 0.1  # below it sigma says nothing of which errors are large

Size = Literal["too small", "too large", "right", "unclear", "other shape"]


@dataclass(frozen=True)
class Sigma:
    """Hold how large the errors of one part are in units of sigma.

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
            return "too small"
        if within == "above" and factor == "below" and self.factor.low < few:
            return "too large"
        if within and within == factor:  # many within one sigma, and yet a large median
            return "other shape"
        return "right" if few <= self.factor.low and self.factor.high <= many else "unclear"

    @property
    def factor(self) -> Figure:
        """Return the typical error over that of a Gaussian of this sigma: 2 is a sigma of half."""
        return self.median.over(MEDIAN)

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


def size_sentences(
    inside: Sigma | None, outside: Sigma | None, others: str, *, bars: bool
) -> list[str]:
    """Say what size sigma has in-domain, then its tail.

    Args:
        inside: in-domain.
        outside: of the held-out class, where there is one.
        others: the held-out class in words.
        bars: whether intervals exist, which say it better: a sigma that may be right is then
            passed over.
    """
    if inside is None:
        return []
    size, sentences = inside.size, []
    figures = (
        f"one sigma holds {_percent(inside.within)} of in-domain materials"
        f" (of a Gaussian 68 %), and half of the errors are at most {inside.median.with_interval}"
        " sigma (0.67)"
    )
    if size in ("too small", "too large"):
        opening = (
            "Do not read its sigma as a standard deviation: for most materials it"
            if bars
            else ("Its sigma")
        )
        most = "" if bars else " for most materials in-domain"
        sentences.append(f"{opening} is {_times_off(inside)} {size}{most}: {figures}.")
    elif size == "other shape":
        sentences.append(f"Its errors do not follow a Gaussian of its sigma: {figures}.")
    elif not bars and size == "right":
        sentences.append(f"Its sigma is about right in-domain: {figures}.")
    elif not bars:
        sentences.append(f"The test cannot tell whether its sigma has the right size: {figures}.")
    if outside is not None and not bars:
        sentences.append(
            f"On {others} one sigma holds {_percent(outside.within)}, and half of the errors are"
            f" at most {outside.median.with_interval} sigma."
        )
    for sigma, where in ((inside, "in-domain materials"), (outside, others)):
        if sigma is not None and sigma.tail:
            sentences.append(_tail(sigma, where))
    return sentences


def _times_off(sigma: Sigma) -> str:
    """Say by how many times sigma is too small or too large; errors of 0 make it any number."""
    typical = sigma.factor.value
    times = typical if typical >= 1 else math.inf if typical == 0 else 1 / typical
    if times < A_LITTLE:
        return "a little"
    return f"about {times:.1f} times" if times < MANY_TIMES else "far"


def _tail(sigma: Sigma, where: str) -> str:
    lies = "lies" if sigma.far == 1 else "lie"
    text = f"{sigma.far} of {sigma.rows} {where} {lies} beyond 5 sigma"
    text += " (of a Gaussian 1 in 1.7 million)"
    if sigma.rms is not None and sigma.rms.side(1.0) == "above":
        text += f"; the root mean square error is {sigma.rms.with_interval} sigma"
    return f"{text}."


def order_sentences(inside: Figure | None, outside: Figure | None, others: str) -> list[str]:
    """Say whether a larger sigma means a larger error within one class.

    Args:
        inside: rank correlation of |error| with sigma in-domain.
        outside: of the held-out class, where there is one.
        others: the held-out class in words.
    """
    if inside is None or not inside.known:
        return []
    shown = f"rank correlation {_signed(inside.value)}, 95 % interval {_ends(inside)}"
    text = f"In-domain a larger sigma {_how(inside)} ({shown})"
    if outside is not None and outside.known:
        text += f"; among {others} it {_how(outside)} ({_signed(outside.value)}, {_ends(outside)})"
    return [f"{text}."]


def _how(rho: Figure) -> str:
    if rho.low > 0:
        return f"{'hardly ' if rho.high < ORDERS else ''}goes with a larger error"
    if rho.high < 0:
        return "goes with a smaller error"
    if rho.high < ORDERS_WEAKLY:
        return "does not go with a larger error"
    return "may or may not go with a larger error"


def _ends(rho: Figure) -> str:
    return f"{_signed(rho.low)} to {_signed(rho.high)}"


def _signed(value: float) -> str:
    """Return two decimals with a true minus sign, and no sign on zero."""
    text = f"{value:.2f}".replace("-", digits.MINUS)
    return "0.00" if text == f"{digits.MINUS}0.00" else text


def _percent(share: Figure) -> str:
    """Return a share with its interval, in percent."""
    ends = f"{digits.percentage(share.low)} to {digits.percentage(share.high)}"
    return f"{digits.percentage(share.value)} % ({ends} %)"
