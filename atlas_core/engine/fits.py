"""What fitted models answered: kept by the hash of all that made it, so no fit is repeated. Light.

An entry is a folder: ``fit.npz`` says that the fit was made and what it recorded, and beside it
lies one file an answer. ``predictor.npz`` is the fit itself (``atlas_core.saving``: no pickle),
where a run was to keep it.
"""

from __future__ import annotations

import shutil
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Str, fingerprint
from atlas_core.errors import DataError
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.featurizer import Features
from atlas_core.links import below, delete, files
from atlas_core.stages import identity
from atlas_core.store import (
    DROPPED,
    Arrays,
    canonical_hash,
    checked_bytes,
    read_arrays,
    write_arrays,
)

Stored = tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class FitIdentity:
    """Name all that decides what a fitted model answers, and nothing else.

    The detector, the calibrator, names, levels and the number of threads are not here: changing
    one of them trains nothing anew.

    Attributes:
        model: key of the component that is trained.
        uq: key of the one that trains it.
        features: of all materials; an answer is about rows of them.
        train: (n,) training rows.
        target: (n,) their targets.
        ids: (n,) their ids, which a record may name.
        seed: of the fit.
        task: ``regression`` or ``binary``.
        device: ``cpu``, ``cuda``, ...
    """

    model: str
    uq: str
    features: Features
    train: I8
    target: F8
    ids: Str
    seed: int
    task: Task
    device: str

    def key(self) -> str:
        """Return the hash, with the stage, sources and library versions."""
        return canonical_hash(
            [
                identity("shared", "fit"),
                self.model,
                self.uq,
                self.features.form,
                self.features.fingerprint,
                fingerprint({"train": self.train, "target": self.target, "ids": self.ids}),
                self.seed,
                self.task,
                self.device,
            ]
        )


@dataclass(frozen=True)
class FitCache:
    """Keep what fitted models answered, for every run on this machine.

    Attributes:
        folder: where entries lie, in ``fits``.
        fresh: read nothing that an earlier run kept; what is computed replaces it.
    """

    folder: Path
    fresh: bool = False

    def path(self, key: str, name: str) -> Path:
        """Return where the answer ``name`` of an entry lies; a folder there is dropped.

        Raises:
            DataError: a step on the way there is a link.
        """
        path = below(self.folder, self.folder / "fits" / key[:2] / key / f"{name}.npz")
        if path.is_dir():
            _drop(path, f"{path}: a folder is where a file is needed")
        return path

    def get(self, key: str, name: str) -> Stored | None:
        """Return arrays and note, or None; a damaged file is dropped with a warning."""
        path = self.path(key, name)
        if self.fresh or not path.exists():
            return None
        try:
            return read_arrays(path)
        except DataError as err:
            _drop(path, str(err))
            return None

    def content(self, key: str, name: str) -> bytes | None:
        """Return a file as it is, or None; a damaged one is dropped with a warning."""
        path = self.path(key, name)
        if self.fresh or not path.exists():
            return None
        try:
            return checked_bytes(path)
        except DataError as err:
            _drop(path, str(err))
            return None

    def drop(self, key: str, name: str, why: str) -> None:
        """Delete an answer that turned out not to be usable, with a warning that names its file."""
        path = self.path(key, name)
        _drop(path, f"{path}: {why}")

    def put(self, key: str, name: str, arrays: Arrays, note: dict[str, Any]) -> None:
        """Keep arrays and note, whole or not at all.

        Raises:
            DataError: the folder cannot be written to.
        """
        write_arrays(self.path(key, name), arrays, note)

    def entries(self) -> list[tuple[Path, int]]:
        """Return the entries and their sizes in bytes, sorted by path."""
        sizes: dict[Path, int] = {}
        for path in files(below(self.folder, self.folder / "fits")):
            sizes[path.parent] = sizes.get(path.parent, 0) + path.stat().st_size
        return sorted(sizes.items())

    def clear(self) -> tuple[int, int]:
        """Delete every entry; return how many and how many bytes."""
        entries = self.entries()
        shutil.rmtree(self.folder / "fits", ignore_errors=True)
        return len(entries), sum(size for _, size in entries)


def _drop(path: Path, why: str) -> None:
    warnings.warn(f"cache: {DROPPED}: {why}", stacklevel=3)
    with suppress(OSError):  # a cache that cannot be written to says so when it is written
        delete(path)


def rows_name(rows: I8) -> str:
    """Return a short name of row numbers, for the file of an answer about them."""
    return fingerprint({"rows": np.asarray(rows, dtype=np.int64)})[:24]
