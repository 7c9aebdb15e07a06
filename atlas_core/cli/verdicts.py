"""What the verdicts of a run must be taken with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlas_core.judge.codes import CAUTIONS, codes


def cautions(verdict: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what makes the figures of each arm mean less than they seem, a line each.

    What holds for all of several arms is said once.

    Args:
        verdict: what ``verdict.json`` holds, by arm.
    """
    found: dict[str, list[str]] = {}
    for arm, own in verdict.items():
        for one in own["findings"]:
            caution = codes()[one["code"]].group == CAUTIONS
            if caution and one["place"] == "evidence":
                found.setdefault(one["text"], []).append(arm)
    every = "all arms" if len(verdict) > 1 else ""
    return [
        f"{every if every and len(named) == len(verdict) else ', '.join(named)}: {text}"
        for text, named in found.items()
    ]
