"""The predictions of an arm's other trainings, ``repeats.parquet``. Light.

The first training stands in ``predictions.parquet``. Here stand the second, the third and so on,
row for row the same materials, with the number of the training in the column ``repeat``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.data.predictions import Predictions
from atlas_core.data.tables import read_table, write_table
from atlas_core.errors import DataError

REPEAT = "repeat"
_SAME = ("ids", "arm", "fold", "parts", "target")
"""Columns that do not depend on a training."""


def columns_of_repeats(repeats: Sequence[Predictions]) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of the file by name; {} without a repeat."""
    if not repeats:
        return {}
    number = np.repeat(np.arange(2, len(repeats) + 2), [len(one) for one in repeats])
    return {**Predictions.stacked(repeats).to_columns(), REPEAT: number}


def write_repeats(path: Path, repeats: Sequence[Predictions]) -> None:
    """Write the file, whole or not at all.

    Raises:
        DataError: the folder cannot be written to.
    """
    write_table(path, columns_of_repeats(repeats))


def read_repeats(path: Path, first: Predictions) -> tuple[Predictions, ...]:
    """Return the other trainings, in their order.

    Args:
        path: of the file.
        first: the first training.

    Raises:
        DataError: the file cannot be read, or its rows are not those of the first training.
    """
    columns = read_table(path)
    number = columns.pop(REPEAT, None)
    every = Predictions.from_columns(columns, str(path))
    if number is None or number.dtype.kind not in "iu":
        raise DataError(f"{path}: column {REPEAT!r} is missing or holds no whole numbers")
    numbers = np.unique(number).tolist()
    ordered = numbers == list(range(2, len(numbers) + 2))
    whole = ordered and len(every) == len(numbers) * len(first)
    found = [every.take(number == k) for k in numbers] if whole else []
    if not whole or not all(_alike(one, first) for one in found):
        raise DataError(f"{path}: its rows are not those of predictions.parquet")
    for one in found:
        one.require_finite(str(path))
    return tuple(found)


def _alike(one: Predictions, first: Predictions) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(first, name)) for name in _SAME)
