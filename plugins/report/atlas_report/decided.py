"""What a page shows of decisions against a border: sentences, figures, and the best candidates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from atlas_core.api import Wording
from atlas_core.data.decisions import Decisions
from atlas_core.data.predictions import Predictions
from atlas_core.kinds.trust import LABELS
from atlas_core.observe import held_out_classes
from atlas_pages import formatting
from atlas_pages.formatting import chance, fixed, linked, percent
from atlas_pages.panels import Panel, panel
from atlas_pages.strip import Axis
from atlas_report import class_figures, decided_figures
from atlas_report.decided_figures import LabelShare
from atlas_report.source import HELD_OUT, IN_DOMAIN, PART_LABEL, SHOWN_PARTS, Json, Source
from atlas_statistics import digits

BEST = 15
"""Candidates that are listed; the table of all test materials has every one."""
SIDE = 0.04
"""Share of the axis of candidates that is left free on either side."""
CODES = ("decided_", "calls_", "p_", "confident_", "trusted_calls_")
"""What the codes of findings on decisions begin with."""


@dataclass(frozen=True)
class Candidate:
    """A test material, and how far from the border it is predicted to lie.

    Attributes:
        id: linked where the data set names a page.
        formula: with subscripts.
        part: in words.
        held_out: whether it is of the held-out class.
        distance: predicted less border, in words; negative below it.
        interval: its ends, in words; "" where there is none.
        at: its place in percent of the axis.
        low: place of the lower end.
        high: place of the upper end.
        probability: in words.
        label: of the decision.
        against: what the border rests on.
        truth: the true distance, in words.
        right: whether the call is right.
    """

    id: str | Markup
    formula: Markup
    part: str
    held_out: bool
    distance: str
    interval: str
    at: float
    low: float
    high: float
    probability: str
    label: str
    against: Markup
    truth: str
    right: bool


@dataclass(frozen=True)
class Class:
    """What came of the decisions on one held-out class, in words.

    Attributes:
        name: of the class.
        n: its materials.
        share: of them at or below the border.
        right: share of right calls.
        brier: of P.
        base: of the base rate.
        trusted: how many decisions are labeled trust.
        reliable: share of these that is right, with its interval; "" where none is.
        ends: of that interval.
    """

    name: str
    n: int
    share: str
    right: str
    brier: str
    base: str
    trusted: int
    reliable: str
    ends: str


@dataclass(frozen=True)
class DecidedView:
    """What the page shows of the decisions of an arm.

    Attributes:
        arm: its name.
        sentences: what came of them.
        panels: figures.
        classes: what came of each held-out class; () of one or none.
        candidates: the most probable ones.
        zero: place of the border, in percent of the axis.
        level: of their intervals, in words; "" where there are none.
        others: how many more were as probable as the last that is listed, beside those listed.
    """

    arm: str
    sentences: tuple[str, ...]
    panels: tuple[Panel, ...]
    classes: tuple[Class, ...]
    candidates: tuple[Candidate, ...]
    zero: float
    level: str
    others: int


def title(source: Source) -> str:
    """Return the question of the section."""
    yes = source.wording.yes
    return f"{yes[0].upper()}{yes[1:]} or not"


def decided_views(source: Source) -> tuple[DecidedView, ...]:
    """Return what came of the decisions of each arm; () without a reference."""
    return tuple(_view(source, arm) for arm in source.rows if arm in source.decided)


def briefly(source: Source, arm: str) -> str:
    """Return what came of an arm's decisions in one sentence; "" without a reference.

    What is said follows from the codes of its verdict, each of which rests on an interval; what P
    is worth its headline says.
    """
    words = source.wording
    found = (source.verdict.get(arm) or {}).get("findings") or ()
    parts = []
    for part, name in (("in_domain", PART_LABEL[IN_DOMAIN]), ("held_out", PART_LABEL[HELD_OUT])):
        own = {one["code"]: one["figures"] for one in found if one["figures"].get("part") == part}
        parts += [f"{name} {text}" for text in _brief(own, words)]
    if not parts:
        return ""
    return f"{title(source)}, against {words.against}: {'; '.join(parts)}."


CALLS = {
    "calls_better": "",
    "calls_no_better": ", which they are not shown to beat",
    "calls_worse": ", which is better",
}
"""What is said of calls beside one call for all."""
TRUSTED = {
    "trusted_calls_reached": "",
    "trusted_calls_as_constant": "",
    "trusted_calls_short": ", which falls short of the target",
    "trusted_calls_missed": ", which misses the target",
}
"""What is said of the decisions that are labeled trust."""


def _brief(own: Mapping[str, Json], words: Wording) -> Iterator[str]:
    """Yield what came of the decisions of a part, where it is known."""
    if "calls_few" in own:
        yield "too few to judge"
    for code, beside in CALLS.items():
        if code not in own:
            continue
        constant = own[code]["constant"]
        one_call = words.yes if constant["yes"] else words.no
        text = f"{_right(own[code])} of the calls are right"
        text += f" (calling all {one_call}: {percent(constant['right'])}{beside})"
        for label, said in TRUSTED.items():
            if label in own:
                text += f", of those labeled trust {_right(own[label])}{said}"
        yield text


def _right(figures: Json) -> str:
    right = figures["right"]
    return percent(right["value"], tenths=digits.tight(right))


def _view(source: Source, arm: str) -> DecidedView:
    rows = source.decided[arm]
    best, others = _best(rows)
    ends, level = _ends(source.rows[arm], best)
    distance = best.mean - best.border
    axis = _axis(distance, ends)
    return DecidedView(
        arm=source.called(arm),
        sentences=tuple(sentences(source.verdict.get(arm) or {})),
        panels=tuple(_panels(source, arm, rows)),
        classes=tuple(_classes(source, arm)),
        candidates=tuple(_candidates(source, best, ends, axis)),
        zero=axis.place(0.0),
        level=level,
        others=others,
    )


def sentences(verdict: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a verdict says of decisions, a sentence per finding."""
    for one in verdict.get("findings") or ():
        if one["code"].startswith(CODES) and one["text"]:
            yield f"{one['text'][0].upper()}{one['text'][1:]}."


def _parts(rows: Decisions) -> dict[str, Decisions]:
    parts = {part: rows.part(part) for part in SHOWN_PARTS}
    return {part: own for part, own in parts.items() if len(own)}


def _panels(source: Source, arm: str, rows: Decisions) -> Iterator[Panel]:
    words, parts = source.wording, _parts(rows)
    found: Json = source.metrics["arms"][arm].get("decisions") or {}
    classes = (words.no, words.yes)
    base = found.get("base")
    line = " Dotted: the base rate, which is what P would be without a model." if base else ""
    yield panel(
        arm,
        f"P({words.yes}) against what is",
        lambda: class_figures.reliability(
            {part: own.as_classes() for part, own in parts.items()}, classes, base=base
        ),
        caption=f"Of the materials given a probability, the share that is {words.yes}; on the gray"
        f" line P is right, below it too high. Larger marks hold more materials, upright lines are"
        f" 95 % intervals.{line}",
    )
    yield panel(
        arm,
        "Wrong calls of those kept",
        lambda: decided_figures.wrong_when_dropped(parts),
        caption="Share of wrong calls when the least certain, whose P is nearest to one half, are"
        " dropped; the further left, the fewer are kept. Upright lines are 95 % intervals. Dotted:"
        " one call for all materials, the more frequent one.",
    )
    shares = list(_shares(found))
    if shares:
        target = float(source.manifest["reference"]["target_reliability"])
        yield panel(
            arm,
            "Right decisions of each label",
            lambda: decided_figures.label_shares(shares, target=target),
            caption="Share of right decisions with its 95 % interval, by the label of the decision;"
            f" of those labeled trust {percent(target)} should be right (dashed).",
        )


def _shares(found: Json) -> Iterator[LabelShare]:
    for part in SHOWN_PARTS:
        labels = (found.get("parts") or {}).get(part, {}).get("labels") or {}
        for label in LABELS:
            if (own := labels.get(label)) is not None:
                ends = (own["low"], own["high"])
                yield LabelShare(part, label, own["n"], own["right"], ends)


def _classes(source: Source, arm: str) -> Iterator[Class]:
    """Yield what came of each held-out class of several, the one with the least reliable first."""
    found = (source.metrics["arms"][arm].get("decisions") or {}).get("parts") or {}
    own: Mapping[str, Json] = (found.get(HELD_OUT) or {}).get("classes") or {}
    if len(own) < 2:
        return
    names = held_out_classes(source.manifest.get("split"))
    order = sorted(own, key=lambda fold: own[fold].get("trust", {}).get("right", 2.0))
    for fold in order:
        one = own[fold]
        trust = one.get("trust")
        ends = f"{percent(trust['low'])} to {percent(trust['high'])}" if trust else ""
        yield Class(
            name=names.get(fold) or fold,
            n=int(one["calls"]["n"]),
            share=percent(one["share"]),
            right=percent(one["calls"]["right"]),
            brier=fixed(one["brier"], 3),
            base=fixed(one["base_brier"], 3),
            trusted=int(trust["n"]) if trust else 0,
            reliable=percent(trust["right"]) if trust else "",
            ends=ends,
        )


def _best(rows: Decisions) -> tuple[Decisions, int]:
    """Return the most probable materials, each once, and how many more share the last P.

    Of equal P the one that is predicted to lie the farthest below comes first.
    """
    order = np.lexsort((rows.ids, rows.mean - rows.border, -rows.probability))
    ids = rows.ids[order]
    first = np.sort(np.unique(ids, return_index=True)[1])
    every = rows.take(order[first])
    best = every.take(np.arange(min(BEST, len(every))))
    last = best.probability[-1]
    return best, int((every.probability >= last).sum()) - len(best)


Ends = Mapping[str, np.ndarray]


def _ends(rows: Predictions, best: Decisions) -> tuple[tuple[Any, Any], str]:
    """Return (lower, upper) distances to the border, and the level in words; NaN where unknown."""
    levels = sorted(rows.lower, key=lambda level: abs(level - 0.9))
    unknown = np.full(len(best), np.nan)
    if not levels:
        return (unknown, unknown), ""
    keys = zip(rows.fold.tolist(), rows.parts.tolist(), rows.ids.tolist(), strict=True)
    place = {key: row for row, key in enumerate(keys)}
    asked = zip(best.fold.tolist(), best.parts.tolist(), best.ids.tolist(), strict=True)
    at = np.array([place[key] for key in asked], dtype=np.int64)
    low, high = (side[levels[0]][at] - best.border for side in (rows.lower, rows.upper))
    return (low, high), formatting.percent_of_level(levels[0])


def _axis(distance: Any, ends: tuple[Any, Any]) -> Axis:
    values = np.concatenate([distance, *ends, [0.0]])
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    room = SIDE * ((high - low) or 1.0)
    return Axis(low - room, high + room)


def _candidates(
    source: Source, best: Decisions, ends: tuple[Any, Any], axis: Axis
) -> Iterator[Candidate]:
    distance, true = best.mean - best.border, best.target - best.border
    for k in range(len(best)):
        low, high = float(ends[0][k]), float(ends[1][k])
        known = np.isfinite([low, high]).all()
        yield Candidate(
            id=linked(str(best.ids[k]), source.meaning.url),
            formula=formatting.formula(str(best.formula[k])),
            part=PART_LABEL[str(best.parts[k])],
            held_out=best.parts[k] == HELD_OUT,
            distance=fixed(float(distance[k]), 3),
            interval=f"{fixed(low, 3)} to {fixed(high, 3)}" if known else "",
            at=axis.place(float(distance[k])),
            low=axis.place(low if known else float(distance[k])),
            high=axis.place(high if known else float(distance[k])),
            probability=chance(float(best.probability[k])),
            label=str(best.label[k]),
            against=formatting.formula(str(best.words[k])),
            truth=fixed(float(true[k]), 3),
            right=bool(best.call[k] == best.true[k]),
        )
