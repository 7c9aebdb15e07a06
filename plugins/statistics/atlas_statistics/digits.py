"""How many digits a figure is written with: as many as its interval bears, everywhere the same.

Light: pure Python.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from atlas_core.printing import counted

MINUS = "\N{MINUS SIGN}"
TIGHT = 0.02
"""Width of the interval of a share from which it is in whole percents."""


def number(value: float | None, *, digits: int = 3) -> str:
    """Return a number with ``digits`` significant digits; "–" where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    return fixed(value, decimals(value, digits=digits))


def all_of(n: int, singular: str, plural: str = "") -> str:
    """Return every one of ``n`` in words: 1 row, both rows, all 3 rows."""
    if n == 2:
        return f"both {plural or singular + 's'}"
    return f"{'all ' if n > 2 else ''}{counted(n, singular, plural)}"


def decimals(value: float, *, digits: int = 3) -> int:
    """Return how many decimals show ``digits`` significant digits; below -5 or above 5: 99."""
    if value == 0 or not math.isfinite(value):
        return 0
    place = math.floor(math.log10(abs(value)))
    return 99 if place < -4 or place > 6 else max(0, digits - 1 - place)


def fixed(value: float, places: int) -> str:
    """Return a number with ``places`` decimals, a real minus sign and thin spaces."""
    if not math.isfinite(value):
        return number(value)
    if places == 99:
        mantissa, exponent = f"{value:.2e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    else:
        text = f"{value:,.{places}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
        if not text.strip("-0."):
            text = text.lstrip("-")
    return text.replace("-", MINUS)


def places(entry: Mapping[str, float]) -> int:
    """Return decimals: two digits of the interval's width, three of the value without one."""
    low, high = entry.get("low"), entry.get("high")
    own = decimals(entry["value"])
    if low is None or high is None or not 0 < high - low < math.inf or own == 99:
        return own
    return min(decimals(high - low, digits=2), max(own, 2))


def shown(entry: Mapping[str, float]) -> str:
    """Return the value of a figure as precise as its interval allows."""
    return fixed(entry["value"], places(entry))


def span(values: Sequence[float]) -> str:
    """Return the lowest to the highest of several values, or the one that all of them are."""
    return " to ".join(dict.fromkeys(number(v, digits=2) for v in (min(values), max(values))))


def auroc(entry: Mapping[str, float]) -> str:
    """Return an area under a ROC curve; never 1 for what is below."""
    text = shown(entry)
    return "above 0.999" if entry["value"] < 1 and float(text) >= 1 else text


def probability(value: float, *, digits: int = 2) -> str:
    """Return a probability with ``digits`` decimals; never 0 or 1, which no model can know."""
    least = 10.0**-digits
    if value < least / 2:
        return f"below {least:.{digits}f}"
    if value >= 1 - least / 2:
        return f"above {1 - least:.{digits}f}"
    return f"{value:.{digits}f}"


def tight(entry: Mapping[str, float]) -> bool:
    """Return whether the interval of a share is so narrow that whole percents hide it."""
    low, high = entry.get("low"), entry.get("high")
    if low is None or high is None or not 0 < entry["value"] < 1:
        return False
    return 0 < high - low < TIGHT - 1e-9


def percentage(share: float, *, tenths: bool = False) -> str:
    """Return a share in percent, without the sign: a decimal only where it matters.

    What is not exactly 0 or 1 is never written as such; a ratio may be above 1.

    Args:
        share: from 0 on.
        tenths: whether its interval is ``tight``, which takes a decimal.
    """
    if share in {0, 1} or 0.01 <= share <= 0.99 or share >= 1.01:
        return f"{100 * share:.{int(tenths and share not in {0, 1})}f}"
    text = f"{100 * share:.1f}"
    if text == "100.0" and share < 1:
        return "more than 99.9"
    return "less than 0.1" if text == "0.0" and share > 0 else text
