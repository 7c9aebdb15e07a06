"""What each metric is called on a page, and how its value is shown. Light."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from atlas_core.kinds.metric import Unit
from atlas_core.metrics import registry
from atlas_core.metrics.registry import Shown
from atlas_pages.formatting import fixed, percent, percent_of_level
from atlas_report.source import Source
from atlas_statistics import digits


def metric(figures: Mapping[str, Shown], name: str) -> Shown | None:
    """Return how a figure such as ``mae`` or ``picp_0.9`` is shown; None for others.

    Args:
        figures: how the metrics of the run are shown.
        name: of the figure.
    """
    about = registry.shown(figures, name)
    if about is None or not about.of_levels:
        return about
    level = percent_of_level(float(name.rpartition("_")[2]))
    return replace(about, label=f"{level} {about.label}")


def glossary(source: Source) -> list[tuple[str, str]]:
    """Return each figure that a run has and what it means; label sets have no widths."""
    binary = source.task == "binary"
    found = {registry.shown(source.figures, name) for name in _names(source.metrics["arms"])}
    return [
        (source.in_classes(one.label), source.in_classes(one.meaning))
        for one in source.figures.values()
        if one in found and not (binary and one.of_levels and one.unit == "target")
    ]


def _names(tree: Mapping[str, Any]) -> Iterator[str]:
    """Yield every key of nested objects."""
    for name, inside in tree.items():
        yield name
        if isinstance(inside, Mapping):
            yield from _names(inside)


def shown(entry: Mapping[str, float], scale: Unit) -> str:
    """Return a value as precise as its interval allows."""
    if scale == "share":
        return percent(entry["value"], tenths=digits.tight(entry))
    return digits.shown(entry)


def interval(entry: Mapping[str, float], scale: Unit) -> str:
    """Return the two ends of an interval, "" where there is none."""
    low, high = entry.get("low"), entry.get("high")
    if low is None or high is None or low == high:  # the same in all resamples
        return ""
    if scale == "share":
        return " to ".join(percent(end, tenths=digits.tight(entry)) for end in (low, high))
    places = digits.places(entry)
    return f"{fixed(low, places)} to {fixed(high, places)}"


def signed(entry: Mapping[str, float]) -> str:
    """Return a signed value with the ends of its interval, each above 0 with a plus."""
    places = digits.places(entry)
    known = (entry[name] for name in ("value", "low", "high") if name in entry)
    value, *ends = (f"{'+' if one > 0 else ''}{fixed(one, places)}" for one in known)
    return f"{value} ({' to '.join(ends)})" if ends else value
