"""The verdict of each arm of a finished run, in one line."""

from __future__ import annotations

from pathlib import Path

from atlas_core.report.source import checked_run, read_exam
from atlas_core.verdict import verdict_of_run


def verdicts(folder: Path) -> dict[str, str]:
    """Return {arm: headline} from what the run folder holds, arms in the order of the spec.

    Raises:
        DataError: the folder holds no finished run.
    """
    run = checked_run(folder)
    # the manifest is sorted by name; the order of the spec survives in the rows
    arms = dict.fromkeys(str(arm) for arm in run.predictions["arm"].tolist())
    exams = read_exam(folder)
    return {
        arm: verdict_of_run(run.manifest, run.metrics, arm, exam=exams.get(arm)).headline
        for arm in arms
    }
