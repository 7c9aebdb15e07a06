"""Attributes of estimators, and a look at those that a stranger may have written. Light."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.api import DataError, attributes_of, set_attributes

MOST_COLUMNS = 2**20
"""Columns that an estimator may claim: some of its parts are as long, before it is asked."""
MOST_ROWS = 2**31 - 1


def require(good: Any, why: str) -> None:
    """Stop unless ``good`` holds everywhere.

    Raises:
        DataError: it does not.
    """
    if not np.all(good):
        raise DataError(f"an estimator in it cannot be used: {why}; fit anew, do not trust it")


def array(
    state: Mapping[str, Any],
    name: str,
    dtype: Any,
    shape: tuple[int | None, ...],
    *,
    finite: bool = True,
) -> npt.NDArray[Any]:
    """Return an array of exactly this type and shape; None stands for any length.

    Raises:
        DataError: it is something else, or holds a number that is not finite.
    """
    value, wanted = state.get(name), np.dtype(dtype)
    if type(value) is not np.ndarray or value.dtype != wanted:
        raise DataError(f"{name} of an estimator in it is no array of {wanted}; do not trust it")
    fits = [want in (None, have) for have, want in zip(value.shape, shape, strict=False)]
    require(len(value.shape) == len(shape) and all(fits), f"{name} has the shape {value.shape}")
    require(not finite or wanted.kind != "f" or np.isfinite(value), f"{name} is not finite")
    return value


def whole(state: Mapping[str, Any], name: str, low: int, high: int) -> int:
    """Return a whole number from ``low`` to ``high``.

    Raises:
        DataError: it is something else.
    """
    value = state.get(name)
    good = type(value) is int and low <= value <= high
    require(good, f"{name} is no whole number from {low} to {high}")
    return int(value)  # type: ignore[arg-type]  # just looked at


def plain(value: Any) -> dict[str, Any]:
    """Return the attributes of an object; a random generator, which only a fit draws from, is None.

    Raises:
        ContractError: the object is compiled, and has none.
    """
    drawn = (np.random.RandomState, np.random.Generator)
    state = attributes_of(value).items()
    return {name: None if isinstance(one, drawn) else one for name, one in state}


def made(cls: type, state: Mapping[str, Any]) -> Any:
    """Return an object with these attributes.

    Threads are those that this machine has, and nothing is printed: no answer depends on them.

    Raises:
        DataError: one of them would stand before an attribute of its class.
    """
    for name in state:
        if hasattr(cls, name):
            raise DataError(f"{cls.__qualname__}.{name} is no attribute for data")
    found: Any = object.__new__(cls)
    set_attributes(found, state)
    if state.get("verbose"):
        found.verbose = 0
    if type(jobs := state.get("n_jobs")) is int:
        found.n_jobs = min(max(jobs, 1), os.cpu_count() or 1)
    return found
