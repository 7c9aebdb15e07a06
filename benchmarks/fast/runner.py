"""A spec run a second time, and with one option of a detector changed, as a user runs it.

Each command is a process of its own, start-up and report included.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from measure import ROOT, Bar

SPEC = ROOT / "specs/ood_formation.yaml"
SMALLER = ("arms.forest.model.options.trees=100", "arms.cgcnn.model.options.epochs=2")
QUANTILES = (0.9, 0.92, 0.97)
CHANGED = ("detect", "score", "report")
"""Stages whose work is another one after the change: detectors with the import of their library,
scores with their bootstrap, and the whole report."""
KEPT = ("predictions.parquet", "metrics.json", "records.json")


@dataclass(frozen=True)
class Ran:
    """One command.

    Attributes:
        seconds: of the whole process.
        stages: {stage: seconds over all cells}.
        files: content of the files whose bytes must repeat.
    """

    seconds: float
    stages: dict[str, float]
    files: dict[str, bytes]


def atlas(folder: Path, out: str, cache: str, *changes: str) -> Ran:
    """Run the spec with changes and time it."""
    command = [sys.executable, "-m", "atlas_core.cli", "run", str(SPEC), "--json"]
    command += ["--device", "cpu", "--out", str(folder / out), "--cache-dir", str(folder / cache)]
    for change in (*SMALLER, *changes):
        command += ["--set", change]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    run = Path(json.loads(done.stdout)["run"])
    stages: dict[str, float] = {}
    for stage in json.loads((run / "manifest.json").read_text(encoding="utf-8"))["stages"]:
        stages[stage["stage"]] = stages.get(stage["stage"], 0.0) + stage["seconds"]
    events = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    scored, complete = (datetime.fromisoformat(json.loads(e)["time"]) for e in events[-2:])
    stages["report"] = (complete - scored).total_seconds()
    return Ran(seconds, stages, {name: (run / name).read_bytes() for name in KEPT})


def bars() -> list[Bar]:
    """Return the bars of a run that was made before, in whole and in part."""
    changes = [f"arms.forest.ood.options.quantile={q}" for q in QUANTILES]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = atlas(folder, "runs", "cache")
        again = [atlas(folder, "runs", "cache") for _ in QUANTILES]
        changed = [atlas(folder, "runs", "cache", change) for change in changes]
        # a run of the change with nothing stored is what the reused fits are held against
        cold = atlas(folder, "cold", "empty", changes[-1])
        back = atlas(folder, "back", "cache")
    for one, other in ((first, back), (cold, changed[-1])):
        if one.files != other.files:
            raise ValueError("a run with reused fits has other bytes than one without")
    work = [sum(ran.stages.get(stage, 0.0) for stage in CHANGED) for ran in changed]
    fits = [ran.stages.get("fit", 0.0) for ran in (*changed, back)]
    if any(fits):
        raise ValueError(f"something was trained again, for {fits} s")
    whole = [ran.seconds for ran in changed]
    detail = {
        "first_run_seconds": [first.seconds, cold.seconds],
        "again_seconds": [ran.seconds for ran in again],
        "changed_seconds": whole,
        "changed_work_seconds": work,
        "stages": changed[-1].stages,
        "spec": SPEC.name,
        "options": SMALLER,
    }
    return [
        Bar(
            "the same spec a second time",
            f"the first run ({first.seconds:.0f} s)",
            median(ran.seconds for ran in again),
            2.0,
            unit="s",
            more_is_better=False,
            detail=detail,
        ),
        Bar(
            "one option of the OOD block changed, apart from the detector, scores and report",
            f"the first run ({cold.seconds:.0f} s)",
            median(w - c for w, c in zip(whole, work, strict=True)),
            2.0,
            unit="s",
            more_is_better=False,
            note=f"{median(whole):.1f} s with them; the same bytes as without the cache",
            detail=detail,
        ),
    ]
