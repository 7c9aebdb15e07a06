r'''The ``dataset`` kind: materials with a target to predict. Light: numpy only.

A whole plugin, in a module ``atlas_two_columns``::

    """Formulas and values from a text file of two columns, such as a table copied from a paper."""

    import numpy as np

    from atlas_core.api import (
        Component,
        Config,
        DataError,
        Dataset,
        Field,
        Materials,
        file_sha256,
        hookimpl,
    )


    class TwoColumnsConfig(Config):
        """Where the file is, and what it holds."""

        path: str = Field(description="A text file; each line is a formula and a number.")
        target: str = Field("band_gap", description="Name of the property.")
        unit: str = Field("eV", description="Unit of the numbers.")


    class TwoColumns:
        """Read the file; every line is a material."""

        def __init__(self, config):
            self.config = config

        def load(self, context):
            path = context.path(self.config.path)
            try:
                rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
                formulas, values = zip(*[(formula, float(value)) for formula, value in rows])
            except (OSError, ValueError) as err:
                raise DataError(f"{path}: expected a formula and a number per line: {err}") from err
            return Dataset(
                materials=Materials.from_formulas([f"row-{i}" for i in range(len(rows))], formulas),
                target=np.array(values),
                target_name=self.config.target,
                unit=self.config.unit,
                task="regression",
                name=path.stem,
                license="as its source says",
                citation=("the paper that the table is from",),
                sha256=file_sha256(path),
                provenance="user",
            )


    def example(folder):
        """Write a small file for the contract, and return the options that read it."""
        (folder / "gaps.txt").write_text("GaAs 1.42\nSi 1.11\nNaCl 8.5\n", encoding="utf-8")
        return {"path": str(folder / "gaps.txt")}


    @hookimpl
    def atlas_dataset():
        provides = {"inputs:composition", "task:regression"}
        return [
            Component(
                "two_columns",
                TwoColumnsConfig,
                TwoColumns,
                provides=provides,
                contract_options=example,
            )
        ]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.dataset"]
    two_columns = "atlas_two_columns"

A spec then says ``dataset: {use: two_columns, options: {path: gaps.txt}}``; the path is relative to
the spec. Tables with units, missing values and crystals are read by ``atlas_reading``.
'''

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, fingerprint, frozen
from atlas_core.data.meaning import Meaning
from atlas_core.errors import DataError
from atlas_core.kinds.kind import Kind
from atlas_core.links import below, delete
from atlas_core.materials import Materials
from atlas_core.rows import BadRow, ReadingReport
from atlas_core.stages import identity
from atlas_core.store import DROPPED, Arrays, canonical_hash, read_folder, write_folder

Task = Literal["regression", "binary"]
Provenance = Literal["official", "rebuilt", "unverified", "embedded", "user"]

LARGEST = 1e100
"""The largest target; its square times a million rows is still a number in double precision."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Materials and the property to predict.

    Attributes:
        materials: n materials.
        target: (n,) float64 in ``unit``; 0 or 1 when ``task`` is ``binary``.
        target_name: the property, such as ``formation_energy_per_atom``.
        unit: the unit in words for a report, such as ``eV/atom``; empty where there is none.
        task: ``regression`` or ``binary``.
        bounds: (low, high) between which every target of this kind must lie, whatever the
            material: a band gap is in (0, inf). Intervals are clipped to them. None: unknown.
        meaning: the target in words, its classes, what it is not, a page of each material.
        columns: metadata by name, (n,) each: space group, source, ...
        formulas: n formulas as their source writes them, to be shown; None: reduced ones.
        reading: rows of the source that were left out or are odd.
        name: what the data set is called in a report.
        license: under which terms the data may be used.
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
    license: str
    citation: tuple[str, ...]
    sha256: str
    provenance: Provenance
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    formulas: Sequence[str] | None = None
    reading: ReadingReport = field(default_factory=ReadingReport)
    bounds: tuple[float, float] | None = None
    meaning: Meaning = field(default_factory=Meaning)

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
        if self.task != "binary" and self.meaning.class_names is not None:
            raise DataError(f"{self.name}: class_names name the classes of a binary target only")
        if self.formulas is not None and len(self.formulas) != n:
            raise DataError(f"{self.name}: {n} materials but {len(self.formulas)} formulas")
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
        return len(self.target)

    def take(self, indices: npt.ArrayLike) -> Dataset:
        """Return the rows at ``indices``, in that order."""
        chosen = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            materials=self.materials.take(chosen),
            target=self.target[chosen],
            columns={name: np.asarray(values)[chosen] for name, values in self.columns.items()},
            formulas=None if self.formulas is None else [self.formulas[i] for i in chosen.tolist()],
        )

    def shown_formulas(self) -> list[str]:
        """Return n formulas to be shown: the user's own text, else as chemists write them."""
        return self.materials.written() if self.formulas is None else list(self.formulas)

    @cached_property
    def fingerprint(self) -> str:
        """Return the sha256 of materials, targets and metadata: whatever a split may read."""
        columns = {
            f"column:{name}": np.asarray(values, dtype=np.str_)
            if np.asarray(values).dtype.kind == "O"
            else np.asarray(values)
            for name, values in self.columns.items()
        }
        return fingerprint({**self.materials.to_arrays(), "target": self.target, **columns})


@dataclass(frozen=True)
class DataContext:
    """Where data files may be.

    Attributes:
        data_dir: local copies of data files (``--data-dir`` or ``ATLAS_DATA``), or None.
        cache_dir: where a download is kept.
        spec_dir: relative paths in a spec are relative to it.
        offline: refuse downloads.
        pinned: {text: (where it lay, its sha256 or "")} of a run whose data must be the same.
        used: what ``path`` returned, by its text.
    """

    data_dir: Path | None
    cache_dir: Path
    spec_dir: Path
    offline: bool = False
    pinned: Mapping[str, tuple[str, str]] = field(default_factory=dict, compare=False)
    used: dict[str, Path] = field(default_factory=dict, compare=False)

    def path(self, text: str) -> Path:
        """Return ``text`` as a path: absolute, or beside the spec, or in ``data_dir``.

        Raises:
            DataError: no file can have this path: an unknown user after ``~``, a name that is too
                long, or a folder that may not be searched; or it is not the file that was pinned.
        """
        found = self._pinned(text) if text in self.pinned else self._path(text)
        self.used[text] = found
        return found

    def _pinned(self, text: str) -> Path:
        """Return the file that a run read, wherever it lies now."""
        lay, wanted = self.pinned[text]
        name = Path(text).name
        places = [self._path(text), self.spec_dir / name]
        places += [] if self.data_dir is None else [self.data_dir / name]
        places += [self.spec_dir / lay] if lay else []
        others = []
        for place in dict.fromkeys(places):
            if place.is_file() and wanted and (sha256 := file_sha256(place)) != wanted:
                others.append(f"{place} has {sha256[:12]}...")
            elif place.exists():
                return place
        if others:
            raise DataError(
                f"path {text}: the spec pins a file of sha256 {wanted[:12]}..., but"
                f" {', '.join(others)}; give the folder that has it with --data-dir, or take the"
                " block `data` out of the spec"
            )
        tried = ", ".join(str(place) for place in dict.fromkeys(places))
        raise DataError(f"path {text}: not found at {tried}; give its folder with --data-dir")

    def _path(self, text: str) -> Path:
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
                the version of the reader. The core counts by the stage's VERSION.
            read: parses the file.
        """
        key = canonical_hash([source, identity("shared", "load")])
        path = below(self.cache_dir, self.cache_dir / "datasets" / key[:2] / key)
        if path.exists():
            try:
                return read_folder(path)
            except DataError as err:
                warnings.warn(f"cache: {DROPPED}: {err}", stacklevel=2)
                delete(path)
        arrays, note = read()
        try:
            write_folder(path, arrays, note)
        except DataError as err:
            warnings.warn(f"cache: not kept, the next run reads again: {err}", stacklevel=2)
        return arrays, note


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch of candidates: materials of a file, without a target.

    Attributes:
        rows: (n,) the number of each among all candidates, from 0; unreadable rows count.
        places: n places, such as ``line 5``.
        ids: n ids as the user gave them, else the place.
        formulas: n formulas as the user gave them, else as chemists write them.
        materials: the n candidates; their own ids are the row numbers.
        unreadable: rows that are none of them.
        flags: n texts: what is odd about a candidate although it is used; "" for nothing.
    """

    rows: I8
    places: list[str]
    ids: list[str]
    formulas: list[str]
    materials: Materials
    unreadable: list[BadRow]
    flags: list[str]

    @property
    def count(self) -> int:
        """Return how many candidates and unreadable rows there are."""
        return len(self.rows) + len(self.unreadable)


class Candidates(Protocol):
    """Candidates, which can be read repeatedly.

    Attributes:
        path: of the file or folder.
        structures: whether they are crystals.
        total: about how many rows there are, for a bar of progress; 0 for none.
        notes: how they were read, where that was detected.
    """

    @property
    def path(self) -> Path: ...  # noqa: D102 - an attribute, see above

    @property
    def structures(self) -> bool: ...  # noqa: D102 - an attribute, see above

    @property
    def total(self) -> int: ...  # noqa: D102 - an attribute, see above

    @property
    def notes(self) -> tuple[str, ...]: ...  # noqa: D102 - an attribute, see above

    def batches(self, size: int, only: Collection[int] | None = None) -> Iterator[Batch]:
        """Yield batches of at most ``size`` rows, in the order of the file.

        Args:
            size: rows of a batch.
            only: numbers of rows that are wanted; None: all.
        """
        ...


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, "" of a folder.

    Raises:
        DataError: it cannot be read.
    """
    if path.is_dir():
        return ""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise DataError(f"{path}: cannot be read ({err.strerror or err})") from err


@runtime_checkable
class DatasetSource(Protocol):
    """Load one data set."""

    def load(self, context: DataContext) -> Dataset:
        """Return the data set.

        Raises:
            DataError: a file is missing, damaged or has the wrong hash; names file, row and id.
        """
        ...


KIND = Kind(
    "dataset",
    DatasetSource,
    place="run",
    description="Materials with a target.",
    required=True,
    provides=("inputs", "task", "data"),
)
