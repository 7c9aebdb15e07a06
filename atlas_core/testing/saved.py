"""What is left of a fitted object after it was saved and loaded. Light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from atlas_core.component import Component
from atlas_core.errors import ContractError, DataError
from atlas_core.saving import Allowed, restored
from atlas_core.testing.outcome import require

TOYS = "atlas_core.testing"


def saved_and_loaded(component: Component, value: Any) -> Any:
    """Return what a run folder would give back of a component's answer.

    Raises:
        ContractError: it cannot be saved, or names what may not be loaded.
    """
    allowed = Allowed.by([component])
    try:
        return restored(value, Allowed(allowed.packages | {TOYS}, allowed.classes))
    except DataError as err:
        raise ContractError(f"saved, but not loaded: {err}") from err


def require_same_bytes(
    before: Mapping[str, npt.NDArray[Any] | None], after: Mapping[str, npt.NDArray[Any] | None]
) -> None:
    """Stop the check unless the arrays are the same to the last bit.

    Raises:
        ContractError: one differs; names it.
    """
    for name, one in before.items():
        other = after[name]
        require((one is None) == (other is None), f"{name}: saved and loaded, it is not there")
        if one is not None and other is not None:
            same = one.dtype == other.dtype and one.tobytes() == other.tobytes()
            require(same, f"{name}: saved and loaded, its bytes differ")
