"""How ``atlas`` ends: exit codes, one line, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support import ROOT, Cli, MakePlugin

from atlas_core import errors
from atlas_core.cli.exits import EXIT_CODES
from atlas_core.engine.local import LocalExecutor
from atlas_core.errors import AtlasError, short_of_memory
from atlas_core.kinds.executor import JobsLostError

CODES = {0, 1, 2, 3, 4, 5, 70, 129, 130, 143}


def test_every_exit_code_stands_in_the_docs_and_no_other() -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    reported = {int(code) for code in re.findall(r"^\| (\d+) \|", page, flags=re.MULTILINE)}
    assert reported == set(EXIT_CODES) == CODES


def test_every_error_of_the_core_has_a_code_of_the_table() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    codes = {c.exit_code for c in classes if issubclass(c, AtlasError)}
    assert codes == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(("words", "code"), [(["plugins"], 0), (["run", "no.yaml"], 2)])
def test_a_command_ends_with_its_code_whatever_its_libraries_do_at_the_end(
    tmp_path: Path, words: list[str], code: int
) -> None:
    text = """
import atexit, os, threading
class Last:
    def __del__(self):
        os.abort()  # as a thread that asks for Python while it is taken down
last = Last()
atexit.register(print, "the end")
threading.Thread(target=lambda: (threading.main_thread().join(), print("a thread"))).start()
from atlas_core.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", text, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert done.stdout.endswith("a thread\nthe end\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", [["plugins"], ["--help"], ["schema"], ["plugins", "--json"]])
def test_a_full_stdout_is_one_line_and_code_4(cli: Cli, command: list[str]) -> None:
    done = cli(*command, out="/dev/full")
    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: stdout: ")
    assert "defect" not in line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_stderr_stops_no_run(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SMALL, encoding="utf-8")
    assert cli("run", "s.yaml", err="/dev/full").returncode == 0


SMALL = """\
atlas: 1
name: ends
seed: 3
sample: 60
levels: [0.9]
reports: []
dataset: flla
split: random
arms:
  a: {featurizer: element_fractions, model: ridge, uq: deterministic}
"""
SHORT = '''
    """A model that runs short of something."""
    from atlas_core.api import Component, Config, hookimpl

    class Options(Config):
        """No options."""

    class Short:
        def fit(self, features, target, context):
            raise ERROR
        def predict(self, features):
            return features.values[:, 0]

    @hookimpl
    def atlas_model():
        return [Component("short", Options, lambda config: Short(), requires={"features:vectors"})]
    '''


@pytest.mark.parametrize(
    "error",
    [
        "MemoryError()",
        """RuntimeError("can't start new thread")""",
        "ImportError('x.so: failed to map segment from shared object')",
        "OSError(12, 'Cannot allocate memory')",
        "RuntimeError('CUDA out of memory. Tried to allocate 2.00 GiB')",
    ],
)
def test_too_little_memory_is_reported_with_what_to_do(
    cli: Cli, make_plugin: MakePlugin, error: str
) -> None:
    code = SHORT.replace("ERROR", error)
    site = make_plugin("short", "short_model", code, {"atlas.model": {"short": "short_model"}})
    (cli.cwd / "s.yaml").write_text(SMALL.replace("ridge", "short"), encoding="utf-8")
    done = Cli(cli.cwd, cli.cache, [str(site)])("run", "s.yaml", "--quiet")
    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert "memory" in line
    assert "sample" in line
    assert "defect" not in line


def test_an_error_about_memory_is_known_by_what_caused_it() -> None:
    caused = ValueError("cannot be read")
    caused.__cause__ = RuntimeError("std::bad_alloc")
    assert short_of_memory(caused)
    assert not short_of_memory(ValueError("cannot be read"))


def _square(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 5:
        os._exit(9)
    return number * number


def test_jobs_of_dead_workers_are_named_and_all_others_are_done() -> None:
    done: dict[int, int] = {}
    with pytest.raises(JobsLostError) as lost:
        done.update(LocalExecutor().run(_square, range(8), workers=2))
    assert done == {0: 0, 1: 1, 2: 4, 4: 16, 6: 36, 7: 49}
    assert set(lost.value.how) == {3, 5}
    assert "SIGKILL" in lost.value.how[3]
    assert "9" in lost.value.how[5]


def _fails(number: int) -> int:
    if number == 1:
        raise errors.DataError("row 7: no number")
    return number


def test_what_a_job_raises_in_a_worker_is_raised_here() -> None:
    with pytest.raises(errors.DataError, match="row 7: no number"):
        list(LocalExecutor().run(_fails, [0, 1, 2, 3], workers=2))


NETWORK = SMALL.replace(
    "{featurizer: element_fractions, model: ridge, uq: deterministic}",
    "{featurizer: crystal_graph, model: {use: cgcnn, options: {epochs: 12, width: 8}},"
    " uq: deterministic}",
)


def test_a_network_that_is_asked_to_stop_writes_its_checkpoint_and_goes_on_to_the_same_bytes(
    cli: Cli,
) -> None:
    (cli.cwd / "s.yaml").write_text(NETWORK, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "atlas_core.cli", "run", "s.yaml", "--cache-dir", "c"],
        cwd=cli.cwd,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "epoch" in line:
            break
    process.send_signal(signal.SIGTERM)
    last = process.communicate(timeout=300)[1].splitlines()[-1]
    assert process.returncode == 143
    assert last.startswith("error: ")
    assert "SIGTERM" in last
    assert list(cli.cwd.glob("runs/*/checkpoints/**/checkpoint.npz"))
    assert cli("run", "s.yaml", "--cache-dir", "c", "--quiet").returncode == 0
    assert cli("run", "s.yaml", "--cache-dir", "d", "--out", "whole", "-q").returncode == 0
    (ours,), (whole,) = (cli.cwd.glob(f"{out}/*/predictions.parquet") for out in ("runs", "whole"))
    assert ours.read_bytes() == whole.read_bytes()


FIRST = """\
import os, signal
from atlas_core.engine.workers import Pool

def number(_job):
    return 7

if __name__ == "__main__":
    with Pool() as pool:
        worker = pool.start()
        for one in (signal.SIGINT, signal.SIGHUP):
            os.kill(worker.pid, one)
        worker.give(0, number, None)
        (answered,) = pool.ready()
        print(answered.answer())
"""


def test_a_signal_does_not_hit_a_worker_that_is_still_starting(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(FIRST, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "first.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("7\n", "")


NURSE = """\
import os, subprocess, sys, time
from atlas_core.engine.local import LocalExecutor

def nurse(number):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    print(os.getpid(), child.pid, flush=True)
    time.sleep(300)

if __name__ == "__main__":
    list(LocalExecutor().run(nurse, [1, 2], workers=2))
"""


def test_what_workers_started_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "nurse.py").write_text(NURSE, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "nurse.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    pids = [int(pid) for _ in range(2) for pid in process.stdout.readline().split()]
    children = [psutil.Process(pid) for pid in pids]
    assert len(children) == 4
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=2)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    ("command", "reported"),
    [
        (["run"], "missing argument 'SPEC'; see `atlas run --help`"),
        (["rnu"], "no such command 'rnu'"),
        (["screen", "a", "b", "--goal", "maximum"], "'maximum'"),
        (["run", "s.yaml", "--workers", "0"], "--workers"),
        (["run", "s.yaml", "--wokers", "2"], "--wokers"),
    ],
)
def test_a_wrong_command_line_is_one_line(cli: Cli, command: list[str], reported: str) -> None:
    done = cli(*command)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert reported in line
    assert not done.stdout


@pytest.mark.parametrize(
    "device",
    ["cuda:99", "cuda:", "cuda:x", "cudax", "gpu", pytest.param("cuda:" + "9" * 5000, id="long")],
)
def test_a_device_that_is_not_there_is_refused_at_once(cli: Cli, device: str) -> None:
    (cli.cwd / "s.yaml").write_text(SMALL, encoding="utf-8")
    done = cli("run", "s.yaml", "--device", device)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: --device {device}: ")
    assert not (cli.cwd / "runs").exists()
