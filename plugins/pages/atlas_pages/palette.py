"""Colors of the report: CSS variables with a light and a dark value each. Light.

In-domain is blue and held-out is vermilion everywhere; the pair stays apart for the common kinds of
color blindness (Okabe and Ito 2008), and marks differ in shape or line style besides.
"""

from __future__ import annotations

COLORS: dict[str, tuple[str, str]] = {
    "bg": ("#ffffff", "#11151b"),
    "surface": ("#f5f7fa", "#191f28"),
    "ink": ("#171c24", "#e7ecf2"),
    "muted": ("#556070", "#a2adbb"),
    "line": ("#d5dbe3", "#333d4a"),
    "grid": ("#e5e9ef", "#28313c"),
    "in": ("#0a64ad", "#5cb3f5"),
    "out": ("#c94f06", "#ff9b54"),
    "ref": ("#667080", "#8d98a6"),
    "good": ("#14795a", "#4cc79a"),
    "fair": ("#96690a", "#e6b84a"),
    "poor": ("#b3261e", "#ff8a80"),
    "arm0": ("#0a64ad", "#5cb3f5"),
    "arm1": ("#c94f06", "#ff9b54"),
    "arm2": ("#14795a", "#4cc79a"),
    "arm3": ("#93428f", "#df9adb"),
    "arm4": ("#8a6d00", "#e2c64a"),
    "arm5": ("#3b4a9c", "#9fb0ff"),
    "low3": ("#5e3c99", "#c3aef0"),
    "low2": ("#a897cc", "#6f5fa3"),
    "low1": ("#dcd6ea", "#37314d"),
    "high1": ("#fbdcb0", "#4a3113"),
    "high2": ("#f0a23c", "#94590f"),
    "high3": ("#a04a00", "#ffb861"),
    "lowink3": ("#ffffff", "#11151b"),
    "lowink2": ("#171c24", "#ffffff"),
    "lowink1": ("#171c24", "#e7ecf2"),
    "highink1": ("#171c24", "#e7ecf2"),
    "highink2": ("#171c24", "#ffffff"),
    "highink3": ("#ffffff", "#11151b"),
    "ramp0": ("#fff8dc", "#2a2419"),
    "ramp1": ("#fee6a0", "#46371c"),
    "ramp2": ("#fec95f", "#684b1c"),
    "ramp3": ("#f9a03a", "#90621c"),
    "ramp4": ("#e27319", "#bd8023"),
    "ramp5": ("#b44a08", "#e4a946"),
    "ramp6": ("#7a2c06", "#ffdb94"),
    "rampink0": ("#171c24", "#e7ecf2"),
    "rampink1": ("#171c24", "#e7ecf2"),
    "rampink2": ("#171c24", "#ffffff"),
    "rampink3": ("#171c24", "#ffffff"),
    "rampink4": ("#171c24", "#11151b"),
    "rampink5": ("#ffffff", "#11151b"),
    "rampink6": ("#ffffff", "#11151b"),
}
"""``{name: (light, dark)}``; the page writes each as ``--name``."""

RAMP_STEPS = 7
SIDE_STEPS = 3
"""Steps of ``low`` and of ``high``, the two sides of the diverging scale: purple and orange, which
stay apart for every kind of color blindness (ColorBrewer's PuOr)."""
ARM_COLORS = tuple(f"arm{i}" for i in range(6))

SENTINELS: dict[str, str] = {name: f"#fe01{i:02x}" for i, name in enumerate(COLORS)}
"""What a figure is drawn with, to be replaced by the CSS variable of that name."""

PART_COLOR = {"test": "in", "ood_test": "out"}


def css(scheme: int) -> str:
    """Return the declarations of all variables, light (``scheme`` 0) or dark (1)."""
    return "".join(f"--{name}:{pair[scheme]};" for name, pair in COLORS.items())


def with_variables(text: str) -> str:
    """Return ``text`` with each sentinel color as ``var(--name)``."""
    for name, sentinel in SENTINELS.items():
        text = text.replace(sentinel, f"var(--{name})")
    return text


def with_light_colors(text: str) -> str:
    """Return ``text`` with each ``var(--name)`` as its light color, for a file of its own."""
    for name, (light, _) in COLORS.items():
        text = text.replace(f"var(--{name})", light)
    return text
