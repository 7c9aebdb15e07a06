"""Say as a table, for those who do not see it, what a colored periodic table shows. Light."""

from __future__ import annotations

import re

_PICTURE = re.compile(r'<svg\b[^>]*\brole="img"[^>]*aria-label="([^"]*)"[^>]*>.*?</svg>', re.DOTALL)
_ELEMENT = re.compile(r'<g data-element="(\w+)"[^>]*><title>\1: ([^<]*)</title>')


def with_numbers(page: str) -> str:
    """Return a page whose pictures of elements are followed by their numbers, visually hidden.

    The numbers are what a cell says when the pointer rests on it: ``<title>Li: MAE 0.2</title>``
    in a ``<g data-element="Li">``. To a screen reader a picture is one thing with one label.
    """
    return _PICTURE.sub(lambda found: found[0] + _table(found[1], found[0]), page)


def _table(label: str, svg: str) -> str:
    rows = [
        f'<tr><th scope="row">{s}</th><td>{text}</td></tr>' for s, text in _ELEMENT.findall(svg)
    ]
    if not rows:
        return ""
    title = label.partition(". ")[0]
    return (
        f'<div class="unseen"><table><caption>{title}</caption><tbody>{"".join(rows)}</tbody>'
        "</table></div>"
    )
