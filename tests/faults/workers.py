"""Kill a worker process of a run, as the kernel does where memory runs out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from support import Cli

from faults.campaign import Campaign, Tally
from faults.ground import ground

SPEC = """\
atlas: 1
name: hurt
seed: 3
sample: 120
levels: [0.9]
reports: []
dataset: flla
split: random
arms:
  a:
    featurizer: element_fractions
    model: {use: random_forest, options: {trees: 300}}
    uq: deterministic
  b:
    featurizer: element_fractions
    model: {use: extra_trees, options: {trees: 300}}
    uq: deterministic
  c: {featurizer: element_fractions, model: ridge, uq: deterministic}
"""
ARMS = {"a", "b", "c"}
PATIENCE = 120.0
"""Seconds for what takes one or two where the machine is not busy with other things."""


@dataclass(frozen=True)
class Run:
    """A run in a process group of its own, with a folder and a cache that nobody else has."""

    folder: Path
    workers: int

    def start(self) -> subprocess.Popen[str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "s.yaml").write_text(SPEC, encoding="utf-8")
        # a background job of a shell inherits a Ctrl-C that is ignored
        code = (
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
            "from atlas_core.cli import main; main(prog_name='atlas')"
        )
        args = ["run", "s.yaml", "--workers", str(self.workers), "--cache-dir", "cache"]
        return subprocess.Popen(
            [sys.executable, "-c", code, *args],
            cwd=self.folder,
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def predictions(self) -> bytes:
        (file,) = self.folder.glob("runs/*/predictions.parquet")
        return file.read_bytes()

    def ends(self) -> bytes:
        """Run to the end, alone; return the predictions, or nothing where the run fails."""
        done = Cli(self.folder, self.folder / "cache")("run", "s.yaml", "--cache-dir", "cache")
        return self.predictions() if done.returncode == 0 else b""


def clean() -> bytes:
    """Return the predictions of a run that nothing happened to."""
    return ground(SPEC).answer()["predictions.parquet"]


def until_training(process: subprocess.Popen[str]) -> str:
    """Read stderr until the first job starts; return what was read."""
    read = ""
    assert process.stderr is not None
    for line in process.stderr:
        read += line
        if line.startswith("training "):
            break
    return read


def left(children: list[psutil.Process], seconds: float = 2.0) -> list[int]:
    """Return the processes that still live after so many seconds."""
    _, alive = psutil.wait_procs(children, timeout=seconds)
    return [one.pid for one in alive if one.status() != psutil.STATUS_ZOMBIE]


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Wait for the worker processes and return them."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        children = psutil.Process(process.pid).children()
        if found := [one for one in children if "spawn_main" in " ".join(one.cmdline())]:
            return found
        time.sleep(0.02)
    return []


def _killed_workers(folder: Path, count: int, rng: np.random.Generator) -> Tally:
    whole = clean()
    failures = []
    for number in range(count):
        run = Run(folder / str(number), 2)
        process = run.start()
        until_training(process)
        time.sleep(float(rng.uniform(0.0, 0.8)))
        found = workers_of(process)
        children = psutil.Process(process.pid).children(recursive=True)
        if found:
            found[int(rng.integers(len(found)))].send_signal(signal.SIGKILL)
        _, said = process.communicate(timeout=PATIENCE)
        named = set(re.findall(r"error: arm (\w+), .*killed .*memory", said))
        kept = {path.parts[-3] for path in run.folder.glob("runs/*/checkpoints/*/*/result.npz")}
        again = Run(run.folder, 1).ends()
        fine = {
            "exit code 5": process.returncode == 5,
            "the job is named": len(named) == 1 and named <= ARMS,
            "every other job is kept": kept == ARMS - named,
            "no traceback": "Traceback" not in said,
            "no process is left": not left(children),
            "the same command ends with the same bytes": again == whole,
        }
        if not all(fine.values()):
            wrong = [what for what, holds in fine.items() if not holds]
            failures.append(f"kill {number}: not so: {', '.join(wrong)}: {said[-300:]}")
    return Tally(count, count - len(failures), tuple(failures))


CAMPAIGNS = [
    Campaign(
        name="killed_workers",
        fault="SIGKILL of one worker of `--workers 2` while jobs are training",
        kind="worker",
        bar="its job is named, the others are kept, exit code 5, no process is left, and the same"
        " command ends with the same bytes as a run that nothing happened to",
        run=_killed_workers,
        full=9,
        quick=1,
    )
]
