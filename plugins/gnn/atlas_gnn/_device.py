"""Put arrays where a network computes."""

from __future__ import annotations

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
