"""Numbers, names and formulas as a reader of a page wants them. Light."""

from __future__ import annotations

import math
import re
from urllib.parse import quote

from markupsafe import Markup, escape

from atlas_core import printing
from atlas_statistics import digits

decimals, fixed, number = digits.decimals, digits.fixed, digits.number
count, listed = printing.counted, printing.listed
NARROW = "\N{NARROW NO-BREAK SPACE}"
ALLOY, ROUNDED, TRACE = 4, 0.02, 0.05
"""Elements of an alloy, by how much its fractions may miss 1, and at% of what is not a trace."""
_AMOUNT = re.compile(r"([A-Z][a-z]?)_?(\d*\.?\d*(?:e[-+]?\d+)?)")
_ALLOY = re.compile(rf"(?:{_AMOUNT.pattern})+")


def percent(value: float, *, tenths: bool = False) -> str:
    """Return a share as a percentage, with a decimal only where 1 % would hide it, or asked for."""
    return (
        f"{digits.percentage(value, tenths=tenths)}{NARROW}%"
        if math.isfinite(value)
        else number(value)
    )


def chance(value: float) -> str:
    """Return a probability in percent; never 0 or 100, which no model can know."""
    return percent(min(max(value, 1e-9), 1 - 1e-9))


def percent_of_level(level: float) -> str:
    """Return a coverage level as an exact percentage: two levels never read the same."""
    return f"{100 * level:.12g}{NARROW}%"


def slug(text: str) -> str:
    """Return text as a part of an id or a file name: letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def linked(material: str, url: str) -> str | Markup:
    """Return an id as a link to the page of its material, alone where a data set names none.

    Args:
        material: id.
        url: of a page, with ``{id}``; a checked one (:class:`atlas_core.data.meaning.Meaning`).
    """
    if not url:
        return material
    place = url.replace("{id}", quote(material, safe=""))
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(place, material)


def alloy(text: str) -> str:
    """Return the formula of an alloy in at%, the main element first; others as they are.

    An alloy is a formula of fractions that add up to 1 of at least four elements, or any with an
    amount that needs an exponent. Amounts are rounded; those below 0.05 at% are named as traces.
    """
    if "." not in text or not _ALLOY.fullmatch(text):
        return text
    amounts: dict[str, float] = {}
    for symbol, amount in _AMOUNT.findall(text):
        amounts[symbol] = amounts.get(symbol, 0.0) + float(amount or 1)
    total = sum(amounts.values())
    fractions = len(amounts) >= ALLOY and abs(total - 1) <= ROUNDED
    if not fractions and not any("e" in amount for _, amount in _AMOUNT.findall(text)):
        return text
    (first, _), *others = sorted(amounts.items(), key=lambda one: -one[1])
    percents = {symbol: 100 * amount / total for symbol, amount in others}
    shown = [f"{round(p, 1):g}{s}" for s, p in percents.items() if p >= TRACE]
    traces = ", ".join(symbol for symbol, p in percents.items() if p < TRACE)
    return f"{'-'.join([first, *shown])}{f' + {traces}' if traces else ''} (at%)"


def formula(text: str) -> Markup:
    """Return a formula with its amounts as subscripts, an alloy in at%, escaped."""
    safe = str(escape(alloy(text)))
    return Markup(re.sub(r"(?<=[A-Za-z)\]])(\d+\.?\d*)", r"<sub>\1</sub>", safe))  # noqa: S704 - escaped above
