"""Checkpoints without pickle: arrays and JSON under one checksum, replaced atomically."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from atlas_core.api import DataError, TrainingError, read_arrays, write_arrays

FILE = "checkpoint.npz"
_JSON = "json"


def save(directory: Path, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Write ``directory/checkpoint.npz``; a reader sees the old file or the new one, never half.

    Raises:
        TrainingError: the folder cannot be written.
    """
    try:
        # as text: an error that is infinite so far stays so
        write_arrays(directory / FILE, arrays, {_JSON: json.dumps(meta, sort_keys=True)})
    except DataError as err:
        raise TrainingError(f"checkpoint {err}") from err


def load(directory: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]] | None:
    """Return the arrays and the JSON of ``directory/checkpoint.npz``, or None without one.

    Raises:
        ValueError: the file is damaged; the message says how.
    """
    path = directory / FILE
    if not path.exists():
        return None
    try:
        arrays, note = read_arrays(path)
        return arrays, json.loads(note[_JSON])
    except (DataError, KeyError, TypeError, ValueError) as err:
        raise ValueError(f"checkpoint {err}") from err
