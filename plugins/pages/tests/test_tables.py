"""Cells of tables know the title of their column."""

from __future__ import annotations

import re

from atlas_pages.tables import titled


def _titles(page: str) -> list[tuple[str, str | None]]:
    """Return (text, data-title) of each cell of a body."""
    body = page.partition("</thead>")[2]
    cells = re.findall(r"<t[hd]([^>]*)>(.*?)</t[hd]>", body)
    return [
        (text, found[1] if (found := re.search(r'data-title="([^"]*)"', attributes)) else None)
        for attributes, text in cells
    ]


def test_a_cell_has_the_title_of_its_column() -> None:
    page = titled(
        "<table><thead><tr><td></td><th>MAE <sub>x</sub></th><th>R&amp;D</th></tr></thead>"
        '<tbody><tr><th scope="row">a</th><td class="num">1</td><td>2</td></tr></tbody></table>'
    )
    assert _titles(page) == [("a", None), ("1", "MAE x"), ("2", "R&amp;D")]
    assert 'class="num"' in page


def test_of_two_rows_of_titles_a_cell_has_those_that_hold_for_all_its_columns() -> None:
    page = titled(
        '<table><thead><tr><td></td><th colspan="2">forest</th></tr>'
        "<tr><td></td><th>in</th><th>out</th></tr></thead>"
        '<tbody><tr><th scope="row">a</th><td>1</td><td>2</td></tr>'
        '<tr><th scope="row">b</th><td colspan="2">3</td></tr>'
        "</tbody></table>"
    )
    assert _titles(page) == [
        ("a", None),
        ("1", "forest, in"),
        ("2", "forest, out"),
        ("b", None),
        ("3", "forest"),
    ]


def test_a_title_cannot_leave_its_attribute() -> None:
    page = titled(
        '<table><thead><tr><th>&#34; on="x</th></tr></thead>'
        "<tbody><tr><td>1</td></tr></tbody></table>"
    )
    assert '<td data-title="&#34; on=&quot;x">1</td>' in page


def test_what_has_no_head_stays_as_it_is() -> None:
    page = "<p>a</p><table><tr><td>1</td></tr></table><script>x = '<tr>'</script>"
    assert titled(page) == page
