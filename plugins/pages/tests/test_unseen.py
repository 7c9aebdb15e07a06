"""The numbers of a picture of elements stand on the page for those who do not see it."""

from __future__ import annotations

from atlas_pages.unseen import with_numbers

CELL = '<g data-element="Li"><title>Li: MAE 0.2 eV &amp; more</title><rect/></g>'


def test_a_picture_of_elements_is_followed_by_its_numbers() -> None:
    page = with_numbers(
        f'<p><svg role="img" aria-label="Error, arm a. Largest: Li">{CELL}</svg></p>'
    )
    assert page.endswith(
        '</svg><div class="unseen"><table><caption>Error, arm a</caption><tbody>'
        '<tr><th scope="row">Li</th><td>MAE 0.2 eV &amp; more</td></tr></tbody></table></div></p>'
    )


def test_each_picture_has_its_own_numbers_and_another_picture_none() -> None:
    picture = '<svg role="img" aria-label="a">{}</svg>'
    other = CELL.replace("Li", "Na")
    page = with_numbers(picture.format(CELL) + picture.format("<g/>") + picture.format(other))
    first, nothing, last = page.split("<svg")[1:]
    assert (first.count("<tr>"), nothing.count("<tr>"), last.count("<tr>")) == (1, 0, 1)
    assert ">Na<" in last
