"""What the campaigns on files stand on: a small run, its files, and the command in a child."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from atlas_core.runner.options import RunOptions
from atlas_core.runner.run import run
from atlas_core.spec.plan import load_plan
from atlas_registry.loading import Registry
from faults.campaign import Campaign

CAMPAIGNS: list[Campaign] = []

FOREST = """\
atlas: 1
name: small
seed: 3
sample: 200
levels: [0.9]
dataset: flla
split: {use: leave_elements_out, options: {elements: [F]}}
arms:
  forest:
    featurizer: element_fractions
    model: {use: random_forest, options: {trees: 10}}
    uq: members
    calibrator: split_conformal
    ood: knn_distance
"""
NETWORK = """\
  network:
    featurizer: crystal_graph
    model: {use: cgcnn, options: {epochs: 3}}
    uq: point
"""
RIDGE = """\
  ridge:
    featurizer: element_fractions
    model: ridge
    uq: point
"""
ANSWER = ("predictions.parquet", "metrics.json")
"""What must come out the same, to the last byte."""


@dataclass(frozen=True)
class Ground:
    """Hold a clean run: its spec, its cache and its folder.

    Attributes:
        spec: the file.
        cache: of all that it computed.
        run: the finished run.
    """

    spec: Path
    cache: Path
    run: Path

    def answer(self) -> dict[str, bytes]:
        """Return the bytes that must repeat."""
        return answer(self.run)


def answer(folder: Path) -> dict[str, bytes]:
    """Return the bytes of a run that must repeat."""
    return {name: (folder / name).read_bytes() for name in ANSWER}


def compute(spec: Path, out: Path, cache_dir: Path) -> tuple[Path, list[str]]:
    """Run a spec in this process; return the folder and what was told."""
    told: list[str] = []
    plan = load_plan(spec, Registry())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = run(plan, RunOptions(out=out, cache_dir=cache_dir, tell=told.append))
    return outcome.folder, told


_kept: list[tempfile.TemporaryDirectory[str]] = []


@cache
def ground(text: str) -> Ground:
    """Return the clean run of a spec, computed once a process."""
    _kept.append(tempfile.TemporaryDirectory(prefix="atlas-faults-"))
    home = Path(_kept[-1].name)
    spec = home / "small.yaml"
    spec.write_text(text, encoding="utf-8")
    folder, _ = compute(spec, home / "runs", home / "cache")
    return Ground(spec, home / "cache", folder)


@dataclass(frozen=True)
class Done:
    """Hold the exit code of a command and what it printed."""

    code: int
    text: str

    @property
    def errors(self) -> list[str]:
        """Return its lines of error."""
        return [line for line in self.text.splitlines() if line.startswith("error: ")]


def start(arguments: Sequence[str | Path], log: Path, *, longest: int | None = None) -> int:
    """Start ``atlas`` in a child that has everything imported; return its process id.

    Args:
        arguments: of the command.
        log: file of what it prints.
        longest: bytes that a file may have that it writes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forking beside threads: the child starts its own
        number = os.fork()
    if number:
        return number
    code = 1
    try:
        os.setsid()
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        if longest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (longest, longest))
        from atlas_core.cli.main import main

        main([str(one) for one in arguments])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(number: int, log: Path, seconds: float = 300.0) -> Done:
    """Wait for a command; one that takes too long is killed and has the code -9."""
    end = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(number, os.WNOHANG)
        if found:
            return Done(os.waitstatus_to_exitcode(status), log.read_text(errors="replace"))
        if time.monotonic() > end:
            kill(number)
            return Done(-9, f"took more than {seconds} s: {log.read_text(errors='replace')}")
        time.sleep(0.01)


def kill(number: int) -> None:
    """Kill a command and its children, as a lost machine would."""
    os.killpg(number, signal.SIGKILL)
    os.waitpid(number, 0)


def command(*arguments: str | Path, log: Path, longest: int | None = None) -> Done:
    """Run ``atlas`` to its end."""
    return wait(start(arguments, log, longest=longest), log)


def copied(source: Path, target: Path) -> Path:
    """Copy a folder, in place of what was there."""
    if target.is_symlink():
        target.unlink()
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target, symlinks=True))
