"""Describe the best candidates in full: charges and the nearest training materials. Light."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.arrays import F8
from atlas_core.engine.reference import Reference
from atlas_core.kinds.acquisition import Goal
from atlas_core.kinds.dataset import Candidates
from atlas_core.rows import write_csv
from atlas_core.store import write_bytes
from atlas_screening.open_arm import OpenArm

NEIGHBORS = 3
MEASURED = 1000
"""Training materials that say how far the nearest other one usually is."""
EXTREME = 0.05
"""The share of the training values, at the end that is looked for, that counts as extreme."""
TOGETHER = 1024
"""Candidates that are described at once."""


def describe(
    opened: OpenArm,
    candidates: Candidates,
    best: list[dict[str, Any]],
    *,
    charges: Callable[[str], str] | None,
) -> None:
    """Add ``charges``, ``nearest``, ``canonical`` and ``written`` to rows of the table.

    Args:
        opened: the arm.
        candidates: are read once more.
        best: the rows; their ``row`` is the place among the candidates.
        charges: says what is wrong with the charges of a formula; None: nothing is asked.
    """
    reference = opened.reference
    shown = reference.formulas.tolist()
    wanted = {int(row["row"]): row for row in best}
    for batch in candidates.batches(TOGETHER, wanted):
        here = np.flatnonzero(np.isin(batch.rows, list(wanted)))
        materials = batch.materials.take(here)
        near, apart = opened.nearest(materials, NEIGHBORS)
        formulas, written = materials.formulas(), materials.written()
        for i, number in enumerate(batch.rows[here].tolist()):
            row = wanted[number]
            row["canonical"], row["written"] = formulas[i], written[i]
            row["charges"] = "" if charges is None else charges(formulas[i])
            row["nearest"] = [
                {
                    "id": str(reference.ids[j]),
                    "formula": shown[j],
                    "value": float(reference.target[j]),
                    "distance": float(distance),
                }
                for j, distance in zip(near[i].tolist(), apart[i].tolist(), strict=True)
            ]


def usual_distance(reference: Reference) -> float | None:
    """Return how far a training material usually is from the nearest other one: the median.

    Of ``MEASURED`` of them, evenly spaced. None where there are fewer than two, or where most have
    one at no distance.
    """
    t = len(reference.ids)
    if t < 2:
        return None
    some = np.unique(np.linspace(0, t - 1, min(t, MEASURED)).astype(np.int64))
    _, apart = reference.nearest(reference.points[some], 2)
    # at place 0 stands the material itself, or another at no distance
    return float(np.median(apart[:, 1])) or None


def extreme(predictions: F8, known: F8, goal: Goal) -> int:
    """Return how many of (n,) predictions are at the end of known values that is looked for.

    A prediction is, where no more than ``EXTREME`` of the known values are as good or better.
    """
    sign = 1.0 if goal == "minimize" else -1.0
    as_good = np.searchsorted(np.sort(sign * known), sign * predictions, side="right")
    return int((as_good <= EXTREME * len(known)).sum()) if len(known) else 0


def write_top(path: Path, best: list[dict[str, Any]], *, sound: str) -> None:
    """Write the best rows as CSV, one line each; ``sound`` where nothing is wrong with charges."""
    plain = [name for name in best[0] if name not in ("nearest", "canonical", "written")]
    near = [
        f"nearest_{i + 1}_{part}"
        for i in range(NEIGHBORS)
        for part in ("id", "formula", "value", "distance")
    ]

    def cell(name: str, value: Any) -> Any:
        if name == "charges":
            return value or sound
        return "" if isinstance(value, float) and np.isnan(value) else value

    rows = (
        [
            *(cell(name, row[name]) for name in plain),
            *(value for one in row["nearest"] for value in one.values()),
        ]
        for row in best
    )
    write_bytes(path, write_csv([*plain, *near], rows))
