"""Put arrays where a network computes; threads, denormal numbers and the order of sums there."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor


def put(values: npt.NDArray[Any] | Tensor, device: str | torch.device) -> Tensor:
    """Return values of the host on ``device``; the host does not wait for the copy.

    On the CPU the memory is shared, not copied.
    """
    tensor = torch.as_tensor(values)
    if torch.device(device).type == "cpu":
        return tensor
    # From pinned memory the copy runs while the device computes.
    return tensor.pin_memory().to(device, non_blocking=True)


@contextmanager
def same_bytes() -> Iterator[None]:
    """Let a GPU add in one order, and put the settings back afterward.

    Without it ``index_add`` adds with atomics, in whatever order its threads come: two fits with
    one seed then differed from the first epoch on (PyTorch, "Reproducibility").
    """
    # cuBLAS reads it when it starts, and torch refuses a matrix product where it is not set
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # nothing reads it: it costs time
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.utils.deterministic.fill_uninitialized_memory = filled


class _NumberOfThreads:
    """Torch's number of threads, part of which is global: the last fit to end puts it back.

    A fit that put it back while another still runs would give that one other sums.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._before = Lock(), 0, 1

    @contextmanager
    def set(self, threads: int) -> Iterator[None]:
        with self._lock:
            if not self._inside:
                self._before = torch.get_num_threads()
            self._inside += 1
            torch.set_num_threads(threads)  # OpenMP keeps one for each thread, MKL one for all
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    torch.set_num_threads(self._before)


_number_of_threads = _NumberOfThreads()


@contextmanager
def torch_settings(threads: int, device: str = "cpu") -> Iterator[None]:
    """Use ``threads`` threads and flush denormal numbers to zero, and put both back afterward.

    Denormal numbers made a training step four times slower where sigmoids saturate. Several fits
    may be inside at once, each in its own thread, if all ask for the same number. On a GPU sums
    are taken in one order, so that the same seed gives the same bytes there too.
    """
    if torch.device(device).type != "cpu":
        with same_bytes(), torch_settings(threads):
            yield
        return
    _keep_freed_memory()
    tiny = torch.full((1,), 1e-310, dtype=torch.float64)
    flushed = float(tiny * 1.0) == 0.0
    torch.set_flush_denormal(True)  # of this thread
    try:
        with _number_of_threads.set(max(1, threads)):
            yield
    finally:
        torch.set_flush_denormal(flushed)


@cache
def _keep_freed_memory() -> None:
    """Tell glibc to keep what a step frees for the next one; other C libraries are left alone.

    A step frees and asks for the same hundred megabytes; given back to the system, every page of
    them is cleared again, which was a quarter of a step. The settings are those of mallopt(3).
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    for setting, size in ((-3, 32 << 20), (-1, 1 << 30), (-2, 64 << 20)):
        mallopt(setting, size)  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD, in bytes
