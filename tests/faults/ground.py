"""What the campaigns on files stand on: a small run, its files, and the command in a child."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support import Cli

from atlas_core.engine.options import RunOptions
from atlas_core.engine.run import run
from atlas_core.spec.load import load_plan
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
    uq: tree_variance
    calibrator: split_conformal
    ood: knn_distance
"""
NETWORK = """\
  network:
    featurizer: crystal_graph
    model: {use: cgcnn, options: {epochs: 3, width: 16, hidden: 16}}
    uq: deterministic
"""
RIDGE = """\
  ridge:
    featurizer: element_fractions
    model: ridge
    uq: deterministic
"""
ANSWER = ("predictions.parquet", "metrics.json")
"""What must come out the same, to the last byte."""


@dataclass(frozen=True)
class Ground:
    """A clean run: its spec, its cache and its folder.

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
    reported: list[str] = []
    plan = load_plan(spec, Registry())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = run(plan, RunOptions(out=out, cache_dir=cache_dir, notify=reported.append))
    return outcome.folder, reported


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
    """The exit code of a command and what it printed."""

    code: int
    text: str

    @property
    def errors(self) -> list[str]:
        """Return its lines of error."""
        return [line for line in self.text.splitlines() if line.startswith("error: ")]


_BOOT = """\
import resource, sys
longest = int(sys.argv.pop(1))
if longest:
    resource.setrlimit(resource.RLIMIT_FSIZE, (longest, longest))
from atlas_core.cli.main import main
main()
"""


def start(
    arguments: Sequence[str | Path], log: Path, *, longest: int | None = None
) -> subprocess.Popen[bytes]:
    """Start ``atlas`` in a process and a session of its own.

    A fork of this process would be faster, but hangs: threads that OpenMP started here are not
    there in the child, which waits for them.

    Args:
        arguments: of the command.
        log: file of what it prints.
        longest: bytes that a file may have that it writes.
    """
    words = [sys.executable, "-c", _BOOT, str(longest or 0), *map(str, arguments)]
    with log.open("wb") as sink:
        return subprocess.Popen(words, stdout=sink, stderr=sink, start_new_session=True)


def kill(child: subprocess.Popen[bytes]) -> None:
    """Kill a command and its children, as a lost machine would."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def command(*arguments: str | Path, log: Path, longest: int | None = None) -> Done:
    """Run ``atlas`` to its end, with imports of another process."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({longest}, {longest}))"
    env = {name: value for name, value in os.environ.items() if name.startswith("ATLAS_")}
    done = Cli(Path.cwd(), log.parent)(*arguments, env=env, first=limit if longest else "")
    return Done(done.returncode, done.stderr + done.stdout)


def copied(source: Path, target: Path) -> Path:
    """Copy a folder, in place of what was there."""
    if target.is_symlink():
        target.unlink()
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target, symlinks=True))
