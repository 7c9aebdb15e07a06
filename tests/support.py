"""What test modules share: the command line in its own process, and where real data may lie."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from warm import Warm

from atlas_core.seal import MANIFEST, read_manifest, seal
from atlas_core.store import write_json

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"

WARM = Warm()

SCREENING = """\
atlas: 1
name: screening
seed: 3
sample: 400
reports: []
dataset: {use: flla, options: {target: formation_energy_per_atom}}
split: {use: leave_elements_out, options: {elements: [F], calibration: 0.15, test: 0.15}}
trust:
  error_tolerance_quantile: 0.8
  nested:
    splits: {use: leave_elements_out, options: {elements: [O], test: 0.2}}
    rows: 150
    scored: 40
arms:
  forest:
    featurizer: magpie
    model: {use: random_forest, options: {trees: 12}}
    uq: tree_variance
    calibrator: {use: split_conformal, options: {score: normalized}}
    ood: mahalanobis
    trust: sigma_threshold
"""
"""A small spec whose fit can be asked, with labels of trust."""


@dataclass(frozen=True)
class Cli:
    """Run ``atlas`` in a process of its own, as a user would."""

    cwd: Path
    cache: Path
    path: list[str] = field(default_factory=list)

    def __call__(
        self,
        *args: str | Path,
        env: Mapping[str, str] | None = None,
        fresh: bool = False,
        **rest: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end.

        Args:
            args: its words.
            env: what differs in its environment.
            fresh: start Python anew, for what must not depend on imports or the seed of hashes.
            rest: ``first``, Python that runs in the process before the command; ``out`` and
                ``err``, files that take its output, in place of what is returned.
        """
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ATLAS_")},
            "ATLAS_CACHE": str(self.cache),
            "OMP_WAIT_POLICY": "PASSIVE",
            "PYTHONPATH": os.pathsep.join(self.path),
            **(env or {}),
        }
        words = [str(arg) for arg in args]
        warm = None if fresh else WARM.run(words, self.cwd, environment, 600, **rest)
        return warm or self._cold(words, environment, **rest)

    def _cold(
        self, words: list[str], environment: Mapping[str, str], *, first: str = "", **sinks: str
    ) -> subprocess.CompletedProcess[str]:
        code = f"{first}\nfrom atlas_core.cli import main\nmain(prog_name='atlas')"
        started = ["-c", code] if first else ["-m", "atlas_core.cli"]
        with ExitStack() as stack:
            out, err = (
                stack.enter_context(Path(sinks[one]).open("w")) if one in sinks else subprocess.PIPE
                for one in ("out", "err")
            )
            return subprocess.run(
                [sys.executable, *started, *words],
                cwd=self.cwd,
                env=environment,
                stdout=out,
                stderr=err,
                text=True,
                check=False,
                timeout=600,
            )


@dataclass(frozen=True)
class Home:
    """A folder with a finished run below ``runs``, a cache, and the key of who made it."""

    path: Path
    run: Path

    @property
    def key(self) -> Path:
        return self.path / "origin.key"

    def copied(self, folder: Path) -> Self:
        """Return a copy of all of it in a new folder."""
        shutil.copytree(self.path, folder)
        return type(self)(folder, folder / "runs" / self.run.name)


def worked_plugin(kind: str) -> tuple[str, str, dict[str, dict[str, str]]]:
    """Return the plugin that opens the interface of a kind: its module, code and entry points."""
    doc = inspect.getdoc(importlib.import_module(f"atlas_core.kinds.{kind}")) or ""
    blocks = re.findall(r"::\n\n((?:(?:    .*)?\n)+)", doc)
    code, project = (textwrap.dedent(block).strip() + "\n" for block in blocks)
    points = tomllib.loads(project)["project"]["entry-points"]
    (module,) = points[f"atlas.{kind}"].values()
    return module, code, points


def reseal(run: Path) -> None:
    """Write the checksums of a finished run anew, as who changes it on purpose can."""
    write_json(run / MANIFEST, seal(run, read_manifest(run)))


MakePlugin = Callable[..., Path]
Finished = Callable[..., Path]
