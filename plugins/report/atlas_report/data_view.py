"""What the page shows of the data: target by part, elements, repeated formulas, doubtful labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from atlas_core.arrays import F8
from atlas_core.elements import ATOMIC_NUMBER
from atlas_pages import formatting
from atlas_pages.formatting import count, fixed, listed, number, percent
from atlas_pages.palette import SENTINELS
from atlas_pages.panels import Drawn, Panel, legend, new_figure, panel
from atlas_report.error_strip import error_tolerance
from atlas_report.source import HELD_OUT, IN_DOMAIN, SHOWN_PARTS, Source

TRAIN = "train"
PARTS = {TRAIN: "training", IN_DOMAIN: "in-domain", HELD_OUT: "held out"}
COLORS = {TRAIN: "ref", IN_DOMAIN: "in", HELD_OUT: "out"}
STYLES: Mapping[str, Any] = {TRAIN: "-", IN_DOMAIN: "-", HELD_OUT: (0, (5, 1.5))}
TIMES = 3.0
"""Times the in-domain error from which two values of one formula disagree, without a tolerance."""
FEW = 10
"""Training materials of an element, below which it is named as rare."""
NAMED = 12
"""Rare elements that are named; of more only the number is."""
FIRST, MOST = 10, 200
"""Disagreeing formulas that show without a click, and in all."""


@dataclass(frozen=True)
class Suspect:
    """A formula with values that disagree, as text: the two that are farthest apart."""

    formula: Markup
    rows: str
    low: str
    low_id: str | Markup
    high: str
    high_id: str | Markup
    apart: str


@dataclass(frozen=True)
class DataView:
    """The data section.

    Attributes:
        sentences: what there is and what is repeated.
        panels: the histogram.
        parts: columns of the counts of elements.
        elements: symbol and counts as text.
        suspects: formulas whose values disagree, the farthest apart first.
        first: how many of them show without a click.
    """

    sentences: tuple[str, ...]
    panels: tuple[Panel, ...]
    parts: tuple[str, ...]
    elements: tuple[tuple[str, tuple[str, ...]], ...]
    suspects: tuple[Suspect, ...]
    first: int


@dataclass(frozen=True)
class _Limit:
    """The difference between two values of one formula from which they disagree, in words."""

    value: float
    words: str


def data_view(source: Source) -> DataView | None:
    """Return what is shown of the data; None where the evaluator noted none."""
    found = _noted(source.audit)
    if found is None:
        return None
    limit = _limit(source)
    places = formatting.decimals(limit.value, digits=2) if limit is not None else 3
    return DataView(
        sentences=data_sentences(source),
        panels=(_panel(source, found),),
        parts=tuple(PARTS[part] for part in found["rows"]),
        elements=tuple(_elements(found)),
        suspects=tuple(_suspect(source, one, places) for one in _apart(found, limit)[:MOST]),
        first=FIRST,
    )


def data_sentences(source: Source) -> tuple[str, ...]:
    """Return what is said of the data; () where the evaluator noted none."""
    found = _noted(source.audit)
    if found is None:
        return ()
    limit = _limit(source)
    sentences = [_repeated(found), *_shared(source.audit)]
    if limit is not None and found["repeated"]["formulas"]:
        sentences.append(_disagreeing(source, found, limit))
    return (*sentences, *_rare(found["elements"].get(TRAIN) or {}))


def _apart(found: Mapping[str, Any], limit: _Limit | None) -> list[Mapping[str, Any]]:
    """Return the formulas whose values disagree, the farthest apart first."""
    if limit is None:
        return []
    return [one for one in found["disagreeing"] if _gap(one) > limit.value]


def _noted(audit: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what the audit noted of the data; None where another evaluator noted other things."""
    found = audit.get("data")
    tables = dict.fromkeys(("rows", "counts", "elements", "repeated"), dict)
    kinds = {**tables, "edges": list, "disagreeing": list, "formulas": int, "more": int}
    if not isinstance(found, dict):
        return None
    if not all(isinstance(found.get(name), kind) for name, kind in kinds.items()):
        return None
    return found if set(found["rows"]) <= PARTS.keys() else None


def _limit(source: Source) -> _Limit | None:
    """Return the error tolerance, else a multiple of the smallest in-domain error of an arm."""
    unit = f" {source.unit}" if source.unit else ""
    if source.task == "binary":
        return _Limit(0.0, "")
    known = error_tolerance(source)
    if known is not None:
        return _Limit(known, f"{number(known, digits=2)}{unit} (the error tolerance)")
    errors = {
        arm: own["parts"].get(IN_DOMAIN, {}).get("metrics", {}).get("mae", {}).get("value")
        for arm, own in source.metrics["arms"].items()
    }
    scored = {arm: float(value) for arm, value in errors.items() if value is not None and value > 0}
    if not scored:
        return None
    arm = min(scored, key=lambda name: (scored[name], name))
    value = TIMES * scored[arm]
    return _Limit(
        value,
        f"{number(value, digits=2)}{unit} ({TIMES:g} times the mean in-domain error of {arm})",
    )


def _gap(one: Mapping[str, Any]) -> float:
    low, high = one["values"]
    return float(high) - float(low)


def _repeated(found: Mapping[str, Any]) -> str:
    several = found["repeated"]
    if not several["formulas"]:
        return f"Each of the {count(found['formulas'], 'formula')} occurs once."
    occur = "occurs" if several["formulas"] == 1 else "occur"
    text = (
        f"Of {count(found['formulas'], 'formula')}, {fixed(several['formulas'], 0)} {occur} more"
        f" than once ({count(several['rows'], 'material')})"
    )
    if several["equal"]:
        has = "one has" if several["equal"] == 1 else f"{fixed(several['equal'], 0)} have"
        text += f"; {has} the same value twice, which may be one material listed twice"
    return f"{text}."


def _shared(audit: Mapping[str, Any]) -> list[str]:
    """Say how many test materials training has, exactly or nearly; means over folds."""
    said = []
    for key, part in (("in_domain", "in-domain test"), ("held_out", "held-out")):
        shares, near = [], []
        for fold in audit["folds"]:
            figures = fold["figures"]
            if key in (figures.get("shared_formula") or {}):
                shares.append(float(figures["shared_formula"][key]))
                near.append(float((figures.get("near_duplicates") or {}).get(key, np.nan)))
        if not shares:
            continue
        folds = f", on average of {len(shares)} folds" if len(shares) > 1 else ""
        mean, close = float(np.mean(shares)), float(np.mean(near))
        none = f"No {part} material has a formula of the training set"
        text = f"Of the {part} materials, {percent(mean)} have a formula of the training set{folds}"
        text = text if mean else none
        if close > mean:
            distance = (audit.get("limits") or {}).get("near")
            within = f" (element fractions within {distance:g})" if distance else ""
            text += f"; with nearly the same composition{within} it is {percent(close)}"
        said.append(f"{text}.")
    return said


def _disagreeing(source: Source, found: Mapping[str, Any], limit: _Limit) -> str:
    n = len(_apart(found, limit))
    at_least = n == len(found["disagreeing"]) and found["more"] > 0
    several = found["repeated"]["formulas"]
    binary = source.task == "binary"
    what = f"values more than {limit.words} apart"
    if binary:
        both = f"{source.meaning.quoted(0)} and {source.meaning.quoted(1)}"
        what = f"materials of both classes, {both}"
    those = f"the {fixed(several, 0)} formulas that occur more than once"
    if not n:
        one = "The formula that occurs more than once has no"
        return f"{one} {what}." if several == 1 else f"None of {those} has {what}."
    has = "have" if n > 1 or at_least else "has"
    subject = f"Of {those}, {'at least ' if at_least else ''}{fixed(n, 0)} {has}"
    if several == 1:
        subject = "The formula that occurs more than once has"
    chance = _by_chance(source, limit.value)
    compared = "" if chance is None else f" (of all pairs of test materials {percent(chance)})"
    return (
        f"{subject} {what}{compared}: other phases, or labels that are wrong. A model that reads"
        " compositions alone gives them one value."
    )


def _by_chance(source: Source, limit: float) -> float | None:
    """Return the share of pairs of test materials whose values are farther apart than a limit."""
    seen = [rows.take(np.isin(rows.parts, SHOWN_PARTS)) for rows in source.rows.values()]
    known = {i: t for rows in seen for i, t in zip(rows.ids, rows.target, strict=True)}
    values = np.sort(np.array([*known.values()], dtype=np.float64))
    n = len(values)
    if n < 2:
        return None
    beyond = n - np.searchsorted(values, values + limit, side="right")
    return float(beyond.sum() / (n * (n - 1) / 2))


def _rare(elements: Mapping[str, int]) -> list[str]:
    rare = sorted((n, symbol) for symbol, n in elements.items() if n < FEW)
    if not rare:
        return []
    if len(rare) > NAMED:
        some = f"{fixed(len(rare), 0)} elements are"
        return [f"{some} each in fewer than {FEW} training materials."]
    named = listed([f"{symbol} ({n})" for n, symbol in rare])
    return [f"In fewer than {FEW} training materials: {named}."]


def _elements(found: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    counted = found["elements"]
    symbols = {symbol for own in counted.values() for symbol in own} & ATOMIC_NUMBER.keys()
    total = {s: sum(int(own.get(s, 0)) for own in counted.values()) for s in symbols}
    return [
        (s, tuple(fixed(int((counted.get(part) or {}).get(s, 0)), 0) for part in found["rows"]))
        for s in sorted(symbols, key=lambda s: (-total[s], s))
    ]


def _suspect(source: Source, one: Mapping[str, Any], places: int) -> Suspect:
    def show(value: float) -> str:
        return source.classes[int(value)] if source.task == "binary" else fixed(value, places)

    (low, high), (low_id, high_id) = one["values"], one["ids"]
    url = source.meaning.url
    return Suspect(
        formula=formatting.formula(str(one["formula"])),
        rows=fixed(int(one["rows"]), 0),
        low=show(float(low)),
        low_id=formatting.linked(str(low_id), url),
        high=show(float(high)),
        high_id=formatting.linked(str(high_id), url),
        apart="" if source.task == "binary" else fixed(_gap(one), places),
    )


def _panel(source: Source, found: Mapping[str, Any]) -> Panel:
    several = " A material can be in several parts, in different folds." * (len(source.folds) > 1)
    beyond = ""
    if found.get("beyond"):
        beyond = (
            f" {count(int(found['beyond']), 'material')} beyond the axis count in its last bins."
        )
    binary = source.task == "binary"
    draw = class_shares if binary else target_histogram
    unit = f" ({source.unit})" if source.unit and not binary else ""
    counts = {p: np.asarray(own, dtype=np.float64) for p, own in found["counts"].items()}
    edges = np.asarray(found["edges"], dtype=np.float64)
    names: Sequence[str] = source.classes if binary else (f"{source.target}{unit}",)
    return panel(
        "data",
        "Values by part",
        lambda: draw(counts, edges, names),
        caption=f"Share of the materials of each part by {source.target}: what the model could"
        f" learn from, and what it was tested on.{several}{beyond}",
    )


def target_histogram(counts: Mapping[str, F8], edges: F8, names: Sequence[str]) -> Drawn:
    """Draw the share of each part's materials in bins of the target.

    Args:
        counts: {part: (k,) materials in each bin}.
        edges: (k + 1,) ends of the bins.
        names: of the axis.
    """
    figure, axes = new_figure()
    for part, own in counts.items():
        color, share = SENTINELS[COLORS[part]], own / own.sum()
        axes.stairs(share, edges, fill=True, color=color, alpha=0.28)
        label = f"{PARTS[part]}, n = {fixed(own.sum(), 0)}"
        axes.stairs(share, edges, color=color, linewidth=1.3, linestyle=STYLES[part], label=label)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(names[0])
    axes.set_ylabel("share of materials")
    legend(axes, 2)
    return Drawn(figure)


def class_shares(counts: Mapping[str, F8], edges: F8, names: Sequence[str]) -> Drawn:
    """Draw the share of each class in each part; arguments as above, names those of classes."""
    del edges
    figure, axes = new_figure()
    high = 0.8 / len(counts)
    for place, (part, own) in enumerate(counts.items()):
        share = own / own.sum()
        color = SENTINELS[COLORS[part]]
        x = np.arange(len(share)) + (place - (len(counts) - 1) / 2) * high
        label = f"{PARTS[part]}, n = {fixed(own.sum(), 0)}"
        axes.bar(x, share, high * 0.92, color=color, alpha=0.75, label=label)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("share of materials")
    legend(axes, 2)
    return Drawn(figure)
