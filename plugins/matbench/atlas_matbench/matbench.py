"""One of the 13 Matbench v0.1 tasks, with the file verified against the published hash."""

from __future__ import annotations

import gzip
import hashlib
import math
import shutil
import tempfile
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.api import (
    F8,
    SYMBOLS,
    BadRow,
    DataContext,
    DataError,
    Dataset,
    Flag,
    Materials,
    MissingDataError,
    Provenance,
    ReadingReport,
    file_sha256,
    parse_formula,
    read_bounds,
)
from atlas_matbench import _layout
from atlas_matbench._layout import columns_of, content_of, rows, unpacked
from atlas_matbench._tasks import MATBENCH, TASKS, URL, MatbenchTask
from atlas_matbench.hooks import MatbenchConfig
from atlas_reading import Sifter, check_geometry, materials_of_dicts, read_crystals, source_files

TIMEOUT = 60.0  # s without a byte from the server
_CELLS, _SHIFT = 1e4, 1 / math.pi
_PLAIN_COLUMNS: dict[str, Callable[[Any], bool]] = {
    "spg_num": lambda value: type(value) is int and 1 <= value <= 230,
    "crys_sys": lambda value: type(value) is str,
}
"""Columns that are kept for splits, and which values they may have."""
_FIELD = "materials_"
_TEXTS = "formula_texts"
"""The array of formulas as the file writes them."""

Arrays = Mapping[str, npt.NDArray[Any]]


class MatbenchSource:
    """Load one task: rows and ids in Matbench's order."""

    def __init__(self, config: MatbenchConfig) -> None:
        self.config = config
        self.name = f"matbench_{config.task}"
        self.task = TASKS[config.task]

    def load(self, context: DataContext) -> Dataset:
        """Return the data set.

        ``provenance`` is ``official`` when the sha256 is the published one; ``rebuilt`` when it is
        not, but each row has Matbench's formula and target (a file made again, or the formulas-only
        file); ``unverified`` else: the right form, but other rows, other numbers or another order.

        Raises:
            DataError: no file is found and none can be had, or the file is damaged, has another
                number of rows, or lacks a column.
        """
        path = self._find(context)
        content = content_of(path)
        sha256 = hashlib.sha256(content).hexdigest()
        source = {"task": self.config.task, "file": path.name, "sha256": sha256, "by": _reader()}
        arrays, note = context.parsed(source, lambda: self._parse(path, content))
        fields = {name.removeprefix(_FIELD): arrays[name] for name in arrays if _FIELD in name}
        materials = Materials(**{**fields, "amounts": _amounts(fields)})
        origin = self._provenance(path, sha256, note["content"])
        # the odd crystals of Matbench's own files are known
        flags = _flags(materials) if origin == "unverified" else ()
        if materials.has_structure and self.config.structures == "ignore":
            materials = compositions(materials)
        return Dataset(
            materials=materials,
            target=arrays["target"],
            target_name=self.task.column,
            unit=self.task.unit,
            task="binary" if self.task.binary else "regression",
            name=self.name,
            license="Matbench v0.1, MIT; the numbers under the terms of their source (citation)",
            citation=(MATBENCH, self.task.citation),
            sha256=sha256,
            provenance=origin,
            bounds=self._bounds(arrays["target"]),
            meaning=self.task.meaning,
            columns={name: arrays[name] for name in _PLAIN_COLUMNS if name in arrays},
            formulas=arrays[_TEXTS].tolist() if _TEXTS in arrays else None,
            reading=ReadingReport(rows=len(materials), flagged=flags),
        )

    def _provenance(self, path: Path, sha256: str, content: str) -> Provenance:
        """Return how far the file is Matbench's own, and warn where it is not."""
        found = provenance(self.task, sha256, content)
        if found == "unverified":
            warnings.warn(
                f"{path}: unverified: neither the file nor its rows are those that Matbench"
                f" published (sha256 {sha256[:12]}..., published {self.task.sha256[:12]}...); its"
                " folds are not the official ones, and no Matbench record is exported",
                stacklevel=2,
            )
        return found

    def _bounds(self, target: F8) -> tuple[float, float] | None:
        """Return what is possible; None where a file that is not Matbench's says otherwise."""
        found = read_bounds(self.task.bounds)
        if found is None or target.min() < found[0] or target.max() > found[1]:
            return None
        return found

    def _parse(self, path: Path, content: bytes) -> tuple[Arrays, Mapping[str, Any]]:
        """Return what the file holds as arrays, and the hash of its rows."""
        ids = matbench_ids(self.config.task)
        read = self._read_formulas if path.name.endswith(".json.bz2") else self._read_official
        materials, target, columns = read(path, content, ids)
        fields = {
            f"{_FIELD}{name}": values
            for name, values in materials.to_arrays().items()
            if values is not None and not (name == "amounts" and materials.has_structure)
        }
        return (
            {**fields, "target": target, **columns},
            {"content": content_hash(materials, target)},
        )

    def _find(self, context: DataContext) -> Path:
        file = f"{self.name}.json.gz"
        cached = context.cache_dir / "matbench" / file
        candidates = [cached]
        if context.data_dir is not None:
            candidates.insert(0, context.data_dir / file)
            if not (self.task.structures and self.config.structures == "required"):
                candidates.insert(1, context.data_dir / f"{self.name}.json.bz2")
        for path in candidates:
            if path.is_file():
                return path
        where = "no data folder given" if context.data_dir is None else f"not in {context.data_dir}"
        if context.offline:
            places = [str(cached.parent)]
            if context.data_dir is not None:
                places.insert(0, str(context.data_dir))
            raise MissingDataError(
                f"{self.name}: {file} is not in {' nor in '.join(places)}, and downloads are off;"
                f" put the file into a folder and name it with --data-dir"
            )
        return download(URL + file, cached, self.task.sha256, where=where)

    def _read_official(
        self, path: Path, content: bytes, ids: Sequence[str]
    ) -> tuple[Materials, F8, Arrays]:
        text = unpacked(path, content, gzip.decompress)
        wanted = "structure" if self.task.structures else "composition"
        inputs: list[Any] = []
        targets: list[Any] = []

        def read() -> Iterator[Any]:
            for row in rows(path, text, wanted, self.task.column):
                targets.append(row[1])
                if len(targets) > len(ids):
                    raise self._rows_error(path, f"more than {len(ids)}")
                if not self.task.structures:
                    inputs.append(row[0])
                yield row[0]
            if len(targets) < len(ids):
                raise self._rows_error(path, str(len(targets)))

        make = materials_of_dicts if self.task.structures else Materials.from_formulas
        try:
            materials = make(ids, read())
            target = _targets(targets, self.task.column)
            if any(odd.severity == "refuse" for odd in check_geometry(materials)):
                raise DataError("a crystal that cannot be")
        except (DataError, ValueError) as err:
            # row by row is slower, and names all that is wrong
            self._refuse_rows(path, rows(path, text, wanted, self.task.column), ids)
            raise err if str(path) in str(err) else DataError(f"{path}: {err}") from err
        texts = {} if self.task.structures else {_TEXTS: np.asarray(inputs, dtype=np.str_)}
        return materials, target, texts

    def _refuse_rows(self, path: Path, rows: Iterable[tuple[Any, Any]], ids: Sequence[str]) -> None:
        """Name every row that cannot be used.

        Raises:
            RowsError: there is one.
        """
        # no row may be dropped: the task's folds and hashes are those of all of its rows
        sifter = Sifter(str(path), choose=False)
        sifter.rows = len(ids)
        for number, (value, target) in enumerate(rows):
            if number == len(ids):
                break
            try:
                _targets([target], self.task.column)
                if isinstance(value, Mapping):
                    read_crystals(value)
                elif self.task.structures:
                    raise ValueError("no structure")
                else:
                    parse_formula(str(value))
            except (DataError, ValueError) as err:
                shown = "" if isinstance(value, Mapping) else str(value)[:300]
                sifter.add(BadRow(f"row {number + 1}", ids[number], shown, str(err)))
        sifter.finish(len(ids))

    def _read_formulas(
        self, path: Path, content: bytes, ids: Sequence[str]
    ) -> tuple[Materials, F8, Arrays]:
        columns = columns_of(path, content, ("mbid", "composition", self.task.column))
        if len(columns["mbid"]) != len(ids):
            raise self._rows_error(path, str(len(columns["mbid"])))
        for row, (found, expected) in enumerate(zip(columns["mbid"], ids, strict=True)):
            if found != expected:
                raise DataError(f"{path}: row {row + 1} is {found}, expected {expected}")
        texts, targets = columns["composition"], columns[self.task.column]
        try:
            materials = Materials.from_formulas(ids, texts)
            target = _targets(targets, self.task.column)
        except (DataError, ValueError) as err:
            self._refuse_rows(path, zip(texts, targets, strict=True), ids)
            raise DataError(f"{path}: {err}") from err
        plain: dict[str, npt.NDArray[Any]] = {}
        for name, allowed in _PLAIN_COLUMNS.items():
            for row, value in enumerate(columns.get(name, []), 1):
                if not allowed(value):
                    raise DataError(f"{path}: row {row} has {value!r} in column {name!r}")
            if name in columns:
                plain[name] = np.asarray(columns[name])
        if not self.task.structures:
            plain[_TEXTS] = np.asarray(texts, dtype=np.str_)
        return materials, target, plain

    def _rows_error(self, path: Path, found: str) -> DataError:
        return DataError(
            f"{path}: {found} rows, but {self.name} has {self.task.rows}; get the file again"
        )


def _targets(values: Sequence[Any], column: str) -> F8:
    """Return targets as numbers.

    Raises:
        ValueError: one is no finite number; the text is the reason.
    """
    for value in values:
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"target {value!r} in column {column!r} is not a finite number")
    return np.asarray(values, dtype=np.float64)


def matbench_ids(task: str) -> list[str]:
    """Return the official ids in row order: ``mb-steels-001`` and so on."""
    rows = TASKS[task].rows
    width = len(str(rows))
    return [f"mb-{task.replace('_', '-')}-{row:0{width}d}" for row in range(1, rows + 1)]


def provenance(task: MatbenchTask, sha256: str, content: str) -> Provenance:
    """Say how far a file that parsed is Matbench's own (see ``MatbenchSource.load``).

    Args:
        task: what was published.
        sha256: of the file.
        content: ``content_hash`` of its rows.
    """
    if sha256 == task.sha256:
        return "official"
    if task.content is not None and content == task.content:
        return "rebuilt"
    return "unverified"


def content_hash(materials: Materials, target: F8) -> str:
    """Return the sha256 of reduced formula and target, row by row: it depends on their order.

    Targets count in cells of 1e-4 of their unit. The formulas-only files keep ten decimals; the
    cells begin off round numbers, so that no target of Matbench comes so close to a border that
    this matters.
    """
    bounded = np.clip(target, -1e12, 1e12)  # far beyond Matbench, and within 64 bits
    cells = np.floor(bounded * _CELLS + _SHIFT).astype(np.int64).tolist()
    lines = (f"{name} {cell}\n" for name, cell in zip(_hashed(materials), cells, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _hashed(materials: Materials) -> list[str]:
    """Return n formulas as the published hashes count them in; no other use may change them.

    Elements in alphabetical order; whole amounts over their common divisor, others as fractions to
    six digits.
    """
    texts = []
    for start, end in pairwise(materials.offsets.tolist()):
        amounts: dict[str, float] = {}
        for z, amount in zip(
            materials.numbers[start:end].tolist(),
            materials.amounts[start:end].tolist(),
            strict=True,
        ):
            amounts[SYMBOLS[z]] = amounts.get(SYMBOLS[z], 0.0) + amount
        whole = [round(amount) for amount in amounts.values()]
        if all(
            0 < near <= 1e9 and abs(amount - near) <= 1e-6 + 1e-5 * near
            for amount, near in zip(amounts.values(), whole, strict=True)
        ):
            divisor = math.gcd(*whole)
            per_unit = [near / divisor for near in whole]
        else:
            total = sum(amounts.values())
            per_unit = [amount / total for amount in amounts.values()]
        parts = sorted(zip(amounts, per_unit, strict=True))
        texts.append("".join(name if a == 1 else f"{name}{a:.6g}" for name, a in parts))
    return texts


def compositions(materials: Materials) -> Materials:
    """Return the same materials without sites and cells."""
    return Materials(
        ids=materials.ids,
        offsets=materials.offsets,
        numbers=materials.numbers,
        amounts=materials.amounts,
    )


def _flags(materials: Materials) -> tuple[Flag, ...]:
    """Return what is odd about crystals that are used all the same."""
    found = check_geometry(materials)
    return tuple(
        Flag(one.words, f"row {one.row + 1}", str(materials.ids[one.row])) for one in found
    )


def _amounts(fields: Arrays) -> F8:
    """Return the stored amounts of formulas; a site counts one."""
    return fields["amounts"] if "amounts" in fields else np.ones(len(fields["numbers"]))


@lru_cache(maxsize=1)
def _reader() -> str:
    """Return the sha256 of what reads: another way of reading is another entry in the cache."""
    files = [Path(__file__), Path(_layout.__file__), *source_files()]
    parts = [file.read_bytes() for file in files]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def download(url: str, target: Path, sha256: str, *, where: str) -> Path:
    """Fetch ``url`` to ``target``; the file appears there only when its sha256 is right.

    Raises:
        DataError: no connection, a full or read-only folder, or another hash.
    """
    name = target.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            part = Path(folder) / name
            with (
                urllib.request.urlopen(url, timeout=TIMEOUT) as answer,  # noqa: S310 - fixed https
                part.open("wb") as file,
            ):
                shutil.copyfileobj(answer, file)
            found = file_sha256(part)
            if found != sha256:
                raise DataError(
                    f"{name}: the download from {url} has sha256 {found[:12]}..., published is"
                    f" {sha256[:12]}...; try again, or put the file into a --data-dir"
                )
            part.replace(target)
    except (urllib.error.URLError, TimeoutError) as err:
        reason = getattr(err, "reason", err)
        raise DataError(
            f"{name}: {where}, and {url} cannot be reached ({reason});"
            " put the file into a folder and name it with --data-dir"
        ) from err
    except OSError as err:
        raise DataError(f"{name}: cannot be kept in {target.parent} ({err})") from err
    return target
