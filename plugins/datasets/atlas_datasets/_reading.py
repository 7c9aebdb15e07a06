"""Turn cells of a user's file into ids and targets, naming the row that is wrong. numpy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.api import F8, DataError, Task

_TRUE = ("true", "yes", "1", "1.0")
_FALSE = ("false", "no", "0", "0.0")


def where(source: str, row: int, material_id: str | None = None) -> str:
    """Return the place in words; ``row`` counts from 0, people count from 1."""
    return f"{source}: row {row + 1}" + ("" if material_id is None else f", id {material_id}")


def check_ids(source: str, ids: Sequence[str]) -> None:
    """Refuse empty and repeated ids.

    Raises:
        DataError: names both rows.
    """
    first: dict[str, int] = {}
    for row, material_id in enumerate(ids):
        if not material_id.strip():
            raise DataError(f"{where(source, row)}: the id is empty")
        if material_id in first:
            raise DataError(
                f"{where(source, row, material_id)}: duplicate id, also in row"
                f" {first[material_id] + 1}; ids must be distinct"
            )
        first[material_id] = row


def targets(
    source: str,
    ids: Sequence[str],
    values: Sequence[Any] | npt.NDArray[Any],
    *,
    column: str,
    task: Task,
) -> F8:
    """Return (n,) targets as numbers, 0 or 1 when ``task`` is ``binary``.

    Raises:
        DataError: a value is empty, text, NaN, infinite, or no truth value when binary.
    """
    if isinstance(values, np.ndarray) and task == "regression":
        numbers = values.astype(np.float64)
        if np.isfinite(numbers).all():
            return numbers
    out = np.empty(len(ids))
    for row, (material_id, value) in enumerate(zip(ids, values, strict=True)):
        place = f"{where(source, row, material_id)}: target {column!r}"
        text = "" if value is None else str(value).strip()
        if not text:
            raise DataError(f"{place} is empty")
        if task == "binary":
            if text.lower() not in _TRUE + _FALSE:
                raise DataError(f"{place} is {text!r}; expected true/false, yes/no or 1/0")
            out[row] = text.lower() in _TRUE
            continue
        if isinstance(value, bool):
            raise DataError(f"{place} is {text!r}, not a number; a yes/no target is task: binary")
        try:
            out[row] = number(text)
        except ValueError:
            raise DataError(f"{place} is {text!r}, not a number") from None
        if not math.isfinite(out[row]):
            raise DataError(f"{place} is {text}; remove the row or mend it")
    return out


def number(text: str) -> float:
    """Return the number that ``text`` says, in plain digits.

    Python would also take ``5_000`` and digits of other scripts, where a file more likely holds a
    slip or a code.

    Raises:
        ValueError: it is no such number.
    """
    if "_" in text or not text.isascii():
        raise ValueError(f"not a number: {text!r}")
    return float(text)
