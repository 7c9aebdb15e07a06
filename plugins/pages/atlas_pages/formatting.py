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


def percent(value: float) -> str:
    """Return a share as a percentage, with a decimal only where 1 % would hide it."""
    return f"{digits.percentage(value)}{NARROW}%" if math.isfinite(value) else number(value)


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


def formula(text: str) -> Markup:
    """Return a formula with its amounts as subscripts, escaped."""
    safe = str(escape(text))
    return Markup(re.sub(r"(?<=[A-Za-z)\]])(\d+\.?\d*)", r"<sub>\1</sub>", safe))  # noqa: S704 - escaped above
