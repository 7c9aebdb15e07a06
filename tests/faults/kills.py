"""Kill runs at random moments; the same command then ends as if nothing had been."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np

from faults.campaign import Campaign, Tally
from faults.ground import FOREST, RIDGE, answer, command, copied, ground, kill, start


def _options(spec: Path, home: Path, workers: int) -> list[str | Path]:
    where = ["--out", home / "runs", "--cache-dir", home / "cache"]
    return ["run", spec, "--workers", str(workers), *where]


def _run(home: Path, count: int, rng: np.random.Generator) -> Tally:
    clean, log, failures = ground(FOREST + RIDGE), home / "log", []
    took: dict[int, float] = {}
    for number in range(count):
        workers = 2 if number % 4 == 1 else 1
        arguments = _options(clean.spec, home, workers)
        shutil.rmtree(home / "runs", ignore_errors=True)
        shutil.rmtree(home / "cache", ignore_errors=True)
        if number % 2:  # nothing is computed before; else features and fits of earlier runs are
            copied(clean.cache, home / "cache")
        begun = time.monotonic()
        child = start(arguments, log)
        # how long a run takes is learned from those that were not hit
        time.sleep(float(rng.uniform(0.05, took.get(number % 4, 4.0))))
        kill(child)
        again = command(*arguments, log=log)
        took[number % 4] = max(0.5, time.monotonic() - begun - 0.5)
        (folder,) = (home / "runs").iterdir()
        if again.code or answer(folder) != clean.answer():
            last = (again.text.splitlines() or [""])[-1]
            failures.append(f"kill {number}, {workers} workers: exit {again.code}: {last}")
        elif left := [path.name for path in folder.rglob(".*") if path.name != ".lock"]:
            failures.append(f"kill {number}: left behind: {', '.join(left)}")
    return Tally(count, count - len(failures), tuple(failures))


CAMPAIGNS = [
    Campaign(
        name="killed_runs",
        fault="SIGKILL of a run and its workers at a random moment",
        kind="kill",
        bar="the same command ends with the same predictions and metrics, byte for byte",
        run=_run,
        full=50,
        quick=1,
    )
]
