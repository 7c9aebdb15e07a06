"""The verdict of each arm of a finished run in one line, and what it must be taken with."""

from __future__ import annotations

from atlas_core.observe import FinishedRun
from atlas_core.verdict import verdict_of_run


def verdicts(run: FinishedRun) -> dict[str, str]:
    """Return {arm: headline}, arms in the order of the spec."""
    return {
        arm: verdict_of_run(run.manifest, run.metrics, arm, exam=run.exam.get(arm)).headline
        for arm in run.arms
    }


def cautions(run: FinishedRun) -> list[str]:
    """Return what makes the figures of each arm mean less than they seem, a line each.

    What holds for all of several arms is said once.
    """
    arms = run.metrics["arms"]
    found: dict[str, list[str]] = {}
    for arm, own in arms.items():
        for caution in own.get("cautions") or ():
            found.setdefault(caution["text"], []).append(arm)
    every = "all arms" if len(arms) > 1 else ""
    return [
        f"{every if every and len(named) == len(arms) else ', '.join(named)}: {text}"
        for text, named in found.items()
    ]
