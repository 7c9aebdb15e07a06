"""Colors that stand on each other keep the contrast that WCAG 2.2 asks of text and of marks."""

from __future__ import annotations

import re

import pytest

from atlas_pages.page import TEMPLATES
from atlas_pages.palette import COLORS, RAMP_STEPS, SIDE_STEPS

TEXT = 4.5
"""WCAG 2.2, 1.4.3: text below 24 px."""
MARK = 3.0
"""WCAG 2.2, 1.4.11: what is no text and has a meaning."""
WRITTEN = ("ink", "muted", "ref", "in", "good", "fair", "poor")
DRAWN = ("in", "out", "ref", *(name for name in COLORS if re.fullmatch(r"arm\d", name)))


def luminance(color: str) -> float:
    """Return the relative luminance of ``#rrggbb`` (WCAG 2.2, definition)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colors, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_what_wcag_states() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # known to fail
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)  # known to pass


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_on_what_it_stands_on(scheme: int) -> None:
    pairs = [(name, below) for name in WRITTEN for below in ("bg", "surface")]
    inks = [found for name in COLORS if (found := re.fullmatch(r"(\w+)ink(\d+)", name))]
    assert len(inks) == RAMP_STEPS + 2 * SIDE_STEPS
    pairs += [(ink[0], ink[1] + ink[2]) for ink in inks]
    poor = {
        pair: round(ratio, 2)
        for pair in pairs
        if (ratio := contrast(*(COLORS[name][scheme] for name in pair))) < TEXT
    }
    assert not poor


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_marks_can_be_seen_on_the_page(scheme: int) -> None:
    poor = [n for n in DRAWN if contrast(COLORS[n][scheme], COLORS["bg"][scheme]) < MARK]
    assert not poor


def test_the_style_writes_in_no_other_color() -> None:
    """What ``color:`` names is tested above; ``--tone`` is one of its grades."""
    style = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.css"))
    named = set(re.findall(r"(?<![\w-])(?:color|--tone): var\(--([\w-]+)", style))
    assert named - {"tone"} <= set(WRITTEN)
