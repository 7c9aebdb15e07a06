"""What a finished run answers on the command line, and what it must be taken with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlas_core.cli.reuse import damaged_files, reused_fits
from atlas_core.engine.options import RunOutcome
from atlas_core.judge.codes import CAUTIONS, codes
from atlas_core.printing import on_one_line


def answer(outcome: RunOutcome) -> tuple[list[str], dict[str, Any], str]:
    """Return lines about what was reused, the answer as plain data, and the same for people."""
    finished, report = outcome.run, outcome.report
    notes = [line for line in (reused_fits(finished),) if line]
    notes += [f"warning: {line}" for line in damaged_files(finished)]
    verdicts = {arm: finished.verdict[arm] for arm in finished.arms}
    value = {
        "run": str(outcome.folder),
        "report": None if report is None else str(report),
        "reused": outcome.reused,
        "verdicts": verdicts,
        "cautions": cautions(verdicts),
    }
    stored = ["stored result (--force computes anew)"] if outcome.reused else []
    lines = [*stored, *(f"{arm}: {one['headline']}" for arm, one in verdicts.items())]
    text = "\n".join([*map(on_one_line, lines), str(report or outcome.folder)])
    return notes, value, text


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
