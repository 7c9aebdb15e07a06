"""What a finished run answers on the command line, and what it must be taken with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from atlas_core.data.meaning import meaning_of
from atlas_core.observe import FinishedRun
from atlas_core.printing import on_one_line
from atlas_core.store import DROPPED

STORED = ", stored"


def answer_of(run: FinishedRun) -> tuple[dict[str, Any], str]:
    """Return the answer of a run as plain data, and the same for people."""
    verdicts = {arm: run.verdict[arm] for arm in run.arms}
    value = {
        "run": str(run.folder),
        "report": None if run.report is None else str(run.report),
        "reused": run.reused,
        "verdicts": verdicts,
        "cautions": cautions(run),
    }
    stored = ["stored result (--force computes anew)"] if run.reused else []
    said = [f"{_opening(arm, one)} {one['headline']}" for arm, one in verdicts.items()]
    lines = map(on_one_line, [*stored, *said, *_caveat(run)])
    return value, "\n".join([*lines, str(run.report or run.folder)])


def _caveat(run: FinishedRun) -> list[str]:
    """Return what the target is not, where the data set says so: verdicts hold with it."""
    about = run.manifest["dataset"]
    meaning = meaning_of(about)
    target = meaning.words(str(about.get("target", "target")))
    return [f"What is predicted is the {target} ({meaning.caveat})."] if meaning.caveat else []


def grades(run: FinishedRun) -> dict[str, str]:
    """Return {what the line of an arm begins with: the grade of its verdict}."""
    verdicts = {arm: run.verdict[arm] for arm in run.arms}
    return {on_one_line(_opening(arm, one)): str(one["grade"]) for arm, one in verdicts.items()}


def _opening(arm: str, verdict: Mapping[str, Any]) -> str:
    """Return an arm and its grade, which its verdict begins with."""
    return f"{arm}: {str(verdict['grade']).replace('_', ' ')}."


def notes(run: FinishedRun) -> list[str]:
    """Return which fits were not trained again, and which files of the cache were damaged."""
    stages = run.manifest["stages"]
    stored = Counter(stage["arm"] for stage in stages if stage["stage"].endswith(STORED))
    jobs = Counter(stage["arm"] for stage in stages if stage["stage"] == "predict")
    kept = []
    for arm, count in stored.items():
        of = f"{count} of {jobs[arm]}" if jobs[arm] > count else f"{count}"
        kept.append(f"arm {arm} ({of} {'fit' if max(count, jobs[arm]) == 1 else 'fits'})")
    lines = []
    if kept:
        lines.append(
            f"found in the cache, not trained again: {', '.join(kept)}; --force trains anew"
        )
    texts = [text for one in run.records for text in one["content"].get("texts") or ()]
    mark = f"cache: {DROPPED}"
    damaged = dict.fromkeys(text[text.index(mark) :] for text in texts if mark in text)
    return [*lines, *(f"warning: {line}" for line in damaged)]


def cautions(run: FinishedRun) -> list[str]:
    """Return what makes the figures of each arm mean less than they seem, a line each.

    What holds for all of several arms is said once.
    """
    found: dict[str, list[str]] = {}
    for arm in run.arms:
        lowers = {one["code"] for one in run.metrics["arms"][arm].get("cautions") or ()}
        for one in run.verdict[arm]["findings"]:
            if one["code"] in lowers and one["place"] == "evidence":
                found.setdefault(one["text"], []).append(arm)
    every = "all arms" if len(run.arms) > 1 else ""
    return [
        f"{every if every and len(named) == len(run.arms) else ', '.join(named)}: {text}"
        for text, named in found.items()
    ]
