"""Run ``atlas`` in forks of a process that has imported what a run imports: a second saved a time.

Each command has a process, an environment and a working directory of its own, as a fresh one has;
what it shares with others are the imports and the seed of Python's hashes. Nothing is computed
before the fork: threads of OpenMP that were started then would be waited for in vain.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from tempfile import TemporaryDirectory
from typing import Any

MODULES = (
    *("atlas_core.cli.main", "atlas_core.cli.run", "atlas_core.cli.answers"),
    *("atlas_core.engine.run", "atlas_core.python.calls", "atlas_registry.loading"),
    *("atlas_registry.watching", "jinja2", "matplotlib.backends.backend_svg"),
    *("matplotlib.figure", "matplotlib.font_manager", "packaging.requirements", "pandas"),
    *("platformdirs.unix", "pyarrow.pandas_compat", "pyarrow.parquet", "scipy.stats"),
    *("sklearn.cluster", "sklearn.covariance", "sklearn.ensemble", "sklearn.gaussian_process"),
    *("sklearn.linear_model", "sklearn.neighbors", "stevedore.driver", "torch"),
)
"""What a run imports besides the modules of the plugins, which are all imported."""


class Warm:
    """The process that is forked; started when it is first asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: subprocess.Popen[str] | None = None

    def run(
        self,
        args: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        timeout: float,
        **rest: str,
    ) -> subprocess.CompletedProcess[str] | None:
        """Run a command to its end; return None where this cannot be done here and now.

        Args:
            args: its words.
            cwd: where.
            env: its whole environment.
            timeout: seconds.
            rest: ``first``, Python that runs before the command; ``out`` and ``err``, the files
                that take its output, in place of what is returned.
        """
        if not hasattr(os, "fork") or not self._lock.acquire(blocking=False):
            return None
        try:
            if self._server is None or self._server.poll() is not None:
                self._server = subprocess.Popen(
                    [sys.executable, __file__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env={**env, "PYTHONPATH": ""},
                    start_new_session=True,
                )
            asked = {"cwd": str(cwd), "env": dict(env), **rest}
            return self._ask(self._server, list(args), asked, timeout)
        finally:
            self._lock.release()

    def _ask(
        self,
        server: subprocess.Popen[str],
        args: Sequence[str],
        asked: Mapping[str, Any],
        timeout: float,
    ) -> subprocess.CompletedProcess[str]:
        assert server.stdin is not None
        assert server.stdout is not None
        with TemporaryDirectory(prefix="atlas-warm-") as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            sinks = {"args": args, "out": str(out), "err": str(err)}
            server.stdin.write(json.dumps({**sinks, **asked}) + "\n")
            server.stdin.flush()
            if not select.select([server.stdout], [], [], timeout)[0]:
                os.killpg(server.pid, signal.SIGKILL)  # the command that hangs, too
                server.wait()
                raise subprocess.TimeoutExpired(["atlas", *args], timeout)
            code = int(server.stdout.readline())
            printed = [one.read_text("utf-8") if one.exists() else "" for one in (out, err)]
            return subprocess.CompletedProcess(["atlas", *args], code, *printed)


def _become(asked: Mapping[str, Any]) -> None:
    """Run the command in this fork; it ends the process."""
    for descriptor, name, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, asked["out"], os.O_WRONLY | os.O_CREAT),
        (2, asked["err"], os.O_WRONLY | os.O_CREAT),
    ):
        opened = os.open(name, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    added = [one for one in asked["env"].get("PYTHONPATH", "").split(os.pathsep) if one]
    sys.path[0:1] = [asked["cwd"], *added]  # as `python -m` has it
    sys.argv = ["atlas", *asked["args"]]
    exec(asked.get("first", ""), {})
    from atlas_core.cli import main

    main(prog_name="atlas")


WITH_RECORDS = """
from atlas_registry import listing, loading
loading.installed = listing.installed
"""
"""To be run before a command that has the observer of Matbench's records."""


def leave_out_records() -> None:
    """Leave out the observer that writes Matbench's records: its process takes half a second.

    It says nothing of other data; runs in processes of their own still have it.
    """
    loading = import_module("atlas_registry.loading")
    every = loading.installed

    def installed(*args: Any, **options: Any) -> list[Any]:
        left_out = ("observer", "atlas-materials-matbench")
        found = every(*args, **options)
        return [row for row in found if (row.kind, row.distribution) != left_out]

    loading.installed = installed


def serve() -> None:
    """Fork for each line of stdin; print the exit code of each."""
    for name in MODULES:
        import_module(name)
    installed = import_module("atlas_core.installed")
    for distribution in installed.distributions():  # what their metadata state is read once
        installed.about(distribution)
    for folder in (Path(__file__).resolve().parents[1] / "plugins").glob("*/atlas_*"):
        for module in walk_packages([str(folder)], f"{folder.name}."):
            import_module(module.name)
    import_module("atlas_evaluation.judge.codes").codes()
    import_module("atlas_evaluation.narrative")._environment()
    leave_out_records()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                _become(json.loads(line))
            except SystemExit as err:
                os._exit(err.code if isinstance(err.code, int) else 1)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
