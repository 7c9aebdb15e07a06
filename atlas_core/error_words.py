"""Say which way predictions err, and what a warning is worth beside the rule that needs no model.

Light: pure Python.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from atlas_core.judgement import FEW_ROWS
from atlas_core.metrics import digits

CARRIES = 0.5
"""Share of the MAE that the mean error must have before errors are said to go in one direction."""

MOST_ROWS = 0.75
"""Share of the rows that must err in that direction: a few large errors make no direction."""

RULE = "the rule “contains an element never trained on”"

OVER_MATERIALS = "over materials, not over trainings: another seed can move it more"
"""What a 95 % interval of a figure of one training is, and is not."""


def direction(
    mean_error: Mapping[str, float] | None,
    *,
    mae: float | None,
    share_too_high: float | None,
    n: int,
    where: str,
    unit: str,
) -> str:
    """Return a sentence where the errors go in one direction, "" where they do not.

    Args:
        mean_error: signed, prediction - target, with ``low`` and ``high``.
        mae: of the same rows.
        share_too_high: of the same rows.
        n: materials; of a few rows three quarters err in one direction by chance.
        where: the rows in words, such as ``on materials with F``.
        unit: of the target.
    """
    if n < FEW_ROWS or mean_error is None or mae is None or share_too_high is None:
        return ""
    value = mean_error["value"]
    low, high = mean_error.get("low", -math.inf), mean_error.get("high", math.inf)
    if low <= 0 <= high or abs(value) <= CARRIES * mae:
        return ""
    share = share_too_high if value > 0 else 1 - share_too_high
    if share < MOST_ROWS:
        return ""
    way = "high" if value > 0 else "low"
    places = digits.places({"value": abs(value), "low": low, "high": high})
    ends = sorted((abs(low), abs(high)))
    text = f"too {way} by {digits.fixed(abs(value), places)} {unit}".rstrip()
    return (
        f"{where[0].upper()}{where[1:]} it predicts {text} on average"
        f" ({digits.fixed(ends[0], places)} to {digits.fixed(ends[1], places)}),"
        f" {digits.percentage(share)} % of them too {way}: its errors there go in the same"
        " direction."
    )


@dataclass(frozen=True)
class Rule:
    """Hold what the rule "contains an element never trained on" finds, which looks at no model.

    Attributes:
        auroc: of held-out against in-domain rows: 0.5 + (flagged held out - flagged in-domain) / 2.
        flagged: share of in-domain and of held-out rows that have such an element.
    """

    auroc: float
    flagged: tuple[float, float]

    @property
    def text(self) -> str:
        """Return the AUROC as it is written."""
        return digits.auroc({"value": self.auroc})

    def equals(self, detector: Mapping[str, float]) -> bool:
        """Return whether a detector is not shown to be better; ``value``, ``low``, ``high``."""
        return not detector.get("low", -math.inf) > self.auroc


def rule_of(ood: Mapping[str, Any]) -> Rule | None:
    """Return what the rule finds; None for a run that does not say."""
    found = ood.get("rule") or {}
    if "auroc" not in found:
        return None
    flagged = tuple(float(found[f"share_flagged_{part}"]["value"]) for part in ("test", "shifted"))
    return Rule(float(found["auroc"]["value"]), (flagged[0], flagged[1]))
