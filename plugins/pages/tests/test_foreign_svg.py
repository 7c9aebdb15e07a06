"""A figure that somebody else drew: what matplotlib writes goes in, what acts or loads does not."""

from __future__ import annotations

import io

import pytest
from matplotlib.figure import Figure

from atlas_pages.foreign_svg import LARGEST, checked_svg
from atlas_pages.svg import drawing, to_svg

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'


def svg(inside: str) -> str:
    return f"{HEAD}{inside}</svg>"


def drawn() -> Figure:
    figure = Figure(figsize=(2, 2))
    figure.subplots().plot([0, 1], [1, 0], marker="o", label="a < b")
    return figure


def test_what_matplotlib_writes_is_taken_over() -> None:
    text = io.StringIO()
    drawn().savefig(text, format="svg")
    found = checked_svg(text.getvalue())
    assert found.startswith("<svg ")
    assert 'viewBox="0 0 144 144"' in found
    assert "<style" not in found
    assert "stroke-linejoin: round" in found[: found.index(">")]  # it held for everything
    assert "xmlns" not in found
    assert "<metadata" not in found
    assert 'href="#' in found
    with drawing():
        inline = to_svg(drawn(), "mine")
    assert checked_svg(inline).count("<path") == inline.count("<path")


def test_a_size_in_pixels_stands_for_a_view_box() -> None:
    found = checked_svg('<svg width="20px" height="10"><path d="M0 0L9 9"/></svg>')
    assert found == '<svg viewBox="0 0 20 10"><path d="M0 0L9 9" /></svg>'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<svg viewBox='0 0 9 9'><path>", "not well-formed"),
        ("no picture", "not well-formed"),
        ("<html/>", "first element is <html>"),
        ("<svg/>", "neither a viewBox nor"),
        ('<!DOCTYPE svg [<!ENTITY a "b">]><svg viewBox="0 0 9 9"/>', "entities"),
        (svg("<script>alert(1)</script>"), "<script>"),
        (svg("<foreignObject><b xmlns='http://www.w3.org/1999/xhtml'/></foreignObject>"), "foreig"),
        (svg("<b xmlns='http://www.w3.org/1999/xhtml'/>"), "<b>"),
        (svg("<set attributeName='href' to='javascript:alert(1)'/>"), "<set>"),
        (svg("<a href='https://example.org'><path/></a>"), "<a>"),
        (svg("<path onclick='alert(1)'/>"), "onclick"),
        (svg("<use href='https://example.org/a.svg#b'/>"), "outside it"),
        (svg("<use href='data:image/png;base64,AA'/>"), "outside it"),
        (svg("<image href='https://example.org/a.png'/>"), "outside it"),
        (svg("<image href='data:image/svg+xml;base64,AA'/>"), "outside it"),
        (svg("<path style='fill: url(https://example.org)'/>"), "acts or loads"),
        (svg("<path fill='url(//example.org)'/>"), "acts or loads"),
        (svg("<path style='fill: u\\72l(//example.org)'/>"), "acts or loads"),
        (svg("<style>body {display: none}</style>"), "style sheet"),
        (svg("<style>* {fill: url(//example.org)}</style>"), "style sheet"),
        (svg(" " * LARGEST), "characters, more than"),
    ],
)
def test_what_acts_or_loads_is_refused_and_said(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        checked_svg(text)


def test_references_inside_the_figure_and_pixels_stay() -> None:
    inside = "<path id='p' fill='url(#g)'/><use href='#p'/><image href='data:image/png;base64,AA'/>"
    found = checked_svg(svg(inside))
    assert found.count("href=") == 2
    assert "url(#g)" in found


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<g>" * 200_000 + "</g>" * 200_000, "inside each other"),
        ("<g id='x'><use href='#x'/></g>", "shows itself"),
        (
            "<g id='a0'><path d='M0 0'/></g>"
            + "".join(
                f"<g id='a{k}'>" + f"<use href='#a{k - 1}'/>" * 100 + "</g>" for k in range(1, 5)
            ),
            "through <use>",
        ),
        ("<g style='background-image:image-set(\"http://x/a.png\" 1x)'/>", "acts or loads"),
    ],
    ids=["deep", "of itself", "billions", "image-set"],
)
def test_what_would_stop_a_reader_or_a_browser_is_refused(inside: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked_svg(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">{inside}</svg>')
