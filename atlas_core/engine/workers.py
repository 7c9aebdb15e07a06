"""Worker processes that run one job at a time and outlive neither a kill nor their parent. Light.

``concurrent.futures`` gives up the whole pool when one process is killed, and cannot say which job
it had; its processes wait for ever when their parent is killed. Each worker here has a pipe of its
own and leads a process group, so that what it starts can be ended with it.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from atlas_core.engine import guard
from atlas_core.errors import Interrupted

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 5.0
"""Seconds that a worker has to save its checkpoint when it is asked to stop."""
_LOOK = 1.0
"""Seconds between two looks whether a worker lives: a process it forked keeps its pipe open."""


class WorkerDiedError(Exception):
    """A worker ended without an answer; the text says how."""


class Worker:
    """One process and the job that it has."""

    def __init__(self) -> None:
        # fresh interpreters: forked ones inherit locks of thread pools that are not there
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=_work, args=(theirs, os.getpid()), name="atlas-worker"
        )
        # Python's tracker of shared resources lets signals through again once it has started
        resource_tracker.ensure_running()
        with _signals_later():
            self.process.start()
        theirs.close()
        self.position = -1

    @property
    def pid(self) -> int:
        """Return the process id, which is that of its group, too."""
        return int(self.process.pid or 0)

    def give(self, position: int, function: Callable[[Any], Any], job: Any) -> None:
        """Hand over a job; one that dies meanwhile is noticed when its answer is asked for."""
        self.position = position
        content = pickle.dumps((function, job), protocol=pickle.HIGHEST_PROTOCOL)
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send_bytes(content)

    def answer(self) -> Any:
        """Return what the job returned, or raise what it raised.

        Raises:
            WorkerDiedError: the process ended without an answer.
        """
        try:
            done, value, trace = pickle.loads(self.connection.recv_bytes())  # noqa: S301 - our own
        except (EOFError, OSError) as err:
            self.process.join(GRACE)
            raise WorkerDiedError(_how(self.process.exitcode)) from err
        if done:
            return value
        value.add_note(trace)
        raise value

    def is_gone(self) -> bool:
        """Return whether the process has ended and left nothing to read."""
        return self.process.exitcode is not None and not self.connection.poll()


class Pool:
    """Start workers, wait for their answers, and leave none behind: use it in a ``with``."""

    def __init__(self) -> None:
        self._workers: list[Worker] = []
        with _signals_later():
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(guard.__file__))],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        try:
            for worker in self._workers:
                worker.connection.close()  # an idle one ends by itself
                if kind is not None:
                    worker.process.terminate()
            until = time.monotonic() + GRACE
            for worker in self._workers:
                worker.process.join(max(0.0, until - time.monotonic()))
        finally:
            for worker in list(self._workers):
                self.drop(worker)
            if self._guard.stdin is not None:
                with suppress(BrokenPipeError):
                    self._guard.stdin.close()
            self._guard.wait()

    def start(self) -> Worker:
        """Return a new worker."""
        worker = Worker()
        self._workers.append(worker)
        self._tell_guard(f"+{worker.pid}")
        return worker

    def drop(self, worker: Worker) -> None:
        """End a worker and what it started."""
        guard.kill_group(worker.pid)
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        self._tell_guard(f"-{worker.pid}")

    def ready(self) -> list[Worker]:
        """Wait until at least one worker has answered or died, and return these."""
        while True:
            there = set(map(id, wait([one.connection for one in self._workers], timeout=_LOOK)))
            found = [w for w in self._workers if id(w.connection) in there or w.is_gone()]
            if found:
                return found

    def _tell_guard(self, line: str) -> None:
        if self._guard.stdin is not None:
            with suppress(BrokenPipeError):  # it was killed: the kernel still ends our workers
                self._guard.stdin.write(line + "\n")
                self._guard.stdin.flush()


@contextmanager
def _signals_later() -> Iterator[None]:
    """Hold signals back while a process starts, which then cannot be hit before it is ready."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _how(code: int | None) -> str:
    """Say how a process ended."""
    if code is None:
        return "closed its pipe"
    if code == -signal.SIGKILL:
        return "was killed (SIGKILL), out of memory?"
    if code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"ended with code {code}"


def _work(connection: Connection, parent: int) -> None:
    """Run jobs until the pipe is closed or the parent asks to stop."""
    try:
        _settle(parent)
        while True:
            content = connection.recv_bytes()
            reply: tuple[bool, Any, str]
            try:
                function, job = pickle.loads(content)  # noqa: S301 - from our own parent
                reply = (True, function(job), "")
            except Interrupted:
                raise
            except BaseException as err:
                reply = (False, err, traceback.format_exc())
            del content
            connection.send_bytes(_packed(reply))
    except Interrupted:
        os._exit(128 + signal.SIGTERM)  # checkpoints were saved on the way here
    except (EOFError, OSError):
        return  # the parent has closed the pipe: there is no more to do


def _packed(reply: tuple[bool, Any, str]) -> bytes:
    try:
        content = pickle.dumps(reply, protocol=pickle.HIGHEST_PROTOCOL)
        if not reply[0]:
            pickle.loads(content)  # noqa: S301 - some errors can be written and not read
    except Exception as err:
        what = err if reply[0] else reply[1]  # what cannot travel is reported in words
        error = RuntimeError(f"{type(what).__name__}: {what}")
        content = pickle.dumps((False, error, reply[2]), protocol=pickle.HIGHEST_PROTOCOL)
    return content


def _settle(parent: int) -> None:
    """Make this process one that its parent alone stops, and that ends with its parent."""

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        raise Interrupted(number)

    os.setpgid(0, 0)  # a Ctrl-C of the terminal goes to the parent's group
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    guard.end_with_parent(parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
