"""Run each observer in a process of its own: whatever it does there, the run goes on. Light.

An observer may end Python, close stderr or print: here that ends or fills a process that has
nothing else to do. What it returns comes back as JSON, so that no class of it is needed here.
"""

from __future__ import annotations

import atexit
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import PurePosixPath
from typing import Any

import pluggy

from atlas_core.engine.guard import end_with_parent, kill_group
from atlas_core.errors import AtlasError, PluginError, said
from atlas_core.observe import Export, FinishedRun, ReportFigure, ReportSection, RunInfo
from atlas_core.resolver import Use
from atlas_registry.importing import Warn, blamed, label_of, load_observer
from atlas_registry.listing import Listed
from atlas_registry.verify import SECONDS, START

PATIENCE = 10.0
"""Seconds that threads of an observer may work on once the run has ended."""
LOOK = 0.5
"""Seconds between two looks whether an observer lives: a process it forked keeps its pipe open."""
MOST = 0x1FFFFFFF
"""Bytes of one answer; of four letters written into the pipe, the length would be larger."""
RETURNS: dict[str, type] = {"atlas_report_sections": ReportSection, "atlas_run_exports": Export}
"""Of what each observing hook returns a list, where it returns something."""
HOOKS = ("atlas_run_started", "atlas_stage_finished", *RETURNS)
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from atlas_registry.watching import watch; watch(int(sys.argv[2]), int(sys.argv[3]))"
)


class Watcher:
    """The process of one observer.

    Raises:
        PluginError: it is broken; names it.
    """

    def __init__(self, listed: Listed) -> None:
        self.label = label_of(listed)
        if listed.problem:
            raise PluginError(f"{self.label}: {listed.problem}")
        self._ours, theirs = Pipe()
        with theirs:
            self._child = subprocess.Popen(
                [
                    *(sys.executable, "-c", _CHILD, json.dumps(sys.path)),
                    *(str(os.getpid()), str(theirs.fileno())),
                ],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what it prints is no answer of the command
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        atexit.register(self.close)
        try:
            self._ours.send(astuple(listed))
            self._hooks = set(self._answer("its import", SECONDS + START))
        except BaseException:
            self.close(0.0)
            raise

    def call(self, hook: str, arguments: dict[str, Any]) -> list[Any]:
        """Return what the observer's hook returned.

        Raises:
            PluginError: it failed; names it.
        """
        if hook not in self._hooks:
            return []
        with suppress(BrokenPipeError):  # the answer says what became of it
            self._ours.send((hook, arguments))
        found = self._answer(hook)
        with blamed(f"{self.label} failed in {hook}"):
            if hook == "atlas_report_sections":
                return [[_section(*one) for one in some] for some in found]
            return [
                [Export(PurePosixPath(path), base64.b64decode(body)) for path, body in some]
                for some in found
            ]

    def close(self, patience: float = PATIENCE) -> None:
        """End the process, once it has done what it still does."""
        atexit.unregister(self.close)
        self._ours.close()
        try:
            self._child.wait(patience)
        except subprocess.TimeoutExpired:
            kill_group(self._child.pid)
            self._child.wait()

    def _answer(self, doing: str, seconds: float = float("inf")) -> Any:
        until = time.monotonic() + seconds
        try:
            while not self._ours.poll(LOOK):
                if self._child.poll() is not None and not self._ours.poll(0):
                    raise EOFError
                if time.monotonic() > until:
                    raise PluginError(f"{self.label} hangs: no end after {seconds:g} s")
            good, reply = json.loads(self._ours.recv_bytes(MOST))
        except (EOFError, ConnectionError) as err:
            raise PluginError(f"{self.label} ends Python in {doing}") from err
        except (OSError, ValueError, TypeError) as err:
            raise PluginError(f"{self.label} writes into ATLAS's own pipe in {doing}") from err
        if not good:
            raise PluginError(str(reply))
        return reply


class Watchers:
    """Call the observing hooks; an observer that fails is left out from then on.

    Their processes start with the first call and end with ``close``. Implements
    ``atlas_core.resolver.Observers``.

    Args:
        listed: the observers.
        warn: is reported of each that fails.
    """

    def __init__(self, listed: Sequence[Listed], warn: Warn) -> None:
        self._warn = warn
        self._waiting = list(listed)
        self._watchers: list[Watcher] = []

    def call(self, hook: str, use: Use | None = None, **arguments: Any) -> list[Any]:
        """Return what each observer returned (None is left out); a broken one is warned of."""
        self._start(arguments.get("run"))
        returned: list[Any] = []
        for watcher in list(self._watchers):
            try:
                found = watcher.call(hook, arguments)
                if use is not None:
                    with blamed(f"{watcher.label} failed in {hook}"):
                        for some in found:
                            use(some)
            except AtlasError as err:
                self._watchers.remove(watcher)
                watcher.close(0.0)
                self._warn(f"{said(err)}; it is left out from here on")
                continue
            returned += found
        return returned

    def _start(self, run: RunInfo | FinishedRun | None) -> None:
        """Start those that look on this run: an interpreter for nothing is half a second."""
        dataset = _dataset_of(run)
        while self._waiting:
            one = self._waiting.pop(0)
            if dataset and one.datasets and dataset not in one.datasets:
                continue
            try:
                self._watchers.append(Watcher(one))
            except AtlasError as err:
                self._warn(f"{said(err)}; it is left out")

    def close(self) -> None:
        """End the processes, once they have done what they still do."""
        while self._watchers:
            self._watchers.pop().close()


def _dataset_of(run: RunInfo | FinishedRun | None) -> str:
    """Return the component that a run has its data from; "" where nothing says so."""
    if run is None:
        return ""
    if isinstance(run, RunInfo):
        chosen = run.spec.get("dataset")
        return str(chosen.get("use") or "") if isinstance(chosen, Mapping) else ""
    return str(run.manifest["dataset"].get("component") or "")


def watch(parent: int, number: int) -> None:
    """Load an observer and answer for it until nobody asks: the child's part."""
    end_with_parent(parent)
    with Connection(number) as exchange:
        listed = Listed(*exchange.recv())
        loaded: list[pluggy.PluginManager] = []

        def load() -> list[str]:
            loaded.append(load_observer(listed))
            return [hook for hook in HOOKS if getattr(loaded[0].hook, hook).get_hookimpls()]

        def call(hook: str, arguments: dict[str, Any]) -> list[Any]:
            with blamed(f"{label_of(listed)} failed in {hook}"):
                found = getattr(loaded[0].hook, hook)(**arguments)
                return _plain(found, RETURNS[hook]) if hook in RETURNS else []

        _notify(exchange, load)
        with suppress(EOFError, ConnectionError):
            while True:
                _notify(exchange, call, *exchange.recv())


def _notify(exchange: Connection, work: Callable[..., list[Any]], *arguments: Any) -> None:
    try:
        reply = [True, work(*arguments)]
    except AtlasError as err:
        reply = [False, said(err)]
    exchange.send_bytes(json.dumps(reply).encode())


def _section(title: str, paragraphs: list[str], figures: list[list[str]]) -> ReportSection:
    return ReportSection(title, tuple(paragraphs), tuple(ReportFigure(*one) for one in figures))


def _plain(returned: list[Any], wanted: type) -> list[Any]:
    """Return sections as lists of texts and figures, exports as path and content in base 64."""
    out: list[Any] = []
    for some in returned:
        if not isinstance(some, list | tuple) or not all(isinstance(one, wanted) for one in some):
            raise TypeError(f"it returned {some!r}, not a list of {wanted.__name__}")
        out.append(
            [
                [one.title, list(one.paragraphs), [list(astuple(f)) for f in one.figures]]
                if isinstance(one, ReportSection)
                else [str(one.path), base64.b64encode(one.content).decode()]
                for one in some
            ]
        )
    return out
