"""Turn a matplotlib Figure into SVG that can stand inside a page and follow its colors."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from atlas_pages.palette import SENTINELS, with_light_colors, with_variables
from atlas_pages.small_svg import smaller

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that no XML may hold, though a name or a unit may; they show nothing."""
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_DOT = re.compile(r"M (\S+) (\S+)\s+L \1 \2(?=\s|$)")
_PATH = re.compile(r' d="([^"]*)"')
_REFERENCE = re.compile(r'(?:url\(#|href="#)([\w.-]+)')
_ID = re.compile(r' id="([^"]*)"')
_FONT = re.compile(r"font(?:-family)?: ?[^;\"]*?'[^;\"]*")


@contextmanager
def drawing() -> Iterator[None]:
    """Apply the style of all figures to what is drawn inside, and to nothing after it."""
    import matplotlib as mpl

    color = SENTINELS
    with mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "atlas",
            "text.parse_math": False,
            "text.usetex": False,
            "font.family": ["DejaVu Sans"],
            "font.size": 8.8,
            "axes.labelsize": 8.8,
            "axes.labelcolor": color["ink"],
            "axes.edgecolor": color["ref"],
            "axes.linewidth": 0.7,
            "axes.facecolor": "none",
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.unicode_minus": True,
            "axes.autolimit_mode": "data",
            "grid.color": color["grid"],
            "grid.linewidth": 0.6,
            "figure.facecolor": "none",
            "legend.fontsize": 8.7,
            "legend.frameon": False,
            "legend.labelcolor": color["ink"],
            "xtick.color": color["ref"],
            "ytick.color": color["ref"],
            "xtick.labelcolor": color["muted"],
            "ytick.labelcolor": color["muted"],
            "xtick.labelsize": 8.7,
            "ytick.labelsize": 8.7,
            "xtick.major.size": 2.5,
            "ytick.major.size": 2.5,
            "xtick.minor.size": 0,
            "ytick.minor.size": 0,
            "text.color": color["ink"],
            "path.simplify": True,
        }
    ):
        yield


def to_svg(figure: Figure, prefix: str) -> str:
    """Return a figure as an ``<svg>`` element for a page, the same bytes each time.

    Args:
        figure: drawn inside :func:`drawing` with the sentinel colors.
        prefix: put before every id, so that two figures of a page never share a clip path.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.StringIO()
    figure.set_canvas(FigureCanvasSVG(figure))
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = _NO_XML.sub("\ufffd", stream.getvalue())
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = (
        re.sub(r' (?:xmlns(?::\w+)?|version|width|height)="[^"]*"', "", _head(text))
        + (text[text.index(">") :])
    )
    text = _PATH.sub(lambda match: f' d="{_compact(match[1])}"', text)
    text = _FONT.sub(_plain_font, text)
    text = with_ids(text, prefix).replace("xlink:href", "href")
    text = re.sub(r">\s+<", "><", text)
    return smaller(with_variables(text).strip())


def to_file(svg: str) -> str:
    """Return an inline ``<svg>`` as the text of an SVG file in the light colors on white."""
    head = _head(svg)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)
    size = f' width="{box[1]}pt" height="{box[2]}pt"' if box else ""
    head = head.replace("<svg", f'<svg xmlns="http://www.w3.org/2000/svg"{size}', 1)
    # matplotlib's own clip paths and markers are found through plain href as of SVG 2
    body = '><rect width="100%" height="100%" fill="#ffffff"/>' + svg[svg.index(">") + 1 :]
    text = with_light_colors(head + body).replace("font-family: inherit", "font-family: sans-serif")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _head(text: str) -> str:
    return text[: text.index(">")]


def _compact(path: str) -> str:
    rounded = _NUMBER.sub(lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), path)
    # a dot is a line of no length with round caps; some viewers drop it at length zero
    return re.sub(r"\s*\n\s*", "", _DOT.sub(r"M\1 \2h.01", rounded)).strip()


def _plain_font(match: re.Match[str]) -> str:
    size = re.search(r"([\d.]+)px", match[0])
    return (f"font-size: {size[1]}px; " if size else "") + "font-family: inherit"


def with_ids(text: str, prefix: str) -> str:
    """Return an SVG whose ids begin with ``prefix``; those that nothing refers to go."""
    used = set(_REFERENCE.findall(text))
    text = _ID.sub(lambda m: f' id="{prefix}-{m[1]}"' if m[1] in used else "", text)
    return re.sub(r'(url\(#|href="#)([\w.-]+)', rf"\g<1>{prefix}-\g<2>", text)
