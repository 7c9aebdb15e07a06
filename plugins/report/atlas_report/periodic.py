"""Draw the periodic table as a heat map, as SVG text in the colors of the palette. Light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from atlas_core.elements import ATOMIC_NUMBER, SYMBOLS
from atlas_pages.formatting import count, number
from atlas_pages.palette import RAMP_STEPS
from atlas_statistics.bootstrap import FEW_MATERIALS

CELL = 20.0
GAP = 1.2
ROWS = ((0, 1, 2), (1, 3, 10), (2, 11, 18), (3, 19, 36), (4, 37, 54), (5, 55, 86), (6, 87, 118))
"""Row, first and last atomic number of the periods."""

Elements = Mapping[str, Mapping[str, float]]


def apart(entry: Mapping[str, float]) -> bool:
    """Return whether an element's errors differ from the others by more than chance."""
    return bool(entry.get("apart", True))


def place(z: int) -> tuple[int, float]:
    """Return (column, row) of an element, from 0; the f block stands below, a little apart."""
    if 57 <= z <= 71:
        return z - 57 + 2, 7.3
    if 89 <= z <= 103:
        return z - 89 + 2, 8.3
    row, first, last = next(found for found in ROWS if found[1] <= z <= found[2])
    if z == first:
        return 0, float(row)
    if z == first + 1 and row > 0:
        return 1, float(row)
    return 17 - (last - z), float(row)


def edges(tables: Sequence[Elements]) -> list[float]:
    """Return the inner edges of the color steps, equal in ratio, common to all tables.

    Only elements whose errors differ from the others by more than chance span the scale: stretched
    over noise it would show differences that are not there.
    """
    found = [e["mae"] for table in tables for e in table.values() if apart(e)]
    values = np.array(found, dtype=np.float64)
    values = values[np.isfinite(values) & (values > 0)]
    if not len(values):
        return [0.0] * (RAMP_STEPS - 1)
    low, high = np.quantile(values, [0.05, 0.95])
    if high <= low * 1.01:
        low, high = low / 1.5, high * 1.5
    return [float(v) for v in np.geomspace(low, high, RAMP_STEPS + 1)[1:-1]]


def table(elements: Elements, limits: Sequence[float], *, unit: str, label: str) -> str:
    """Return an ``<svg>`` with one cell an element; a cell's title gives n and its error.

    Args:
        elements: {symbol: {"n", "mae", "apart"}}; those not apart from the others have no color.
        limits: from :func:`edges`.
        unit: of the error.
        label: what the picture shows, for those who do not see it.
    """
    width, height = 18 * CELL, 9.3 * CELL + 30
    cells = [_cell(z, elements.get(SYMBOLS[z]), limits, unit) for z in ATOMIC_NUMBER.values()]
    colored = [float(entry["mae"]) for entry in elements.values() if apart(entry)]
    body = "".join(cells) + _key(limits, unit, 9.3 * CELL + 8, most=max(colored, default=None))
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">'
        f'<g style="font-family: inherit">{body}</g></svg>'
    )


def _cell(z: int, entry: Mapping[str, float] | None, limits: Sequence[float], unit: str) -> str:
    column, row = place(z)
    x, y, side = column * CELL, row * CELL, CELL - GAP
    symbol = SYMBOLS[z]
    middle = f'x="{x + side / 2:.4g}" y="{y + side / 2 + 3.3:.4g}"'
    if entry is None:
        return (
            f'<rect x="{x:g}" y="{y:.4g}" width="{side:g}" height="{side:g}" rx="2"'
            f' style="fill: none; stroke: var(--grid); stroke-width: 0.8"/>'
            f'<text {middle} style="font-size: 8.5px; text-anchor: middle; fill: var(--ref);'
            f' opacity: 0.65">{symbol}</text>'
        )
    n = int(entry["n"])
    step = int(np.searchsorted(limits, entry["mae"], side="right"))
    fill, ink = f"--ramp{step}", f"--rampink{step}"
    if not apart(entry):
        fill, ink = "--surface", "--muted"
    unit_text = f" {unit}" if unit else ""
    title = f"{symbol}: MAE {number(entry['mae'])}{unit_text}, {count(n, 'material')}"
    if not apart(entry):
        title += "; too few materials" if n < FEW_MATERIALS else "; not significantly different"
    title = escape(title)
    few = (
        f'<circle cx="{x + side - 3:.4g}" cy="{y + 3:.4g}" r="1.3" style="fill: var({ink})"/>'
        if n < FEW_MATERIALS
        else ""
    )
    named = "" if entry is None else f' data-element="{symbol}"'
    return (
        f"<g{named}><title>{title}</title>"
        f'<rect x="{x:g}" y="{y:.4g}" width="{side:g}" height="{side:g}" rx="2"'
        f' style="fill: var({fill}); stroke: var(--line); stroke-width: 0.4"/>'
        f'<text {middle} style="font-size: 9.5px; font-weight: 600; text-anchor: middle;'
        f' fill: var({ink})">{symbol}</text>{few}</g>'
    )


def _key(limits: Sequence[float], unit: str, top: float, *, most: float | None) -> str:
    """Return the key of the colors, with the largest error of the last one; "" without colors."""
    unit_text = f", {escape(unit)}" if unit else ""
    if most is None:
        return (
            f'<text x="{18 * CELL - 2:g}" y="{top + 8:g}" style="font-size: 8px; text-anchor: end;'
            f' fill: var(--muted)">no element differs from the others by more than chance</text>'
        )
    step = 34.0
    left = 18 * CELL - RAMP_STEPS * step - 2
    parts = [
        f'<text x="{left - 6:g}" y="{top + 8:g}" style="font-size: 8px; text-anchor: end;'
        f' fill: var(--muted)">MAE{unit_text}</text>'
    ]
    parts += [
        f'<rect x="{left + i * step:g}" y="{top:g}" width="{step:g}" height="9"'
        f' style="fill: var(--ramp{i}); stroke: var(--line); stroke-width: 0.4"/>'
        for i in range(RAMP_STEPS)
    ]
    ends = [(left + (i + 1) * step, number(limit, digits=2)) for i, limit in enumerate(limits)]
    ends.append((left + RAMP_STEPS * step - 14, f"max {number(most, digits=2)}"))
    parts += [
        f'<text x="{x:g}" y="{top + 18:g}" style="font-size: 7.5px;'
        f' text-anchor: middle; fill: var(--muted)">{text}</text>'
        for x, text in ends
    ]
    return "".join(parts)
