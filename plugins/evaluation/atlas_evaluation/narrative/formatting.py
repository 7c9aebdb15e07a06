"""How numbers and names are written in sentences: the filters of the templates."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from atlas_core.printing import counted, listed
from atlas_statistics import digits

NAMED = 4
"""Most classes that a sentence names; more are counted."""
VIEWS = {"fractions": "element fractions", "statistics": "element properties"}

Entry = Mapping[str, float]

# --- numbers ----------------------------------------------------------------------------------


def number(value: float, *, like: float | None = None) -> str:
    """Return a value with two significant digits, whole from 10 on.

    Args:
        value: what is written.
        like: take the decimals that this value would have (an interval takes its estimate's).
    """
    size = abs(value if like is None else like)
    if not size:
        return f"{value:g}"
    if size < 1e-4:
        return f"{value:.1e}"
    rounded = float(f"{size:.1e}")  # 9.96 is 10, which needs no decimal
    return digits.fixed(value, max(0, 1 - math.floor(math.log10(rounded))))


def whole(given: Any) -> Any:
    """Return a count with thin spaces between its thousands, and all else as it is."""
    return digits.fixed(given, 0) if type(given) is int else given


def percent(share: float, *, tenths: bool = False) -> str:
    """Return a share in percent; never 0 or 100 for what is not exactly that."""
    return f"{digits.percentage(share, tenths=tenths)} %"


def _value(given: Any) -> float:
    return float(given["value"] if isinstance(given, Mapping) else given)


def _share(given: Any) -> str:
    return percent(_value(given), tenths=isinstance(given, Mapping) and digits.tight(given))


def _pct_ends(entry: Entry) -> str:
    return _ends(lambda end: percent(end, tenths=digits.tight(entry)))(entry)


def _stated(probability: float) -> str:
    """Return a probability that a model states in percent; never 0 or 100, which none can know."""
    return percent(min(max(probability, 1e-9), 1 - 1e-9))


def _ends(write: Callable[[float], str]) -> Callable[[Entry], str]:
    return lambda entry: f"{write(entry['low'])} to {write(entry['high'])}"


def _interval(entry: Entry) -> str:
    places = digits.places(entry)
    return _ends(lambda end: digits.fixed(end, places))(entry)


def _two_ends(entry: Entry) -> str:
    """Return the ends of a ratio's interval, with the decimals of the ratio."""
    low = number(entry["low"], like=entry["value"])
    if "high" not in entry:
        return f"{low} or more"
    return f"{low} to {number(entry['high'], like=entry['value'])}"


def _around(value: Callable[[Entry], str], ends: Callable[[Entry], str]) -> Callable[[Entry], str]:
    """Return what writes a value and, in brackets, its interval, where it has one."""
    return lambda entry: value(entry) + (f" ({ends(entry)})" if "high" in entry else "")


def _range_as(ends: Entry, figure: Entry) -> str:
    """Return the lowest to the highest of several values, written as a figure of theirs is."""
    places = digits.places(figure)
    return _between(digits.fixed(ends["low"], places), digits.fixed(ends["high"], places))


def _range_of(ends: Entry, ratio: Entry) -> str:
    """Return the lowest to the highest of several ratios, with the decimals of one of them."""
    return _between(*(number(ends[end], like=ratio["value"]) for end in ("low", "high")))


def _pct_range(ends: Entry) -> str:
    return _between(percent(ends["low"]), percent(ends["high"]))


def _between(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _signed(value: float) -> str:
    """Return two decimals with a true minus sign, and no sign on zero."""
    return digits.fixed(value, 2)


def _points(share: float) -> str:
    """Return a difference of shares in points of a percent."""
    points = round(100 * share)
    return counted(points, "point") if points else "less than a point"


# --- names ------------------------------------------------------------------------------------


def capital(text: str) -> str:
    """Return a text that begins with a capital."""
    return f"{text[0].upper()}{text[1:]}"


_ELEMENT = re.compile(r"materials with [A-Z][a-z]?")


def joined(names: Sequence[str]) -> str:
    """Return names of classes as one phrase: materials with F, Cl and Al."""
    if len(names) > 1 and all(map(_ELEMENT.fullmatch, names)):
        return "materials with " + listed([name.rpartition(" ")[2] for name in names])
    return listed(names)


def _some(names: Sequence[str], many: str = "") -> str:
    """Return a few classes by name, many as ``many``, by default their number."""
    return joined(names) if len(names) <= NAMED else many or str(len(names))


def those(names: Sequence[str], kind: str) -> str:
    """Return one class by its name, several by their number and kind."""
    return names[0] if len(names) == 1 else f"{len(names)} held-out {kind}"


def _tally(summary: Mapping[str, Any]) -> str:
    """Return on how many classes the target reliability was reached, missed or not applicable."""
    parts = [f"reached the target reliability on {summary['reached']} of {summary['classes']}"]
    parts += [f"abstained on {summary['abstained']}"] if summary["abstained"] else []
    parts += [f"fell short of it on {summary['below']}"] if summary["below"] else []
    parts += [f"missed it on {summary['missed']}"] if summary["missed"] else []
    return listed(parts)


FILTERS: Mapping[str, Callable[..., str]] = {
    "shown": digits.shown,
    "ends": _interval,
    "around": _around(digits.shown, _interval),
    "range_as": _range_as,
    "range_of": _range_of,
    "pct_range": _pct_range,
    "pct": _share,
    "pct_ends": _pct_ends,
    "stated_pct": _stated,
    "pct_around": _around(_share, lambda entry: _pct_ends(entry).replace(" % to ", " to ")),
    "pct_around_pct": _around(_share, _pct_ends),
    "two": lambda given: number(_value(given)),
    "two_ends": _two_ends,
    "number": lambda value, places=3: digits.number(value, digits=places),
    "auroc": lambda given: digits.auroc(given if isinstance(given, Mapping) else {"value": given}),
    "hundredths": lambda given: f"{_value(given):.2f}",
    "hundredths_ends": _ends(lambda end: f"{end:.2f}"),
    "plus_minus": lambda value: f"{value:+.1f}".replace("-", digits.MINUS),
    "signed": lambda entry: _signed(entry["value"]),
    "signed_ends": _ends(_signed),
    "points": _points,
    "level": lambda level: f"{100 * level:.12g}",
    "counted": lambda n, one, many="": counted(n, one, many),
    "all_of": lambda n, many, one="": digits.all_of(n, one, many),
    "plural": lambda n, one, many: one if n == 1 else many,
    "words": lambda code: code.replace("_", " "),
    "capital": capital,
    "some": _some,
    "span": digits.span,
    "tally": _tally,
    "counted_is": lambda n: f"{whole(n)} {'is' if n == 1 else 'are'}",
    "view": lambda name: str(VIEWS.get(name, name)),
}
