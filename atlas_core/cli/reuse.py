"""Which fits of a run were found in the cache, and which stored files were damaged."""

from __future__ import annotations

from collections import Counter

from atlas_core.observe import FinishedRun
from atlas_core.store import DROPPED

STORED = ", stored"


def reused_fits(run: FinishedRun) -> str:
    """Return which fits of a run were not trained again, "" where all were trained."""
    stages = run.manifest["stages"]
    stored = Counter(stage["arm"] for stage in stages if stage["stage"].endswith(STORED))
    cells = Counter(stage["arm"] for stage in stages if stage["stage"] == "predict")
    told = []
    for arm, count in stored.items():
        of = f"{count} of {cells[arm]}" if cells[arm] > count else f"{count}"
        told.append(f"arm {arm} ({of} {'fit' if max(count, cells[arm]) == 1 else 'fits'})")
    if not told:
        return ""
    return f"found in the cache, not trained again: {', '.join(told)}; --force trains anew"


def damaged_files(run: FinishedRun) -> list[str]:
    """Return a line for each file of the cache that a run found damaged."""
    texts = [text for one in run.records for text in one["content"].get("texts") or ()]
    mark = f"cache: {DROPPED}"
    return list(dict.fromkeys(text[text.index(mark) :] for text in texts if mark in text))
