"""Stop a run by each signal that a terminal, a cluster or a kernel sends."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import psutil

from faults.campaign import Campaign, Tally
from faults.workers import PATIENCE, Run, clean, left, until_training

CASES = (
    (signal.SIGINT, "group", 2, 130),
    (signal.SIGTERM, "parent", 2, 143),
    (signal.SIGKILL, "parent", 2, -9),
    (signal.SIGTERM, "parent", 1, 143),
    (signal.SIGINT, "group", 1, 130),
    (signal.SIGHUP, "group", 2, 129),
    (signal.SIGINT, "parent", 2, 130),
)
"""Signal, who gets it, --workers, and the exit code."""


def _signals(folder: Path, count: int, rng: np.random.Generator) -> Tally:
    whole = clean()
    failures = []
    for number in range(count):
        sent, who, workers, code = CASES[number % len(CASES)]
        run = Run(folder / str(number), workers)
        process = run.start()
        said = until_training(process)
        time.sleep(float(rng.uniform(0.0, 0.8)))
        children = psutil.Process(process.pid).children(recursive=True)
        (os.killpg if who == "group" else os.kill)(process.pid, sent)
        start = time.monotonic()
        rest = process.communicate(timeout=PATIENCE)[1]
        seconds = time.monotonic() - start
        errors = [one for one in rest.splitlines() if not one.startswith("done ")]
        lines = 0 if sent == signal.SIGKILL else 1
        alive = left(children)
        again = Run(run.folder, 1).ends()
        fine = {
            f"exit code {code}": process.returncode == code,
            f"{lines} line": len(errors) == lines and "Traceback" not in said + rest,
            "seconds": seconds < 20,
            "no process is left after 2 s": not alive,
            "the same command ends with the same bytes": again == whole,
        }
        if not all(fine.values()):
            wrong = [what for what, holds in fine.items() if not holds]
            name = signal.Signals(sent).name
            failures.append(
                f"{name} to the {who}, --workers {workers}: not so: {', '.join(wrong)}:"
                f" code {process.returncode}, {seconds:.1f} s, {rest[-300:]}"
            )
    return Tally(count, count - len(failures), tuple(failures))


CAMPAIGNS = [
    Campaign(
        name="signals",
        fault="SIGINT, SIGTERM, SIGHUP and SIGKILL to a run or its whole group, 1 and 2 workers",
        kind="signal",
        bar="its own exit code and one line within seconds, no process is left 2 s later, and the"
        " same command ends with the same bytes as a run that nothing happened to",
        run=_signals,
        full=21,
        quick=1,
    )
]
