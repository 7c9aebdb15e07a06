"""Active learning in the report: curves an arm, and what they save against random choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from atlas_core.arrays import F8
from atlas_core.report import figures, words
from atlas_core.report.plates import Plate, plate
from atlas_core.report.source import Source

Series = tuple[F8, F8, F8, F8]


@dataclass(frozen=True)
class Saved:
    """Say how many labels each quantity took one arm to reach the reference's final value."""

    arm: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class LoopView:
    """Hold the curves and the table below them; no table where there is no reference."""

    plates: tuple[Plate, ...]
    reference: str
    columns: tuple[str, ...]
    saved: tuple[Saved, ...]


@dataclass(frozen=True)
class _Quantity:
    column: str
    title: str
    label: str
    caption: str
    better: Literal["low", "high", "follow"]


def loop_view(source: Source) -> LoopView | None:
    """Return what the page shows of the labelling rounds, or None."""
    if source.active is None or not len(source.active.get("labelled", ())):
        return None
    table = source.active
    arms = list(dict.fromkeys(str(a) for a in table["arm"].tolist()))
    reference = "random" if "random" in arms and len(arms) > 1 else ""
    held = {q: lines for q in _quantities(source) if (lines := _lines(table, arms, q.column))}
    plates = [
        plate(
            "loop",
            quantity.title,
            lambda lines=lines, q=quantity: figures.active_learning(  # type: ignore[misc]
                lines, label=q.label, reference=reference
            ),
            caption=quantity.caption,
        )
        for quantity, lines in held.items()
    ]
    saved = []
    if reference:
        for arm in arms:
            cells = tuple(
                _labels_to_reach(lines, arm, reference, quantity.better)
                for quantity, lines in held.items()
            )
            saved.append(Saved(arm, cells))
    return LoopView(tuple(plates), reference, tuple(q.title for q in held), tuple(saved))


def _quantities(source: Source) -> list[_Quantity]:
    unit = f" ({source.unit})" if source.unit else ""
    band = " Bands span the folds, where there are several."
    return [
        _Quantity(
            "mae_test",
            "Error on test materials",
            f"test MAE{unit}",
            "Mean absolute error on untouched test materials as labels are bought; the line that"
            f" falls fastest teaches the model most for its labels.{band}",
            "low",
        ),
        _Quantity(
            "best",
            "Best material found",
            f"best {source.target}{unit}",
            "The best value among the labelled materials so far; the line that gets to the end"
            f" value first finds the best material with the fewest labels.{band}",
            "follow",
        ),
        _Quantity(
            "top1_found",
            "Share of the best 1 % found",
            "share of the best 1 % found",
            "How many of the best hundredth of all candidates have been labelled; 1 means that"
            f" none is left to find.{band}",
            "high",
        ),
    ]


def _lines(table: Mapping[str, Any], arms: list[str], column: str) -> dict[str, Series]:
    if column not in table:
        return {}
    owner = np.array([str(a) for a in table["arm"].tolist()])
    labelled = np.asarray(table["labelled"], dtype=np.float64)
    values = np.asarray(table[column], dtype=np.float64)
    lines: dict[str, Series] = {}
    for arm in arms:
        mine = (owner == arm) & np.isfinite(values)
        x = np.unique(labelled[mine])
        groups = [values[mine & (labelled == at)] for at in x]
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
    goal = lines[reference][1]
    sign = {"low": -1.0, "high": 1.0}.get(better)
    if sign is None:  # the goal of the loop shows in the direction in which its best moves
        moves = sum(float(line[1][-1] - line[1][0]) for line in lines.values())
        sign = -1.0 if moves < 0 else 1.0
    x, y = lines[arm][:2]
    reached = np.flatnonzero(sign * y >= sign * goal[-1])
    return words.fixed(float(x[reached[0]]), 0) if len(reached) else "not reached"
