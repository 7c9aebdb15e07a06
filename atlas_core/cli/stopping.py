"""Turn the signals that ask a process to stop into one exception. Light."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from atlas_core.errors import Interrupted

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stopping() -> Iterator[list[int]]:
    """Raise ``Interrupted`` where the program is when a signal comes; yield those that came.

    A signal that the caller's shell ignores (``nohup``, a background job) stays ignored.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        raise Interrupted(number)

    before = {one: signal.getsignal(one) for one in STOPS}
    for number, handler in before.items():
        if handler not in (signal.SIG_IGN, None):
            signal.signal(number, stop)
    try:
        yield came
    finally:
        for number, handler in before.items():
            if handler not in (signal.SIG_IGN, None):
                signal.signal(number, handler)


def deaf() -> None:
    """Ignore further signals: what is left to do takes no time, and must not be cut in two."""
    if threading.current_thread() is threading.main_thread():
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)
