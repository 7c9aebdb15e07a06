"""Kill the workers of a run whose process is gone. A program of its own: standard library only.

It reads ``+PID`` and ``-PID`` lines. When its input ends without a word for some of them, their
parent was killed: they and all that they started are killed, too. A thread in the worker could not
do this while compiled code holds the interpreter.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress


def kill_group(pid: int) -> None:
    """Kill a worker and the processes it started; one that is gone already is no error."""
    for kill in (os.killpg, os.kill):  # before it leads a group of its own, only the second works
        with suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def end_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent is gone; Linux only."""
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)  # it was gone before it could be noticed


def main() -> None:
    """Follow the list of workers until the input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    alive: set[int] = set()
    for line in sys.stdin:
        (alive.add if line[0] == "+" else alive.discard)(int(line[1:]))
    for pid in alive:
        kill_group(pid)


if __name__ == "__main__":
    main()
