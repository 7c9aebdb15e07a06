"""A figure as a page shows it: SVG, title, one sentence how to read it, text alternative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from atlas_core.report.figures import Drawn
from atlas_core.report.svg import drawing, to_svg
from atlas_core.report.words import slug


@dataclass(frozen=True)
class Plate:
    """Hold one figure of the page.

    Attributes:
        name: file name in ``figures/`` without its ending, unique in a report.
        title: a few words.
        svg: inline markup.
        caption: what it shows and how to read it.
        wide: whether it takes the full width of the page.
    """

    name: str
    title: str
    svg: Markup
    caption: str
    wide: bool = False


def plate(arm: str, title: str, draw: Callable[[], Drawn], *, caption: str) -> Plate:
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
    label = Markup('<svg role="img" aria-label="{}" ').format(f"{title}, arm {arm}. {caption}")
    svg = Markup(text.replace("<svg ", str(label), 1))  # noqa: S704 - matplotlib escapes its text
    return Plate(name, title, svg, " ".join(t for t in (caption, drawn.note) if t))
