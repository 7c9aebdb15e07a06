"""How figures moved from training to training, where a spec asked for several. Light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlas_core.kinds.metric import Unit
from atlas_core.printing import counted
from atlas_pages.formatting import fixed
from atlas_report.source import Source
from atlas_statistics import digits

Spread = Mapping[str, Any]
"""``values`` of each training, their ``mean`` and ``std``."""


def trainings(source: Source) -> int:
    """Return how often each arm was trained."""
    return int(source.manifest.get("repeats") or 1)


def spread_of(source: Source, arm: str, name: str, *, part: str) -> Spread | None:
    """Return how a figure of a part moved; None of one training, or where one lacks it."""
    return _found(source, arm, "parts", part, name)


def spread_of_detector(source: Source, arm: str, name: str, *, by: str = "score") -> Spread | None:
    """Return how a figure of the detector moved; None of one training, or where one lacks it.

    Args:
        source: of the page.
        arm: its name.
        name: of the figure.
        by: ``score`` of the detector, or ``sigma``.
    """
    return _found(source, arm, "ood", by, name)


def _found(source: Source, arm: str, *path: str) -> Spread | None:
    found = source.metrics["arms"][arm].get("repeats") or {}
    for step in path:
        found = found.get(step) or {}
    return found or None


def plus_minus(spread: Spread, scale: Unit) -> str:
    """Return mean ± standard deviation, with two digits of the deviation."""
    mean, std = float(spread["mean"]), float(spread["std"])
    if scale == "share":
        mean, std = 100 * mean, 100 * std
    most = 1 if scale == "share" else digits.decimals(mean, digits=4)
    places = min(digits.decimals(std, digits=2), most) if std else most
    unit = " %" if scale == "share" else ""
    return f"{fixed(mean, places)} ± {fixed(std, places) if std else 0}{unit}"


def span(spread: Spread, shown: Mapping[str, float], scale: Unit) -> str:
    """Return between what a figure lies, written as the figure of the first training is."""
    ends = min(spread["values"]), max(spread["values"])
    if scale == "share":
        low, high = (f"{digits.percentage(end)} %" for end in ends)
    else:
        low, high = (fixed(end, digits.places(shown)) for end in ends)
    between = low if low == high else f"{low} to {high}"
    return f"over {counted(len(spread['values']), 'training')}: {between}"
