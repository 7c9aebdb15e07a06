"""Compare the decisions of two runs on the same materials and borders. Light: numpy only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from atlas_core.context import derive_seed
from atlas_core.data.decisions import Decisions
from atlas_core.observe import FinishedRun
from atlas_report.differences import Difference
from atlas_report.source import SHOWN_PARTS
from atlas_statistics import bootstrap

SAME = 1e-9
"""In the target's unit; borders that differ by more ask another question."""

Key = tuple[str, str, str]


@dataclass(frozen=True)
class DecisionDifference:
    """Compare the decisions of two arms in one part.

    Attributes:
        paired: decisions on the same material, part, fold and border in both.
        other_border: those whose border differs: another question, compared with nothing.
        brier: B - A of the Brier score of P; None where none is paired.
    """

    paired: int
    other_border: int
    brier: Difference | None


def decision_differences(
    a: FinishedRun, b: FinishedRun, arms: tuple[str, str], refused: Collection[str], *, seed: int
) -> Mapping[str, DecisionDifference]:
    """Return B - A by part; {} where one of the runs has no decision.

    Args:
        a: the run that is the reference.
        b: the other run.
        arms: names of the two.
        refused: folds whose rows are not paired.
        seed: of the resampling.
    """
    if a.decisions is None or b.decisions is None:
        return {}
    first, second = (
        run.decisions.take(run.decisions.arm == arm)
        for run, arm in zip((a, b), arms, strict=True)
        if run.decisions is not None
    )
    found = {}
    for part in SHOWN_PARTS:
        x, y = _paired(first.part(part), second.part(part), refused)
        if len(x):
            own = derive_seed(seed, "comparison", *arms, "decisions", part)
            found[part] = _difference(x, y, own)
    return found


def _paired(a: Decisions, b: Decisions, refused: Collection[str]) -> tuple[Decisions, Decisions]:
    """Return the rows of each that the other has, too, row i of one beside row i of the other."""
    place = {key: row for row, key in enumerate(_keys(b))}
    pairs = [
        (row, place[key])
        for row, key in enumerate(_keys(a))
        if key in place and key[0] not in refused
    ]
    at = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return a.take(at[:, 0]), b.take(at[:, 1])


def _keys(rows: Decisions) -> list[Key]:
    return list(zip(rows.fold.tolist(), rows.parts.tolist(), rows.ids.tolist(), strict=True))


def _difference(a: Decisions, b: Decisions, seed: int) -> DecisionDifference:
    same = np.abs(a.border - b.border) <= SAME
    x, y = a.take(same), b.take(same)
    brier: Any = None
    if len(x):
        first, second = ((rows.probability - rows.true) ** 2 for rows in (x, y))
        found = bootstrap.paired_difference(
            second, first, seed=seed, materials=bootstrap.numbered(x.ids)
        )
        means = float(first.mean()), float(second.mean())
        brier = Difference(*means, found.difference, found.low, found.high)
    return DecisionDifference(len(x), int((~same).sum()), brier)
