"""Rows that a network trains on: in batches, with targets that can be learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from atlas_core.api import F8, I8, DataError, FitContext
from atlas_gnn._options import TrainingConfig


class Examples(Protocol):
    """Rows that a network reads in batches."""

    def __len__(self) -> int: ...

    def batch(self, indices: I8) -> Any:
        """Return the rows at ``indices``, in that order, as the network takes them."""
        ...

    def chunks(self) -> Iterator[I8]:
        """Yield all rows in order, in pieces of a bounded size that depends on the rows alone."""
        ...


@dataclass(frozen=True)
class Subset:
    """Some rows of examples, numbered from 0."""

    examples: Examples
    rows: I8

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indices: I8) -> Any:
        """Return the rows at ``indices``, in that order."""
        return self.examples.batch(self.rows[indices])

    def chunks(self) -> Iterator[I8]:
        """Yield all rows in order, in pieces."""
        yield from (part for part in np.array_split(np.arange(len(self)), len(self) // 256 + 1))


def check_target(target: F8, rows: int, context: FitContext) -> None:
    """Refuse targets that cannot be learned.

    Raises:
        DataError: wrong length, a value that is not finite or not 0 or 1; names the row.
    """
    if target.shape != (rows,):
        raise DataError(f"training: {rows} rows of features but targets of shape {target.shape}")
    bad = ~np.isfinite(target)
    want = "a finite number"
    if context.task == "binary":
        bad, want = bad | ((target != 0) & (target != 1)), "0 or 1"
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"training: target of {_name(row, context)} is {target[row]}, expected {want};"
            " leave the row out or correct it"
        )


def _name(row: int, context: FitContext) -> str:
    return f"row {row}" if context.ids is None else f"id {context.ids[row]}"


def kept_rows(target: F8, options: TrainingConfig, context: FitContext) -> I8:
    """Return the rows to train on, and record the ids of target outliers that are left out."""
    rows = np.arange(len(target))
    if options.outlier_sigma is None or context.task == "binary":
        return rows
    mean, std = float(target.mean()), float(target.std())
    far = np.abs(target - mean) > options.outlier_sigma * std
    context.record(
        "outliers",
        {
            "ids": [str(r if context.ids is None else context.ids[r]) for r in rows[far]],
            "target": [float(value) for value in target[far]],
            "mean": mean,
            "std": std,
            "sigma": options.outlier_sigma,
        },
    )
    return rows[~far]
