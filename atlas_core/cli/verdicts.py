"""The verdict of each arm of a finished run in one line, and what it must be taken with."""

from __future__ import annotations

from pathlib import Path

from atlas_core.report.source import checked_run, read_exam
from atlas_core.store import read_json
from atlas_core.verdict import verdict_of_run


def verdicts(folder: Path) -> dict[str, str]:
    """Return {arm: headline} from what the run folder holds, arms in the order of the spec.

    Raises:
        DataError: the folder holds no finished run.
    """
    run = checked_run(folder)
    # the manifest is sorted by name; the order of the spec survives in the rows
    arms = dict.fromkeys(run.predictions.arm.tolist())
    exams = read_exam(folder)
    return {
        arm: verdict_of_run(run.manifest, run.metrics, arm, exam=exams.get(arm)).headline
        for arm in arms
    }


def cautions(folder: Path) -> list[str]:
    """Return what makes the figures of each arm mean less than they seem, a line each.

    What holds for all of several arms is said once.

    Raises:
        DataError: the metrics of the run cannot be read.
    """
    arms = read_json(folder / "metrics.json")["arms"]
    found: dict[str, list[str]] = {}
    for arm, own in arms.items():
        for caution in own.get("cautions") or ():
            found.setdefault(caution["text"], []).append(arm)
    every = "all arms" if len(arms) > 1 else ""
    return [
        f"{every if every and len(named) == len(arms) else ', '.join(named)}: {text}"
        for text, named in found.items()
    ]
