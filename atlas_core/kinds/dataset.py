"""The ``dataset`` kind: materials with a target to predict. Light: numpy only."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, fingerprint, frozen
from atlas_core.errors import DataError
from atlas_core.materials import Materials
from atlas_core.store import Arrays, canonical_hash, read_folder, write_folder

Task = Literal["regression", "binary"]
Provenance = Literal["official", "rebuilt", "unverified", "embedded", "user"]

LARGEST = 1e100
"""The largest target; its square times a million rows is still a number in double precision."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Hold materials and the property to predict.

    Attributes:
        materials: n materials.
        target: (n,) float64 in ``unit``; 0 or 1 when ``task`` is ``binary``.
        target_name: the property, such as ``formation_energy_per_atom``.
        unit: the unit in words for a report, such as ``eV/atom``; empty where there is none.
        task: ``regression`` or ``binary``.
        bounds: (low, high) between which every target of this kind must lie, whatever the
            material: a band gap is in (0, inf). Intervals are cut there. None: nothing is known.
        columns: metadata by name, (n,) each: space group, source, ...
        name: what the data set is called in a report.
        licence: under which terms the data may be used.
        citation: papers to cite, one text each.
        sha256: hash of the source file (of the content, where there is no single file).
        provenance: ``official`` (hash held against a published one), ``rebuilt``,
            ``unverified``, ``embedded`` (ships with the plugin) or ``user``.

    Raises:
        DataError: shapes do not fit, or a target is NaN, infinite, or not 0/1 when binary; or the
            largest is beyond 1e100 or below 1e-100, or one lies outside ``bounds``.
    """

    materials: Materials
    target: F8
    target_name: str
    unit: str
    task: Task
    name: str
    licence: str
    citation: tuple[str, ...]
    sha256: str
    provenance: Provenance
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", frozen(self.target, np.float64))
        n = len(self.materials)
        if self.target.shape != (n,):
            raise DataError(f"{self.name}: {n} materials but {self.target.shape} targets")
        if n == 0:
            raise DataError(f"{self.name}: no rows")
        if (bad := np.flatnonzero(~np.isfinite(self.target))).size:
            raise DataError(
                f"{self.name}: target {self.target_name!r} is {self.target[bad[0]]} for id"
                f" {self.materials.ids[bad[0]]} ({bad.size} such rows); remove or mend them"
            )
        self._check_range()
        if self.task == "binary" and not np.isin(self.target, (0.0, 1.0)).all():
            raise DataError(f"{self.name}: a binary target must be 0 or 1")
        if self.bounds is not None:
            self._check_bounds(*self.bounds)
        for column, values in self.columns.items():
            if np.shape(values) != (n,):
                raise DataError(f"{self.name}: column {column!r} must be ({n},)")

    def _check_bounds(self, low: float, high: float) -> None:
        if not low < high or self.task == "binary":
            raise DataError(
                f"{self.name}: bounds [{low:g}, {high:g}] are none; give the lower one first, for"
                " a regression target"
            )
        bad = np.flatnonzero((self.target < low) | (self.target > high))
        if bad.size:
            named = ", ".join(
                f"{self.materials.ids[row]} ({self.target[row]:g})" for row in bad[:20]
            )
            raise DataError(
                f"{self.name}: {bad.size} targets {self.target_name!r} lie outside the stated"
                f" bounds [{low:g}, {high:g}]: id {named}; correct them or the bounds"
            )

    def _check_range(self) -> None:
        """Refuse targets whose squares are no numbers: every mean squared error needs them."""
        low, high = float(self.target.min()), float(self.target.max())
        spread = max(high, -low)
        if spread > LARGEST or 0 < spread < 1 / LARGEST:
            raise DataError(
                f"{self.name}: target {self.target_name!r} runs from {low:g} to {high:g}; squares"
                f" of numbers beyond {LARGEST:g}, or all below {1 / LARGEST:g}, cannot be held:"
                " state it in another unit, or its logarithm"
            )

    def __len__(self) -> int:
        return len(self.materials)

    def take(self, indices: npt.ArrayLike) -> Dataset:
        """Return the rows at ``indices``, in that order."""
        chosen = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            materials=self.materials.take(chosen),
            target=self.target[chosen],
            columns={name: np.asarray(values)[chosen] for name, values in self.columns.items()},
        )

    @property
    def fingerprint(self) -> str:
        """Return the sha256 of materials, targets and metadata: whatever a split may read."""
        columns = {
            f"column:{name}": np.asarray(values, dtype=np.str_)
            if np.asarray(values).dtype.kind == "O"
            else np.asarray(values)
            for name, values in self.columns.items()
        }
        return fingerprint({**self.materials.to_arrays(), "target": self.target, **columns})


def written_bounds(bounds: tuple[float, float]) -> list[float | None]:
    """Return bounds as JSON takes them: None for an open end."""
    return [end if np.isfinite(end) else None for end in bounds]


def read_bounds(written: Sequence[float | None] | None) -> tuple[float, float] | None:
    """Return bounds from [low, high], None for an open end; None where none are stated."""
    if written is None:
        return None
    low, high = written
    return (-np.inf if low is None else float(low), np.inf if high is None else float(high))


@dataclass(frozen=True)
class DataContext:
    """Say where data files may lie.

    Attributes:
        data_dir: local copies of data files (``--data-dir`` or ``ATLAS_DATA``), or None.
        cache_dir: where a download is kept.
        spec_dir: relative paths in a spec are relative to it.
        offline: refuse downloads.
    """

    data_dir: Path | None
    cache_dir: Path
    spec_dir: Path
    offline: bool = False

    def path(self, text: str) -> Path:
        """Return ``text`` as a path: absolute, or beside the spec, or in ``data_dir``.

        Raises:
            DataError: no file can have this path: an unknown user after ``~``, a name that is too
                long, or a folder that may not be searched.
        """
        shown = repr(text if len(text) <= 80 else f"{text[:77]}...")
        try:
            given = Path(text).expanduser()
            if given.is_absolute():
                given.exists()  # asks the system whether such a path can be
                return given
            beside = self.spec_dir / given
            if not beside.exists() and self.data_dir is not None:
                inside = self.data_dir / given
                if inside.exists():
                    return inside
        except RuntimeError as err:
            raise DataError(f"path {shown}: no such user; write the folder out") from err
        except OSError as err:
            raise DataError(f"path {shown}: cannot be used ({err.strerror})") from err
        return beside

    def parsed(
        self,
        source: Mapping[str, Any],
        read: Callable[[], tuple[Arrays, Mapping[str, Any]]],
    ) -> tuple[Arrays, Mapping[str, Any]]:
        """Return the arrays and the note that ``read`` makes, stored the first time.

        Every file of an entry is held against its checksum; a damaged one is dropped with a
        warning and made again. Where the cache cannot be written a warning says so.

        Args:
            source: plain data that the result depends on: the sha256 of the file, the options and
                the version of the reader. What the core itself adds to reading is counted in.
            read: parses the file.
        """
        key = canonical_hash([source, _reading()])
        path = self.cache_dir / "datasets" / key[:2] / key
        if path.exists():
            try:
                return read_folder(path)
            except DataError as err:
                warnings.warn(f"cache: dropped and read anew: {err}", stacklevel=2)
                shutil.rmtree(path, ignore_errors=True)
        arrays, note = read()
        try:
            write_folder(path, arrays, note)
        except DataError as err:
            warnings.warn(f"cache: not kept, the next run reads again: {err}", stacklevel=2)
        return arrays, note


@lru_cache(maxsize=1)
def _reading() -> str:
    """Return the sha256 of the core's files that turn text into materials."""
    folder = Path(__file__).resolve().parents[1]
    names = ("arrays.py", "elements.py", "materials.py", "store.py")
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in names)).hexdigest()


@runtime_checkable
class DatasetSource(Protocol):
    """Load one data set."""

    def load(self, context: DataContext) -> Dataset:
        """Return the data set.

        Raises:
            DataError: a file is missing, damaged or has the wrong hash; names file, row and id.
        """
        ...
