"""Checkpoints without pickle: one npz file of arrays with its JSON inside, replaced atomically."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.api import TrainingError

FILE = "checkpoint.npz"
_JSON = "json"


def save(directory: Path, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Write ``directory/checkpoint.npz``; a reader sees the old file or the new one, never half.

    Raises:
        TrainingError: the folder cannot be written.
    """
    part = directory / f".{FILE}.{os.getpid()}.part"
    text = np.asarray(json.dumps(meta, sort_keys=True))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as stream:
                np.savez(stream, allow_pickle=False, **{_JSON: text, **arrays})
            part.replace(directory / FILE)
        finally:
            part.unlink(missing_ok=True)
    except OSError as err:
        raise TrainingError(
            f"checkpoint {directory / FILE}: cannot be written ({err.strerror or err});"
            " free space or choose another output folder"
        ) from err


def load(directory: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]] | None:
    """Return the arrays and the JSON of ``directory/checkpoint.npz``, or None without one.

    Raises:
        ValueError: the file is damaged; the message says how.
    """
    path = directory / FILE
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        meta = json.loads(str(arrays.pop(_JSON)))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as err:
        raise ValueError(f"checkpoint {path} is damaged ({err})") from err
    return arrays, meta
