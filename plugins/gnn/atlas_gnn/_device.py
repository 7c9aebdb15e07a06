"""Put arrays where a network computes, and let a GPU sum in one order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
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
    """Let a GPU add in one order, and put the settings back afterwards.

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
