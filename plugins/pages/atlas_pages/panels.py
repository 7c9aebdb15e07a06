"""A figure as a page shows it: SVG, title, one sentence how to read it, text alternative.

matplotlib is imported when a figure is drawn.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from atlas_pages.formatting import slug
from atlas_pages.svg import drawing, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 4.0, 3.7  # inches: 384 CSS pixels wide, so that text keeps its size on a phone


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure, what its caption must add (points sampled, rows left out), and whether it places.

    ``places``: its x axis is the true value and its y axis the prediction, both linear.
    """

    figure: Figure
    note: str = ""
    places: bool = False


def new_figure() -> tuple[Figure, Axes]:
    """Return an empty figure of the size that fits a page, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    return figure, figure.subplots()


def legend(axes: Axes, columns: int = 2) -> None:
    """Put the legend above the axes, in so many columns."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        handlelength=1.6,
        columnspacing=1.2,
        handletextpad=0.5,
    )


@dataclass(frozen=True)
class Panel:
    """One figure of the page.

    Attributes:
        name: file name in ``figures/`` without its ending, unique in a report.
        title: a few words.
        svg: inline markup.
        caption: what it shows and how to read it.
        note: the part of the caption that is of this figure alone; "" where there is none.
        wide: whether it takes the full width of the page.
        arm: whose it is, "" where that does not matter.
        limits: JSON of where true and predicted values lie in it; "" where they do not.
    """

    name: str
    title: str
    svg: Markup
    caption: str
    note: str = ""
    wide: bool = False
    arm: str = ""
    limits: str = ""


def panel(arm: str, title: str, draw: Callable[[], Drawn], *, caption: str) -> Panel:
    """Draw a figure and label it.

    Args:
        arm: whose figure it is; part of its name.
        title: a few words, also the rest of its name.
        draw: returns the figure; called inside the report's style.
        caption: what it shows and how to read it.
    """
    name = f"{slug(arm)}-{slug(title)}"
    with drawing():
        drawn = draw()
        text = to_svg(drawn.figure, name)
        limits = _limits(drawn.figure.axes[0], text) if drawn.places else ""
    svg = labeled(text, f"{title}, arm {arm}. {caption}")
    caption = " ".join(t for t in (caption, drawn.note) if t)
    return Panel(name, title, svg, caption, drawn.note, arm=arm, limits=limits)


def _limits(axes: Axes, svg: str) -> str:
    """Return the box of the axes in units of the SVG, and the values at its ends, as JSON."""
    size = [float(one) for one in svg.partition('viewBox="')[2].partition('"')[0].split()]
    box = axes.get_position()  # in shares of the figure, from below
    shares = (box.x0, 1 - box.y1, box.width, box.height)
    return json.dumps(
        {
            "box": [round(s * size[2 + k % 2], 2) for k, s in enumerate(shares)],
            "x": [round(float(v), 6) for v in axes.get_xlim()],
            "y": [round(float(v), 6) for v in axes.get_ylim()],
        }
    )


def labeled(svg: str, label: str) -> Markup:
    """Return an ``<svg>`` whose text is escaped, with a text for those who do not see it."""
    head = Markup('<svg role="img" aria-label="{}" ').format(label)
    return Markup(svg.replace("<svg ", str(head), 1))  # noqa: S704 - escaped, as said
