"""Draw the periodic table as a heat map, as SVG text in the colors of the palette. Light.

Absolute errors have a scale from small to large, signed ones a scale from too low to too high. A
cell has a color only where its value is no chance, and only such cells span the scale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from atlas_core.elements import ATOMIC_NUMBER, SYMBOLS
from atlas_pages.formatting import count, number
from atlas_pages.palette import RAMP_STEPS, SIDE_STEPS
from atlas_statistics.bootstrap import FEW_MATERIALS

CELL = 20.0
GAP = 1.2
ROWS = ((0, 1, 2), (1, 3, 10), (2, 11, 18), (3, 19, 36), (4, 37, 54), (5, 55, 86), (6, 87, 118))
"""Row, first and last atomic number of the periods."""

SIDE = CELL - GAP
HALF, BASE = SIDE / 2, SIDE / 2 + 3.8
"""Where in its box the middle of a name is, from the left and from above."""
SQUARE = f"h{SIDE:g}v{SIDE:g}h-{SIDE:g}z"

HEIGHT = 9.3 * CELL + 34
TEXT = 10.6
"""Size of all text: 11 px where three tables share a row of the page."""

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


def reach(tables: Iterable[Elements], least: float) -> float:
    """Return where the last step of a scale of signed errors begins on either side.

    Equal steps up to the 95 % quantile of the sizes of those that are no chance, and to ``least``
    where all of these are smaller: a scale stretched over tiny biases would make them look large.

    Args:
        tables: signed errors by element, all that share the scale.
        least: a size of errors that is no small one, such as the smallest MAE.
    """
    sizes = [abs(e["mean_error"]) for table in tables for e in table.values() if off(e)]
    end = max(float(np.quantile(sizes, 0.95)) if sizes else 0.0, least)
    return end * (SIDE_STEPS - 1) / SIDE_STEPS


def off(entry: Mapping[str, float]) -> bool:
    """Return whether the mean signed error of an element lies from 0 by more than chance."""
    return bool(entry.get("off", False))


@dataclass(frozen=True)
class Cell:
    """How the cell of an element looks: colors by name, what hovering says, and its marks."""

    fill: str
    ink: str
    title: str
    few: bool
    points: str = ""
    """``up``, ``down`` or ""."""


def table(elements: Elements, limits: Sequence[float], *, unit: str, label: str) -> str:
    """Return an ``<svg>`` with one cell an element; a cell's title gives n and its error.

    Args:
        elements: {symbol: {"n", "mae", "apart"}}; those not apart from the others have no color.
        limits: from :func:`edges`.
        unit: of the error.
        label: what the picture shows, for those who do not see it.
    """
    cells = {symbol: _size(symbol, entry, limits, unit) for symbol, entry in elements.items()}
    colored = [float(entry["mae"]) for entry in elements.values() if apart(entry)]
    if not colored:
        key = _said("no element differs from the others by more than chance")
    else:
        largest = f"largest {number(max(colored), digits=2)}"
        ticks = [(i + 1.0, number(limit, digits=2)) for i, limit in enumerate(limits)]
        fills = [f"--ramp{i}" for i in range(RAMP_STEPS)]
        key = _key((f"MAE{_in(unit)}", largest), fills, ticks)
    return _svg(cells, key, label)


def signed_table(elements: Elements, last: float, *, unit: str, label: str) -> str:
    """Return an ``<svg>`` of signed errors: purple too low, orange too high, else no color.

    Args:
        elements: {symbol: {"n", "mean_error", "off", "low", "high"}}.
        last: from :func:`reach`.
        unit: of the error.
        label: what the picture shows, for those who do not see it.
    """
    cells = {symbol: _bias(symbol, entry, last, unit) for symbol, entry in elements.items()}
    colored = [float(entry["mean_error"]) for entry in elements.values() if off(entry)]
    if not colored:
        key = _said("no element is predicted too high or too low by more than chance")
        return _svg(cells, key, label)
    largest = f"largest {plus(max(colored, key=abs), digits=2)}"
    sides = range(SIDE_STEPS)
    fills = [f"--low{i + 1}" for i in reversed(sides)] + [f"--high{i + 1}" for i in sides]
    steps = [last * i / (SIDE_STEPS - 1) for i in range(SIDE_STEPS)]
    ticks = [(SIDE_STEPS + i, plus(step, digits=2)) for i, step in enumerate(steps) if i]
    ticks += [(SIDE_STEPS - i, plus(-step, digits=2)) for i, step in enumerate(steps) if i]
    key = _key((f"signed error{_in(unit)}", largest), fills, [*ticks, (SIDE_STEPS, "0")])
    return _svg(cells, key, label)


def plus(value: float, *, digits: int = 3) -> str:
    """Return a signed number in words of the page, with a plus where it is above 0."""
    return f"{'+' if value > 0 else ''}{number(value, digits=digits)}"


def _in(unit: str) -> str:
    return f", {unit}" if unit else ""


def _svg(cells: Mapping[str, Cell], key: str, label: str) -> str:
    """Return the table: cells of one color stand together, and the box of all is drawn once."""
    others = [SYMBOLS[z] for z in _atoms() if SYMBOLS[z] not in cells]
    boxes = "".join(f"M{x:.4g} {y:.4g}{SQUARE}" for x, y in map(_corner, others))
    names = "".join(f"<text {_middle(symbol)}>{symbol}</text>" for symbol in others)
    box = f"box-{hashlib.blake2s(label.encode(), digest_size=4).hexdigest()}"
    colored: dict[tuple[str, str], str] = {}
    for symbol in (SYMBOLS[z] for z in _atoms() if SYMBOLS[z] in cells):
        cell = cells[symbol]
        colors = (cell.fill, cell.ink)
        colored[colors] = colored.get(colors, "") + _drawn(symbol, cell, box)
    own = "".join(
        f'<g style="color: var({fill}); fill: var({ink})">{drawn}</g>'
        for (fill, ink), drawn in colored.items()
    )
    return (
        f'<svg viewBox="0 0 {18 * CELL:g} {HEIGHT:g}" role="img" aria-label="{escape(label)}">'
        f'<defs><path id="{box}" d="M{-HALF:g} {-BASE:g}{SQUARE}"'
        ' style="fill: currentColor; stroke: var(--line); stroke-width: 0.4"/></defs>'
        f'<g style="font-family: inherit; font-size: {TEXT}px; text-anchor: middle">'
        f'<path d="{boxes}" style="fill: none; stroke: var(--grid); stroke-width: 0.8"/>'
        f'<g style="fill: var(--ref)">{names}</g>'
        f'<g style="font-weight: 600">{own}</g>{key}</g></svg>'
    )


def _atoms() -> Iterable[int]:
    return ATOMIC_NUMBER.values()


def _corner(symbol: str) -> tuple[float, float]:
    column, row = place(ATOMIC_NUMBER[symbol])
    return column * CELL, row * CELL


def _middle(symbol: str) -> str:
    x, y = _corner(symbol)
    return f'x="{x + HALF:.4g}" y="{y + BASE:.4g}"'


def _size(symbol: str, entry: Mapping[str, float], limits: Sequence[float], unit: str) -> Cell:
    n = int(entry["n"])
    title = f"{symbol}: MAE {number(entry['mae'])}{_after(unit)}, {count(n, 'material')}"
    if not apart(entry):
        title += "; too few materials" if n < FEW_MATERIALS else "; not significantly different"
        return Cell("--surface", "--muted", title, n < FEW_MATERIALS)
    step = int(np.searchsorted(limits, entry["mae"], side="right"))
    return Cell(f"--ramp{step}", f"--rampink{step}", title, n < FEW_MATERIALS)


def _bias(symbol: str, entry: Mapping[str, float], last: float, unit: str) -> Cell:
    n, value = int(entry["n"]), float(entry["mean_error"])
    ends = ""
    if "low" in entry:
        ends = f" ({plus(entry['low'])} to {plus(entry['high'])})"
    title = f"{symbol}: mean signed error {plus(value)}{_after(unit)}{ends}, {count(n, 'material')}"
    if not off(entry):
        title += "; no bias shown" if "low" in entry else "; too few materials"
        return Cell("--surface", "--muted", title, "low" not in entry)
    step = 1 + int(abs(value) / last * (SIDE_STEPS - 1)) if last > 0 else SIDE_STEPS
    side, points = ("high", "up") if value > 0 else ("low", "down")
    step = min(step, SIDE_STEPS)
    title += f"; predicted too {side}"
    return Cell(f"--{side}{step}", f"--{side}ink{step}", title, False, points)


def _after(unit: str) -> str:
    return f" {unit}" if unit else ""


def _drawn(symbol: str, cell: Cell, box: str) -> str:
    """Return the cell of an element, its origin below the middle of its name."""
    x, y = _corner(symbol)
    right, top = HALF - 1, 1 - BASE
    marks = {
        "up": f"M{right - 5:.4g} {top + 4:.4g}h5l-2.5-4z",
        "down": f"M{right - 5:.4g} {top:.4g}h5l-2.5 4z",
    }
    mark = f'<path d="{marks[cell.points]}"/>' if cell.points else ""
    if cell.few:
        mark = f'<circle cx="{right - 2:.4g}" cy="{top + 2:.4g}" r="1.3"/>'
    return (
        f'<g data-element="{symbol}" transform="translate({x + HALF:.4g} {y + BASE:.4g})">'
        f'<title>{escape(cell.title)}</title><use href="#{box}"/><text>{symbol}</text>{mark}</g>'
    )


def _text(x: float, y: float, text: str, *, anchor: str) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" style="text-anchor: {anchor}; fill: var(--muted)">'
        f"{escape(text)}</text>"
    )


KEY = 9.3 * CELL + 4


def _said(text: str) -> str:
    """Return what stands in place of the key where no cell has a color."""
    return _text(18 * CELL - 2, KEY + 12, text, anchor="end")


def _key(about: tuple[str, str], fills: Sequence[str], ticks: Sequence[tuple[float, str]]) -> str:
    """Return the key of the colors: what they are and the largest in two lines, then the steps.

    Args:
        about: the two lines.
        fills: names of the colors.
        ticks: (place in steps, text).
    """
    step = 232.0 / len(fills)
    left = 18 * CELL - 232.0 - 2
    parts = [_text(0, KEY + 10 + 14 * k, line, anchor="start") for k, line in enumerate(about)]
    parts += [
        f'<rect x="{left + i * step:.4g}" y="{KEY:g}" width="{step:.4g}" height="11"'
        f' style="fill: var({fill}); stroke: var(--line); stroke-width: 0.4"/>'
        for i, fill in enumerate(fills)
    ]
    if max(len(text) for _, text in ticks) * 6.5 > step:  # they would run into one another
        ticks = [
            (at, text) for at, text in ticks if (at - len(fills) / 2) % 2 == len(fills) % 2 / 2
        ]
    parts += [_text(left + at * step, KEY + 24, text, anchor="middle") for at, text in ticks]
    return "".join(parts)
