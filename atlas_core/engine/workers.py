"""Worker processes that run one job at a time and outlive neither a kill nor their parent. Light.

``concurrent.futures`` gives up the whole pool when one process is killed, and cannot say which job
it had; its processes wait for ever when their parent is killed. Each worker here has a pipe of its
own and leads a process group, so that what it starts can be ended with it.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
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

from atlas_core.context import Notify
from atlas_core.engine import guard
from atlas_core.engine.options import NotifyHere, say_nothing
from atlas_core.errors import Interrupted

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 5.0
"""Seconds that a worker has to save its checkpoint when it is asked to stop."""
_LINE = b"line "
"""What a line of progress begins with, unlike an answer, which is a pickle."""
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
        self._notify: Notify = say_nothing
        self._answer = b""

    @property
    def pid(self) -> int:
        """Return the process id, which is that of its group, too."""
        return int(self.process.pid or 0)

    def give(self, position: int, function: Callable[[Any], Any], job: Any) -> None:
        """Hand over a job; one that dies meanwhile is noticed when its answer is asked for."""
        self.position, self._answer = position, b""
        packer = _Packer(io.BytesIO(), protocol=pickle.HIGHEST_PROTOCOL)
        packer.dump(function)
        self._notify = packer.notify
        content = pickle.dumps(job, protocol=pickle.HIGHEST_PROTOCOL)
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send_bytes(packer.file.getvalue())
            self.connection.send_bytes(content)

    def answers(self) -> bool:
        """Read what the process sends next; return whether it was no line of progress."""
        try:
            content = self.connection.recv_bytes()
        except (EOFError, OSError):
            return True
        if content.startswith(_LINE):
            self._notify(pickle.loads(content[len(_LINE) :]))  # noqa: S301 - our own
            return False
        self._answer = content
        return True

    def answer(self) -> Any:
        """Return what the job of a worker that is ready returned, or raise what it raised.

        Raises:
            WorkerDiedError: the process ended without an answer.
        """
        if not self._answer:
            self.process.join(GRACE)
            raise WorkerDiedError(_how(self.process.exitcode))
        done, value, trace = pickle.loads(self._answer)  # noqa: S301 - our own
        self._answer = b""
        if done:
            return value
        value.add_note(trace)
        raise value

    def is_gone(self) -> bool:
        """Return whether the process has ended and left nothing to read."""
        return self.process.exitcode is not None and not self.connection.poll()


class _Packer(pickle.Pickler):
    """Pickle a function whose lines of progress come back: ``notify`` is what is to show them."""

    def __init__(self, file: io.BytesIO, protocol: int) -> None:
        super().__init__(file, protocol)
        self.file = file
        self.notify: Notify = say_nothing

    def persistent_id(self, item: object) -> str | None:
        """Leave out what shows lines, which only this process can."""
        if not isinstance(item, NotifyHere):
            return None
        self.notify = item
        return "notify"


class _Unpacker(pickle.Unpickler):
    """Unpickle it in a worker, with what sends lines to the parent."""

    def __init__(self, content: bytes, notify: Notify) -> None:
        super().__init__(io.BytesIO(content))
        self._notify = notify

    def persistent_load(self, _name: str) -> NotifyHere:
        """Return what takes the place of what shows lines."""
        return NotifyHere(self._notify)


class _Parent:
    """What a worker tells its parent, from any of its threads, one message after another."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock, self._process = connection, threading.Lock(), os.getpid()

    def send(self, content: bytes) -> None:
        """Send a message."""
        with self._lock:
            self._connection.send_bytes(content)

    def notify(self, text: str) -> None:
        """Send a line of progress; one of a process that was forked here is dropped."""
        if os.getpid() == self._process:
            self.send(_LINE + pickle.dumps(text, protocol=pickle.HIGHEST_PROTOCOL))


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
        """Wait until at least one worker has answered or died, and return these.

        Lines of progress that come meanwhile are passed on.
        """
        while True:
            there = set(map(id, wait([one.connection for one in self._workers], timeout=_LOOK)))
            found = [
                worker
                for worker in self._workers
                if (worker.answers() if id(worker.connection) in there else worker.is_gone())
            ]
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
        to = _Parent(connection)
        while True:
            packed, content = connection.recv_bytes(), connection.recv_bytes()
            reply: tuple[bool, Any, str]
            try:
                function = _Unpacker(packed, to.notify).load()
                job = pickle.loads(content)  # noqa: S301 - from our own parent
                reply = (True, function(job), "")
            except Interrupted:
                raise
            except BaseException as err:
                reply = (False, err, traceback.format_exc())
            del content
            to.send(_packed(reply))
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
