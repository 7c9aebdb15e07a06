"""Cells are computed where ``--executor`` says, and the place changes no byte."""

from __future__ import annotations

import json
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from support import Cli, MakePlugin, worked_plugin

from atlas_core.engine.local import LocalExecutor
from atlas_core.engine.options import NotifyHere, say_nothing
from atlas_core.progress import Step

SPEC = """\
atlas: 1
name: place
seed: 3
sample: 120
reports: []
dataset: flla
split: {use: kfold, options: {folds: 3}}
arms:
  one: {featurizer: element_fractions, model: ridge, uq: deterministic}
"""


@pytest.fixture
def atlas(tmp_path: Path, make_plugin: MakePlugin) -> Cli:
    """The command with the worked plugin, and a cache of its own."""
    site = make_plugin("polite", *worked_plugin("executor"))
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")
    return Cli(tmp_path, tmp_path / "cache", [str(site)])


def predictions(atlas: Cli, *args: str, out: str) -> bytes:
    done = atlas("run", "s.yaml", "--json", "--force", "--out", out, *args)
    assert done.returncode == 0, done.stderr
    return (atlas.cwd / json.loads(done.stdout)["run"] / "predictions.parquet").read_bytes()


def test_the_worked_plugin_keeps_its_contract(atlas: Cli) -> None:
    done = atlas("check", "polite", "--kind", "executor")
    assert done.returncode == 0, done.stdout
    assert "16 checks: 15 passed, 0 failed, 0 expected failures, 1 not applicable" in done.stdout


def test_the_place_is_no_part_of_a_runs_identity_and_changes_no_byte(atlas: Cli) -> None:
    here = predictions(atlas, out="here")
    assert predictions(atlas, "--workers", "2", out="workers") == here
    polite = ("--executor", "polite", "--executor-set", "by=1")
    assert predictions(atlas, *polite, out="polite") == here
    again = atlas("run", "s.yaml", "--json", "--out", "here", "--executor", "polite")
    assert json.loads(again.stdout)["reused"]
    names = {
        path.name for out in ("here", "workers", "polite") for path in (atlas.cwd / out).iterdir()
    }
    assert len(names) == 1


@pytest.mark.parametrize(
    ("args", "reported"),
    [
        (("--executor", "locl"), "unknown executor 'locl', did you mean 'local'?"),
        (("--executor-set", "by=1"), "unknown key 'by'"),
        (("--executor", "polite", "--executor-set", "by=0"), "by: 0: "),
        (("--executor", "polite", "--executor-set", "by"), "expected"),
    ],
)
def test_a_wrong_place_is_refused_in_one_line(
    atlas: Cli, args: tuple[str, ...], reported: str
) -> None:
    done = atlas("run", "s.yaml", *args)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert reported in line


def _tells(job: int, notify: NotifyHere) -> int:
    with ThreadPoolExecutor(4) as threads:
        for n in range(1, 50):
            threads.submit(notify, Step(f"epoch {n} of 49", stage="training", arm=str(job)))
    notify(f"warning: job {job}")
    return os.getpid()


def test_lines_of_worker_processes_come_whole_and_before_their_result() -> None:
    lines: list[str] = []
    function = partial(_tells, notify=NotifyHere(lines.append))
    found = LocalExecutor().run(function, range(5), workers=2)
    for position, process in found:
        assert process != os.getpid()
        assert f"warning: job {position}" in lines
        own = [one for one in lines if isinstance(one, Step) and one.arm == str(position)]
        assert sorted(own) == sorted(f"epoch {n} of 49" for n in range(1, 50))
    assert len(lines) == 5 * 50


def _forks(job: int, notify: NotifyHere) -> int:
    if (child := os.fork()) == 0:
        notify(f"of a child of {job}")
        os._exit(0)
    os.waitpid(child, 0)
    return job


def test_a_process_that_a_worker_forked_sends_no_lines() -> None:
    lines: list[str] = []
    function = partial(_forks, notify=NotifyHere(lines.append))
    found = LocalExecutor().run(function, range(2), workers=2)
    assert sorted(found) == [(0, 0), (1, 1)]
    assert lines == []


def test_epochs_of_worker_processes_are_shown_and_change_no_byte(atlas: Cli) -> None:
    network = (
        "  two: {featurizer: element_fractions, uq: deterministic,"
        " model: {use: roost, options: {epochs: 2}}}\n"
    )
    (atlas.cwd / "s.yaml").write_text(SPEC + network, encoding="utf-8")
    here = predictions(atlas, out="here")
    done = atlas("run", "s.yaml", "--json", "--force", "--out", "w", "--workers", "2")
    run = atlas.cwd / json.loads(done.stdout)["run"]
    assert (run / "predictions.parquet").read_bytes() == here
    for fold in ("fold_0", "fold_1", "fold_2"):
        assert f"arm two, {fold}: epoch 1 of 2\n" in done.stderr


def test_a_pickled_copy_of_what_shows_progress_is_silent() -> None:
    lines: list[str] = []
    here = NotifyHere(lines.append)
    here("epoch 1 of 9")
    assert lines == ["epoch 1 of 9"]
    assert pickle.loads(pickle.dumps(here)) == NotifyHere(say_nothing)  # noqa: S301 - our own
