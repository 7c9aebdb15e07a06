"""What can be said of a calibrator's rows before anything is trained. Light: numpy only."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from atlas_calibration._conformal import rows_needed
from atlas_calibration._shared import HOW
from atlas_core.api import Config, FoldFacts

CURVE_ROWS = 20
"""Fewest calibration rows of a line or a curve: it takes more than a factor."""
FACTOR_ROWS = 10
"""Fewest calibration rows of a factor: with 10 its relative error is about 1 / sqrt(20)."""


def enough(facts: FoldFacts, needed: int) -> list[str]:
    """Return why there are too few calibration rows, or nothing."""
    n = len(facts.calibration)
    return [] if n >= needed else [f"{n} calibration rows, needs at least {needed}; {HOW}"]


def both_classes(facts: FoldFacts) -> list[str]:
    """Return why a curve of P(1) cannot be learned: all rows are of one class, or nothing."""
    zeros, ones = facts.classes.get("calibration", (1, 1))
    if (zeros and ones) or not zeros + ones:
        return []
    only = facts.meaning.of_class(int(ones > 0))
    return [
        f"all {zeros + ones} calibration rows are {only}, it needs rows of both classes; {HOW}, or"
        " use a stratified split"
    ]


def fewest(levels: Sequence[float]) -> int:
    """Return how many rows bound the lowest level."""
    return min(map(rows_needed, levels))


def conformal(config: Config, facts: FoldFacts) -> list[str]:
    """Return what a conformal calibrator lacks, and warn of levels that will have no bound."""
    problems = enough(facts, fewest(facts.levels))
    if not problems:
        for text in both_classes(facts):
            warnings.warn(text, stacklevel=2)
    n = len(facts.calibration)
    endless = [level for level in facts.levels if rows_needed(level) > n]
    if endless and not problems:
        needed = ", ".join(f"{level:g} (needs {rows_needed(level)})" for level in endless)
        warnings.warn(
            f"{n} calibration rows give infinite intervals at level {needed}; {HOW}", stacklevel=2
        )
    return problems
