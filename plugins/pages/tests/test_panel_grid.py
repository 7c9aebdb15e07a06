"""Figures of a section have one size, however many there are: no rule asks for their number."""

from __future__ import annotations

import re
from pathlib import Path

import atlas_pages

CSS = (Path(atlas_pages.__file__).parent / "templates/page.css").read_text("utf-8")


def test_two_columns_hold_every_figure_and_an_odd_one_has_its_text_beside_it() -> None:
    wide = CSS[CSS.index("@media (min-width: 1000px)") :].partition("\n}\n")[0]
    columns = re.findall(r"\.panels[^{]*\{[^}]*grid-template-columns: ([^;}]+)", wide)
    assert columns == ["repeat(2, minmax(0, 1fr))"] * 2  # of all, and of an odd one at the end
    counted = re.findall(r"\.panels[^{]*:nth-child\(([^)]+)\)", wide)
    assert set(counted) == {"odd"}
