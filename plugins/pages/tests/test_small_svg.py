"""A figure is written in fewer characters and draws the same; expected paths are by hand."""

from __future__ import annotations

import re

import numpy as np

from atlas_pages.palette import SENTINELS
from atlas_pages.panels import new_figure
from atlas_pages.small_svg import smaller
from atlas_pages.svg import drawing, to_svg

HEAD = '<svg viewBox="0 0 99 99"><g><g>'
TAIL = (
    '</g></g><defs><clipPath id="a-clip"><rect x="10.04" y="10" width="80" height="80"/></clipPath>'
    "</defs></svg>"
)


def drawn(*paths: str, style: str = "fill: none; stroke: var(--in)") -> list[str]:
    inside = "".join(
        f'<path d="{path}" clip-path="url(#a-clip)" style="{style}"/>' for path in paths
    )
    return re.findall(r"<path[^>]*>", smaller(HEAD + inside + TAIL))


def test_a_path_goes_on_from_where_it_is() -> None:
    (path,) = drawn("M 45.9 85.9L 48 83.5L 50 83.5L 50 84.25L 46.1 80z")
    assert 'd="M45.9 85.9l2.1-2.4h2v.7l-3.9-4.2z"' in path


def test_roundings_do_not_add_up_along_a_path() -> None:
    x = np.linspace(10, 90, 241)  # a third of a pixel each
    (path,) = drawn("M 10 20" + "".join(f"L {v:.4f} {20 + 0.01 * k:.4f}" for k, v in enumerate(x)))
    numbers = re.search(r' d="M10 20([^"]*)"', path)
    assert numbers is not None
    across, down, command = 0.0, 0.0, ""
    for piece in re.findall(r"[lhv]|-?\d*\.?\d+", numbers[1]):
        if piece in "lhv":
            command, first = piece, True
        elif command == "h":
            across += float(piece)
        elif command == "v":
            down += float(piece)
        elif first:
            across, first = across + float(piece), False
        else:
            down, first = down + float(piece), True
    assert abs(across - 80) <= 0.05
    assert abs(down - 2.4) <= 0.06


def test_only_what_leaves_the_axes_is_clipped() -> None:
    inside, outside = drawn("M 12 12L 80 88", "M 12 12L 80 120")
    assert "clip-path" not in inside
    assert 'clip-path="url(#' in outside
    whole = smaller(f'{HEAD}<path d="M 12 12L 80 88" clip-path="url(#a-clip)"/>{TAIL}')
    assert "clipPath" not in whole


def test_what_differs_from_the_root_is_said_and_nothing_else() -> None:
    svg = smaller(
        f'{HEAD}<path d="M 1 1L 2 2" style="fill: none; stroke: var(--in); stroke-width: 2"/>'
        '<path d="M 1 1L 3 3" style="fill: none; stroke: var(--in); stroke-width: 2"/>'
        '<path d="M 1 1L 4 4L 4 1z" style="fill: var(--out)"/>'
        f'<text x="1.23" y="4" style="font-family: inherit; fill: var(--ink)">a</text>{TAIL}'
    )
    root = svg.partition(">")[0]
    assert "fill:none" in root
    assert "stroke:var(--in)" in root
    assert "stroke-width:2" in root
    assert '<path d="M1 1l1 1"/>' in svg
    # what has no line says so: it would inherit one
    assert 'style="fill:var(--out);stroke:none"/>' in svg
    assert '<text x="1.2" y="4" style="fill:var(--ink);stroke:none">a</text>' in svg


def test_what_no_xml_may_hold_does_not_stop_a_figure() -> None:
    with drawing():
        figure, axes = new_figure()
        axes.set_xlabel("gap\x1b[31m \x00<script>\ufffe &amp;")
        svg = to_svg(figure, "a")
    assert "gap\ufffd[31m \ufffd&lt;script&gt;\ufffd &amp;amp;" in svg


def test_ids_are_of_one_figure_alone_and_all_that_is_referred_to_is_there() -> None:
    figures = []
    with drawing():
        for name in ("one", "two"):
            figure, axes = new_figure()
            axes.plot([0, 1, 2], [0, 1, 1], marker="o", color=SENTINELS["in"])
            axes.plot([0, 2], [0, 9], color=SENTINELS["out"])
            axes.set_ylim(0, 2)  # the second line is cut
            figures.append(to_svg(figure, name))
    one, two = (set(re.findall(r' id="([^"]+)"', text)) for text in figures)
    assert one
    assert not one & two
    for text, own in zip(figures, (one, two), strict=True):
        assert set(re.findall(r'(?:href="|url\()#([\w-]+)', text)) == own
        assert any(name in text for name in own if f"url(#{name})" in text)
        assert len(re.findall(r'<use href="#\w+" x="[\d.]+" y="-?[\d.]+"/>', text)) == 3
