"""The figures of an arm's trust, each with the sentence that says how to read it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from atlas_pages.formatting import count, percent
from atlas_pages.panels import Panel, panel
from atlas_report import trust_figures
from atlas_report.source import Json, Source
from atlas_report.trust_figures import Point

MOST_BARS = 16
LONG_LABEL = 18


def decided(exam: Json, one: Json, part: str = "class") -> Json:
    """Return what the deciding method says of one class, or in-domain."""
    found: Json = one["methods"][exam["method"]][part]
    return found


def named_classes(exam: Json, names: Sequence[str]) -> list[tuple[Json, str]]:
    """Return the classes of an exam with their names."""
    return list(zip(exam["classes"], names, strict=True))


def short(name: str) -> str:
    """Return a class as a label: an element's symbol, or its first words."""
    if re.fullmatch(r"materials with [A-Z][a-z]?", name):
        return name.rpartition(" ")[2]
    return name if len(name) <= LONG_LABEL else f"{name[: LONG_LABEL - 1]}…"


def trust_panels(source: Source, arm: str, exam: Json, names: Sequence[str]) -> tuple[Panel, ...]:
    """Return the figures that can be drawn of an exam."""
    drawn = (
        _kept(arm, exam, names),
        _labels(arm, exam, names),
        _forecasts(source, arm, exam, names),
    )
    return tuple(one for one in drawn if one is not None)


def _kept(arm: str, exam: Json, names: Sequence[str]) -> Panel | None:
    enough, used = exam["limits"]["enough_trusted"], trusted_points(exam, names)
    if not used:
        return None
    target_reliability = float(exam["classes"][0]["target_reliability"])
    room = float(exam["limits"]["slack"])
    return panel(
        arm,
        "Share trusted, and its reliability",
        lambda: trust_figures.reached_reliability(
            used, target_reliability=target_reliability, slack=room
        ),
        caption="Each mark is a held-out class. To the right: more of it may be used. The"
        f" gray line is the target reliability, {percent(target_reliability)}; down to the lower"
        f" edge of the band, {percent(target_reliability - room)}, it counts as reached. Upright"
        " lines are 95 % intervals: where one reaches the gray line, chance can explain what"
        " is missing."
        " Classes of which fewer than"
        f" {enough} predictions are trusted have no mark.",
    )


def trusted_points(exam: Json, names: Sequence[str]) -> dict[str, list[Point]]:
    """Return by method the share trusted of each class (x) and the share within tolerance (y)."""
    used: dict[str, list[Point]] = {}
    for method in (exam["method"], *exam["others"]):
        points = [
            Point(short(name), found["share"], found["hit"], _ends(found, "hit"))
            for one, name in named_classes(exam, names)
            for found in [one["methods"][method]["class"]]
            if found["trusted"] >= exam["limits"]["enough_trusted"]
        ]
        if points:
            used[method] = points
    return used


def forecast_points(exam: Json, names: Sequence[str]) -> list[Point]:
    """Return the true mean error of each class (x) and its forecast (y)."""
    return [
        Point(short(name), one["mae"], one["forecast"], _ends(one, "forecast"))
        for one, name in named_classes(exam, names)
        if one.get("forecast") and one["mae"] > 0
    ]


def _labels(arm: str, exam: Json, names: Sequence[str]) -> Panel:
    more = len(names) - MOST_BARS
    left_out = f" {count(more, 'class', 'classes')} more are in the table." if more > 0 else ""
    return panel(
        arm,
        "Labels of each class",
        lambda: trust_figures.labels(_bars(exam, names)),
        caption="Shares of a class's predictions that are labeled trust, verify and defer; the"
        " upright mark is the share that could be trusted at best, with the true values"
        f" known.{left_out}",
    )


def _forecasts(source: Source, arm: str, exam: Json, names: Sequence[str]) -> Panel | None:
    forecasts = forecast_points(exam, names)
    if not forecasts:
        return None
    inside = [one["mae_in_domain"] for one in exam["classes"] if one.get("mae_in_domain")]
    usual = sum(inside) / len(inside) if inside else None
    return panel(
        arm,
        "Error forecast against true error",
        lambda: trust_figures.forecasts(forecasts, in_domain=usual, unit=source.unit),
        caption="Each mark is a held-out class: the mean error that was expected of it"
        " before any of its labels was known, against the one it turned out to have. On the"
        " gray line the forecast is right; the band is a factor of two either way. Dashed:"
        " the error in-domain, which is what one would expect without any warning.",
    )


def _bars(exam: Json, names: Sequence[str]) -> dict[str, tuple[float, float, float]]:
    """Return {class: (share trusted, share deferred, share usable at best)}, in-domain first."""
    inside = [decided(exam, one, "in_domain") for one in exam["classes"]]
    n = sum(one["rows"] for one in inside)
    found = {}
    if n:
        shares = [sum(one[name] for one in inside) / n for name in ("trusted", "deferred")]
        found["in-domain"] = (shares[0], shares[1], float("nan"))
    for one, name in named_classes(exam, names)[:MOST_BARS]:
        own = decided(exam, one)
        deferred = own["deferred"] / max(own["rows"], 1)
        found[short(name)] = (own["share"], deferred, one["oracle_share"])
    return found


def _ends(found: Json, name: str) -> tuple[float, float]:
    return found.get(f"{name}_low", found[name]), found.get(f"{name}_high", found[name])
