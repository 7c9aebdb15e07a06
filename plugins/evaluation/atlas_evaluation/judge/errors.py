"""Which way predictions err, and the rule that needs no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atlas_evaluation.judge.figures import FEW_ROWS, Figure
from atlas_evaluation.judge.finding import Finding

CARRIES = 0.5
"""Share of the MAE that the mean error must have before errors are said to go in one direction."""

MOST_ROWS = 0.75
"""Share of the rows that must err in that direction: a few large errors make no direction."""


def direction(
    mean_error: Figure | None,
    *,
    mae: float | None,
    share_too_high: float | None,
    n: int,
    part: str,
    trainings: Sequence[float] = (),
) -> list[Finding]:
    """Return a finding where the errors go in one direction, [] where they do not.

    A direction that another training reverses is none.

    Args:
        mean_error: signed, prediction - target.
        mae: of the same rows.
        share_too_high: of the same rows.
        n: materials; of a few rows three quarters err in one direction by chance.
        part: ``in_domain`` or ``held_out``.
        trainings: mean error of each of several trainings, the first one first.
    """
    if n < FEW_ROWS or mean_error is None or mae is None or share_too_high is None:
        return []
    value, side = mean_error.value, mean_error.side(0.0)
    if not side or abs(value) <= CARRIES * mae or any(one * value <= 0 for one in trainings):
        return []
    share = share_too_high if value > 0 else 1 - share_too_high
    if share < MOST_ROWS:
        return []
    low, high = sorted((abs(mean_error.low), abs(mean_error.high)))
    code = f"errors_too_{'high' if value > 0 else 'low'}"
    sizes = [abs(one) for one in trainings]
    over = {"n": len(sizes), "low": min(sizes), "high": max(sizes)} if sizes else None
    by = Figure(abs(value), low, high)
    return [Finding.of(code, part=part, by=by, share=share, trainings=over)]


@dataclass(frozen=True)
class Rule:
    """Findings of the rule "contains an element not in the training set", which uses no model.

    Attributes:
        auroc: of held-out against in-domain rows: 0.5 + (flagged held out - flagged in-domain) / 2.
        flagged: share of in-domain and of held-out rows that have such an element.
    """

    auroc: float
    flagged: tuple[float, float]

    def equals(self, detector: Figure) -> bool:
        """Return whether a detector is not shown to be better."""
        return not detector.low > self.auroc


def rule_of(ood: Mapping[str, Any]) -> Rule | None:
    """Return what the rule finds; None for a run that does not say."""
    found = ood.get("rule") or {}
    if "auroc" not in found:
        return None
    flagged = tuple(float(found[f"share_flagged_{part}"]["value"]) for part in ("test", "ood_test"))
    return Rule(float(found["auroc"]["value"]), (flagged[0], flagged[1]))
