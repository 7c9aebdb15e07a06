"""Active learning in the report: curves per arm, and what they save against random choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from atlas_core.arrays import F8
from atlas_core.kinds.acquisition import top_size
from atlas_pages import formatting
from atlas_pages.panels import Panel, panel
from atlas_report import learning_figures, loop_finds
from atlas_report.beside import apart
from atlas_report.source import IN_DOMAIN, Source
from atlas_statistics.binomial import BY_CHANCE, fisher_below

Series = tuple[F8, F8, F8, F8]
BAND = " Bands span the folds, where there are several."


@dataclass(frozen=True)
class Saved:
    """Say how many labels each quantity took one arm to reach the reference's final value."""

    arm: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class LoopView:
    """The curves and the table below them; no table where there is no reference.

    ``headline`` and ``sentences`` say which arm found most with the fewest labels, ``choice`` by
    which rule to choose; "" where nothing is known of that.
    """

    panels: tuple[Panel, ...]
    reference: str
    columns: tuple[str, ...]
    saved: tuple[Saved, ...]
    headline: str
    sentences: tuple[str, ...]
    choice: str = ""


@dataclass(frozen=True)
class _Quantity:
    column: str
    title: str
    label: str
    caption: str
    better: Literal["low", "high", "follow"]


def loop_view(source: Source) -> LoopView | None:
    """Return what the page shows of the labeling rounds, or None."""
    if not source.loop:
        return None
    table = source.active
    arms = list(dict.fromkeys(str(a) for a in table["arm"].tolist()))
    reference = "random" if "random" in arms and len(arms) > 1 else ""
    finds = loop_finds.sentences(source, reference)
    asked = _of_finds(source) if finds else _of_best(source)
    asked = [*_quantities(source), *asked]
    held = {q: lines for q in asked if (lines := _lines(table, arms, q.column))}
    panels = [
        panel(
            "loop",
            quantity.title,
            lambda lines=lines, q=quantity: learning_figures.active_learning(  # type: ignore[misc]
                lines, label=q.label, reference=reference
            ),
            caption=quantity.caption,
        )
        for quantity, lines in held.items()
    ]
    saved, compared = [], [q for q in held if q.column != "finds_picked"]  # not what adds up
    if reference:
        for arm in arms:
            cells = tuple(
                _labels_to_reach(held[quantity], arm, reference, quantity.better)
                for quantity in compared
            )
            saved.append(Saved(arm, cells))
    by_column = {quantity.column: lines for quantity, lines in held.items()}
    found = [_found_top(source, by_column, reference), _found_best(source, by_column, reference)]
    sentences = finds or [text for text in found if text]
    sentences += _learned_most(source, by_column)
    sentences += _labels_besides(source)
    sentences.append(_how_sure(table))
    return LoopView(
        panels=tuple(panels),
        reference=reference,
        columns=tuple(q.title for q in compared),
        saved=tuple(saved),
        headline=sentences[0],
        sentences=tuple(sentences[1:]),
        choice=_choice(source, by_column, reference),
    )


def _direction(lines: Mapping[str, Series]) -> float:
    """Return -1 where the best value falls: the goal of a loop shows in how its best moves."""
    moves = sum(float(line[1][-1] - line[1][0]) for line in lines.values())
    return -1.0 if moves < 0 else 1.0


def _first_at(line: Series, goal: float, sign: float = 1.0) -> float | None:
    """Return the number of labels at which a line first is as good as ``goal``, or None."""
    reached = np.flatnonzero(sign * line[1] >= sign * goal - 1e-12)
    return float(line[0][reached[0]]) if len(reached) else None


def _winners(lines: Mapping[str, Series], sign: float) -> tuple[list[str], float, float]:
    """Return the arms that reach the best value of all with the fewest labels; both figures."""
    goal = sign * max(sign * float(line[1][-1]) for line in lines.values())
    reached = {arm: at for arm, line in lines.items() if (at := _first_at(line, goal, sign))}
    fewest = min(reached.values())
    return [arm for arm in lines if reached.get(arm) == fewest], goal, fewest


def _top_sizes(source: Source) -> int:
    """Return how many materials are the best hundredth of the candidates, all folds together."""
    sizes = [fold.get("sizes") or {} for fold in source.folds]
    held = [int(one.get("train") or 0) + int(one.get("pool") or 0) for one in sizes]
    return sum(top_size(n) for n in held if n)


def _found_top(source: Source, held: Mapping[str, Mapping[str, Series]], reference: str) -> str:
    """Say which arm found the best hundredth with the fewest labels, if that is no chance.

    The arm is held against random choice, or else the arm that found most of the others, by
    Fisher's test of how many either found in the end: of six materials four prove nothing.
    """
    lines = held.get("top1_found")
    if not lines:
        return ""
    if all(line[1][-1] <= line[1][0] for line in lines.values()):
        return "No arm found any of the best 1 % beyond its first labels."
    arms, goal, labels = _winners(lines, 1.0)
    top = _top_sizes(source)

    def found(share: float) -> str:
        return f"{round(share * top)} of {top}" if top else formatting.percent(share)

    others = {arm: float(line[1][-1]) for arm, line in lines.items() if arm not in arms}
    rival = reference if reference in others else max(others, key=lambda a: others[a], default="")
    against = ""
    if rival:
        last = formatting.fixed(float(lines[rival][0][-1]), 0)
        against = f"{rival} found {found(others[rival])} with {last}"
    if len(lines) == 1:
        after = f"after {formatting.count(round(labels), 'label')}"
        return f"{arms[0]} found {found(goal)} of the best 1 % of the candidates {after}."
    named, after = (
        formatting.listed(arms),
        f"{found(goal)} after {formatting.fixed(labels, 0)} labels",
    )
    if not rival:
        return f"No arm finds more of the best 1 % than another: {named} found {after}."
    verb = "finds" if len(arms) == 1 else "find"
    if not _more(others[rival], goal, top, len(lines)):
        than = f"than {rival} by more than chance"
        return (
            f"{named} {verb} no more of the best 1 % of the candidates {than}: {after}; {against}."
        )
    return (
        f"{named} {verb} the best 1 % of the candidates with the fewest labels: {after}; {against}."
    )


def _choice(source: Source, held: Mapping[str, Mapping[str, Series]], reference: str) -> str:
    """Say by which rule to choose: those that surely found more than choosing at random would."""
    finds, lines = loop_finds.found(source), held.get("top1_found")
    if finds:
        sure = [one.arm for one in finds if one.arm != reference and one.times[1] > 1]
        what = f"candidates that are {source.wording.yes}"
    elif lines and reference in lines:
        top, chance = _top_sizes(source), float(lines[reference][1][-1])
        ends = {arm: float(line[1][-1]) for arm, line in lines.items() if arm != reference}
        sure = [arm for arm, end in ends.items() if _more(chance, end, top, len(lines))]
        what = "of the best 1 %"
    else:
        return ""
    next_one = "To choose what to compute or measure next,"
    if not sure:
        return f"{next_one} no rule is shown to find more than choosing at random."
    of = "the rule of" if len(sure) == 1 else "one of the rules of"
    return f"{next_one} use {of} {formatting.listed(sure)}: more {what} than by choosing at random."


def _more(less: float, more: float, top: int, arms: int) -> bool:
    """Return whether a share of ``top`` materials surely is above another; the first of arms."""
    p = fisher_below(round(less * top), top, round(more * top), top) if top else 1.0
    return p * max(1, arms - 1) < BY_CHANCE


def _found_best(source: Source, held: Mapping[str, Mapping[str, Series]], reference: str) -> str:
    """Say which arm came first upon the best material that any arm labeled."""
    lines = held.get("best")
    if not lines:
        return ""
    if all(line[1][-1] == line[1][0] for line in lines.values()):
        return "No arm found a better material than its first labels held."
    sign = _direction(lines)
    arms, goal, labels = _winners(lines, sign)
    unit = f" {source.unit}" if source.unit else ""
    several = len(set(map(str, source.active.get("fold", ())))) > 1
    what = "best value that any arm reached, on average over the folds"
    text = (
        f"The {what if several else 'best material that any arm labeled'}"
        f" ({formatting.number(goal)}{unit}) was found first by {formatting.listed(arms)}, after"
        f" {formatting.count(round(labels), 'label')}"
    )
    if reference in lines and reference not in arms:
        own, last = _first_at(lines[reference], goal, sign), float(lines[reference][0][-1])
        text += (
            f"; {reference} did not find it in {formatting.fixed(last, 0)}"
            if own is None
            else f"; {reference} needed {formatting.fixed(own, 0)}"
        )
    return f"{text}."


def _learned_most(source: Source, held: Mapping[str, Mapping[str, Series]]) -> list[str]:
    """Say whether an arm predicts worse in the end than the best, which need not find most.

    Of the arms between these two, whose intervals may hold either value, nothing is said.
    """
    lines = held.get("mae_test")
    if not lines or len(lines) < 2:
        return []
    final = {arm: float(line[1][-1]) for arm, line in lines.items()}
    best, worst = min(final, key=lambda a: final[a]), max(final, key=lambda a: final[a])
    unit = f" {source.unit}" if source.unit else ""
    if final[best] == final[worst]:
        return []
    arms = (source.metrics["arms"].get(arm) or {} for arm in (best, worst))
    parts = [(arm.get("parts") or {}).get(IN_DOMAIN) or {} for arm in arms]
    errors = [part["metrics"]["mae"] for part in parts if "mae" in part.get("metrics", {})]
    if len(errors) < 2 or not apart(*errors):
        return [
            "To predict, no arm is clearly better: their test MAEs of"
            f" {formatting.number(final[best])} to {formatting.number(final[worst])}{unit} in the"
            " end may differ by chance."
        ]
    return [
        f"To predict, {worst} gave a worse model than {best}: in the end a test MAE of"
        f" {formatting.number(final[worst])} against {formatting.number(final[best])}{unit}."
    ]


def labels_besides(source: Source) -> list[int]:
    """Return how many calibration labels every arm had besides, one entry per fold."""
    return [int((fold.get("sizes") or {}).get("calibration") or 0) for fold in source.folds]


def _labels_besides(source: Source) -> list[str]:
    sizes = labels_besides(source)
    if not any(sizes):
        return []
    low, high = min(sizes), max(sizes)
    size = (
        formatting.fixed(low, 0)
        if low == high
        else f"{formatting.fixed(low, 0)} to {formatting.fixed(high, 0)}"
    )
    fold = " a fold" if len(sizes) > 1 else ""
    noun = "label" if high == 1 else "labels"
    return [
        f"These counts leave out {size} {noun}{fold} that every arm was given besides, to calibrate"
        " its uncertainty."
    ]


def _how_sure(table: Mapping[str, Any]) -> str:
    folds = len(set(map(str, table["fold"].tolist()))) if "fold" in table else 1
    if folds > 1:
        return f"Figures are means over {folds} folds, each with its own first labels."
    return (
        "All arms started from the same labels, once: another draw may change the order, so small"
        " differences may be chance."
    )


def _quantities(source: Source) -> list[_Quantity]:
    unit = f" ({source.unit})" if source.unit else ""
    return [
        _Quantity(
            "mae_test",
            "Error on test materials",
            f"test MAE{unit}",
            "Mean absolute error on untouched test materials as labels are acquired; the line that"
            f" falls fastest makes the best use of its labels.{BAND}",
            "low",
        ),
    ]


def _of_finds(source: Source) -> list[_Quantity]:
    """Return what is drawn of a loop that seeks what lies at or below a border."""
    yes = source.wording.yes
    return [
        _Quantity(
            "finds_picked",
            f"Share of the picks that are {yes}",
            f"share of the picks that are {yes}",
            f"Of the candidates that each round chose, the share that turned out {yes}; picking at"
            f" random gives that of all candidates.{BAND}",
            "high",
        ),
        _Quantity(
            "finds_found",
            f"Share found of all that are {yes}",
            "share that is labeled",
            f"Share of all candidates that are {yes} that has been labeled; 1 means that none is"
            f" left to find.{BAND}",
            "high",
        ),
    ]


def _of_best(source: Source) -> list[_Quantity]:
    """Return what is drawn of a loop that seeks low or high values."""
    unit = f" ({source.unit})" if source.unit else ""
    return [
        _Quantity(
            "best",
            "Best material found",
            f"best {source.target}{unit}",
            "The best value among the labeled materials so far; the line that gets to the end"
            f" value first finds the best material with the fewest labels.{BAND}",
            "follow",
        ),
        _Quantity(
            "top1_found",
            "Share of the best 1 % found",
            "share of the best 1 % found",
            "Share of the best 1 % of all candidates that has been labeled; 1 means that"
            f" none is left to find.{BAND}",
            "high",
        ),
    ]


def _lines(table: Mapping[str, Any], arms: list[str], column: str) -> dict[str, Series]:
    if column not in table:
        return {}
    owner = np.array([str(a) for a in table["arm"].tolist()])
    labeled = np.asarray(table["labeled"], dtype=np.float64)
    values = np.asarray(table[column], dtype=np.float64)
    lines: dict[str, Series] = {}
    for arm in arms:
        mine = (owner == arm) & np.isfinite(values)
        x = np.unique(labeled[mine])
        groups = [values[mine & (labeled == at)] for at in x]
        if groups:
            lines[arm] = (
                x,
                np.array([g.mean() for g in groups]),
                np.array([g.min() for g in groups]),
                np.array([g.max() for g in groups]),
            )
    return lines


def _labels_to_reach(lines: Mapping[str, Series], arm: str, reference: str, better: str) -> str:
    if arm not in lines or reference not in lines:
        return "–"
    sign = {"low": -1.0, "high": 1.0}.get(better) or _direction(lines)
    reached = _first_at(lines[arm], float(lines[reference][1][-1]), sign)
    return "not reached" if reached is None else formatting.fixed(reached, 0)
