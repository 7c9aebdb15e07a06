"""Candidates from a user's file, some thousands at a time; what cannot be read is told. Light.

Formulas come as text (one a line), CSV or Parquet; crystals as a folder of CIF files, as JSON of
pymatgen dicts, or as Parquet in ATLAS's bulk format. pyarrow and pymatgen are imported where they
are needed.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.arrays import I8, offsets_of
from atlas_core.elements import ATOMIC_NUMBER, SYMBOLS, parse_formula
from atlas_core.errors import DataError
from atlas_core.materials import Materials

FORMULA = ("formula", "composition", "pretty_formula", "reduced_formula")
ID = ("id", "material_id", "mat_id", "name")
TEXT = (".csv", ".tsv", ".txt")
LONGEST = 300
"""Characters of a row that are repeated where it cannot be read."""


@dataclass(frozen=True)
class Unreadable:
    """Name a row that cannot be screened.

    Attributes:
        place: ``line 17``, ``row 3`` or the name of a file.
        text: what stands there, shortened.
        why: what is wrong with it.
    """

    place: str
    text: str
    why: str


@dataclass(frozen=True, eq=False)
class Batch:
    """Hold some candidates.

    Attributes:
        rows: (n,) the number of each among all candidates, from 0; unreadable rows count.
        places: where each stands, such as ``line 5``.
        ids: n ids as the user gave them, else the place.
        formulas: n formulas as the user gave them, else reduced ones.
        materials: the n candidates; their own ids are the row numbers.
        unreadable: rows that are none of them.
        count: candidates and unreadable rows.
    """

    rows: I8
    places: list[str]
    ids: list[str]
    formulas: list[str]
    materials: Materials
    unreadable: list[Unreadable]
    count: int


@dataclass(frozen=True)
class Candidates:
    """Read candidates, as often as asked.

    Attributes:
        path: the file or folder.
        structures: whether they are crystals.
        total: how many rows there are, for a bar of progress.
    """

    path: Path
    structures: bool
    total: int
    _rows: Callable[[], Iterator[_Row]]

    def batches(self, size: int, only: Collection[int] | None = None) -> Iterator[Batch]:
        """Yield batches of at most ``size`` rows, in the order of the file.

        Args:
            size: rows of a batch.
            only: numbers of rows that are wanted; None: all.
        """
        waiting: list[tuple[int, _Row]] = []
        last = max(only, default=-1) if only is not None else None
        for number, row in enumerate(self._rows()):
            if only is None or number in only:
                waiting.append((number, row))
                if len(waiting) == size:
                    yield _batch(waiting, structures=self.structures)
                    waiting = []
            if number == last:
                break
        if waiting:
            yield _batch(waiting, structures=self.structures)


@dataclass(frozen=True)
class _Row:
    """Hold one row: where it stands, its id, its formula or what a crystal is made from."""

    place: str
    id: str
    content: Any


def open_candidates(path: Path) -> Candidates:
    """Return the candidates of a file or a folder.

    Raises:
        DataError: it is missing, of an unknown form or empty.
    """
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() == ".cif")
        if not files:
            raise DataError(f"{path}: a folder without a .cif file")
        return Candidates(path, True, len(files), lambda: _cif_rows(files))
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] == ".gz"
    ending = (suffixes[:-1] if packed else suffixes)[-1:]
    if ending and ending[0] in TEXT:
        found = _text(path, packed=packed, tab=ending[0] == ".tsv")
    elif ending == [".json"]:
        found = _json(path, packed=packed)
    elif ending == [".parquet"]:
        found = _parquet(path)
    else:
        raise DataError(
            f"{path}: unknown form; expected .csv, .txt, .json, .parquet or a folder of CIF files"
        )
    if not found.total:
        raise DataError(f"{path}: no candidate in it")
    return found


def _batch(waiting: list[tuple[int, _Row]], *, structures: bool) -> Batch:
    kept: list[tuple[int, _Row, Any]] = []
    bad: list[Unreadable] = []
    read = _crystal if structures else _formula
    for number, row in waiting:
        try:
            kept.append((number, row, read(row.content)))
        except (ValueError, DataError) as err:
            text = row.content if isinstance(row.content, str) else row.id
            bad.append(Unreadable(row.place, text[:LONGEST], " ".join(str(err).split())))
    rows = np.array([number for number, _, _ in kept], dtype=np.int64)
    own = [f"{number:012d}" for number in rows.tolist()]
    materials = (_joined if structures else _compositions)(own, [made for _, _, made in kept])
    formulas = (
        materials.formulas() if structures else [str(row.content).strip() for _, row, _ in kept]
    )
    ids = [row.id for _, row, _ in kept]
    places = [row.place for _, row, _ in kept]
    return Batch(rows, places, ids, formulas, materials, bad, len(waiting))


def _formula(text: Any) -> dict[int, float]:
    if not isinstance(text, str) or not text.strip():
        raise ValueError("no formula")
    amounts = parse_formula(text)
    if not np.isfinite(sum(amounts.values())):
        raise ValueError(f"formula {text!r}: an amount is too large")
    return amounts


def left_out(text: str) -> str:
    """Say which elements of a formula stand with an amount of 0, as Li in Li0CoO2; "" for none."""
    if "0" not in text:
        return ""
    there = parse_formula(text)
    named = dict.fromkeys(re.findall(r"[A-Z][a-z]?", text))
    gone = [symbol for symbol in named if ATOMIC_NUMBER[symbol] not in there]
    return f"read without {' and '.join(gone)}, of which there is 0" if gone else ""


def _compositions(ids: list[str], amounts: list[dict[int, float]]) -> Materials:
    return Materials(
        ids=np.asarray(ids, dtype=np.str_),
        offsets=offsets_of([len(one) for one in amounts]),
        numbers=np.array([z for one in amounts for z in one], dtype=np.int16),
        amounts=np.array([a for one in amounts for a in one.values()], dtype=np.float64),
    )


def _crystal(content: Any) -> Materials:
    """Return one crystal, from the text of a CIF file, a pymatgen dict, or lists of numbers."""
    if isinstance(content, Materials):
        return content
    if isinstance(content, Path):
        return _from_cif(content)
    if not isinstance(content, Mapping):
        raise ValueError("no structure")
    try:
        return Materials.from_dicts(["0"], [content])
    except DataError as err:  # what stands before the colon is the made-up id
        raise ValueError(str(err).partition(": ")[2] or str(err)) from err


def _from_cif(path: Path) -> Materials:
    import warnings

    from pymatgen.core import Structure

    try:
        text = path.read_text(encoding="utf-8-sig")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of each of thousands of files: rounding, occupancies
            structure = Structure.from_str(text, fmt="cif")
        return Materials.from_structures(["0"], [structure])
    except DataError as err:
        raise ValueError(str(err).partition(": ")[2] or str(err)) from err
    except Exception as err:  # parsers raise anything; the file must be named
        first = str(err).strip().split("\n")[0] or type(err).__name__
        raise ValueError(f"cannot be read as CIF ({first})") from err


def _joined(ids: list[str], parts: list[Materials]) -> Materials:
    def all_of(name: str, empty: Any) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return np.concatenate(arrays) if arrays else empty

    return Materials(
        ids=np.asarray(ids, dtype=np.str_),
        offsets=offsets_of([len(part.numbers) for part in parts]),
        numbers=all_of("numbers", np.zeros(0, np.int16)),
        amounts=all_of("amounts", np.zeros(0)),
        frac=all_of("frac", np.zeros((0, 3))),
        lattice=all_of("lattice", np.zeros((0, 3, 3))),
    )


def _cif_rows(files: list[Path]) -> Iterator[_Row]:
    for file in files:
        yield _Row(file.name, file.stem, file)


def _opened(path: Path, *, packed: bool) -> Any:
    if packed:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


@contextmanager
def _readable(path: Path, *others: type[Exception]) -> Iterator[None]:
    """Say of a file that cannot be read which one it is, and why.

    Args:
        path: the file.
        others: exceptions of the library that reads it.

    Raises:
        DataError: it is no UTF-8 text, cut short or damaged.
    """
    expected: tuple[type[Exception], ...] = (OSError, EOFError, csv.Error, zlib.error, *others)
    try:
        yield
    except UnicodeDecodeError as err:
        raise DataError(f"{path}: not UTF-8 text ({err})") from err
    except expected as err:
        raise DataError(f"{path}: cannot be read ({err})") from err


def _text(path: Path, *, packed: bool, tab: bool) -> Candidates:
    """Return formulas of a text file; its first line may be a header."""

    def lines() -> Iterator[tuple[int, list[str]]]:
        with _readable(path), _opened(path, packed=packed) as file:
            reader = csv.reader(file, delimiter="\t" if tab else ",")
            for cells in reader:
                if any(map(str.strip, cells)):
                    yield reader.line_num, cells

    first = next(lines(), None)
    if first is None:
        return Candidates(path, False, 0, lambda: iter(()))
    header = [cell.strip().lower() for cell in first[1]]
    formula = next((header.index(name) for name in FORMULA if name in header), None)
    known_id = next((header.index(name) for name in ID if name in header), None)
    named = formula is not None or known_id is not None
    # without a known name a first line is a header only where nothing in it could be a formula
    has_header = named or not any(map(_looks_like_formula, first[1]))
    if formula is None:
        # the first column, unless that is known to be the ids
        formula = 1 if has_header and known_id == 0 and len(header) > 1 else 0
    column, id_column = formula, known_id if has_header and known_id != formula else None

    def rows() -> Iterator[_Row]:
        found = lines()
        if has_header:
            next(found, None)
        for line, cells in found:
            place = f"line {line}"
            has_id = id_column is not None and id_column < len(cells)
            own = cells[id_column].strip() if has_id and id_column is not None else ""
            yield _Row(place, own or place, cells[column] if column < len(cells) else "")

    # a quoted line break counts twice: it is for a bar
    with _readable(path), _opened(path, packed=packed) as file:
        total = sum(1 for line in file if line.strip())
    return Candidates(path, False, total - has_header, rows)


def _looks_like_formula(text: str) -> bool:
    """Tell whether a cell is a formula, or could be meant as one: a digit behind a capital."""
    try:
        return bool(parse_formula(text))
    except ValueError:
        return bool(re.match(r"\s*[A-Z(\[].*\d", text))


def _json(path: Path, *, packed: bool) -> Candidates:
    """Return crystals (or formulas) of a JSON file: a list, or {id: one}. It is read whole."""
    try:
        with _opened(path, packed=packed) as file:
            content = json.load(file)
    except (OSError, EOFError, ValueError, RecursionError) as err:
        raise DataError(f"{path}: is no JSON ({err})") from err
    if isinstance(content, Mapping) and "lattice" in content and "sites" in content:
        content = [content]
    if isinstance(content, Mapping):
        items = [(str(key), value) for key, value in content.items()]
    elif isinstance(content, list):
        items = [(_own_id(value, f"row {i + 1}"), value) for i, value in enumerate(content)]
    else:
        raise DataError(f"{path}: expected a list of structures, or {{id: structure}}")
    items = [
        (name, value.get("structure", value) if isinstance(value, Mapping) else value)
        for name, value in items
    ]
    structures = not all(isinstance(value, str) for _, value in items)

    def rows() -> Iterator[_Row]:
        for i, (name, value) in enumerate(items):
            yield _Row(f"row {i + 1}", name, value)

    return Candidates(path, structures, len(items), rows)


def _own_id(value: Any, place: str) -> str:
    if not isinstance(value, Mapping):
        return place
    return str(next((value[name] for name in ID[:-1] if isinstance(value.get(name), str)), place))


def _parquet(path: Path) -> Candidates:
    """Return the rows of a Parquet file: formulas, or crystals in the bulk format."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # a stream: pyarrow takes no path that is not UTF-8
        with path.open("rb") as stream, pq.ParquetFile(stream) as file:
            names, total = file.schema_arrow.names, file.metadata.num_rows
    except (OSError, pa.ArrowException) as err:
        raise DataError(f"{path}: is no Parquet file ({err})") from err
    lowered = {name.lower(): name for name in names}
    crystals = {"numbers", "frac_coords", "lattice"} <= set(names)
    formula = next((lowered[name] for name in FORMULA if name in lowered), None)
    known_id = next((lowered[name] for name in ID if name in lowered), None)
    if not crystals and formula is None:
        raise DataError(
            f"{path}: no column formula, and not numbers, frac_coords and lattice; it has"
            f" {', '.join(names[:12])}"
        )
    wanted = ["numbers", "frac_coords", "lattice"] if crystals else [str(formula)]
    columns = [*wanted, *([known_id] if known_id else [])]

    def rows() -> Iterator[_Row]:
        number = 0
        with (
            _readable(path, pa.ArrowException),
            path.open("rb") as stream,
            pq.ParquetFile(stream) as file,
        ):
            for batch in file.iter_batches(batch_size=4096, columns=columns):
                values = [batch.column(name).to_pylist() for name in wanted]
                own = batch.column(known_id).to_pylist() if known_id else [None] * len(values[0])
                for one, parts in zip(own, zip(*values, strict=True), strict=True):
                    number += 1
                    place = f"row {number}"
                    content = _as_dict(*parts) if crystals else parts[0]
                    yield _Row(place, place if one is None else str(one), content)

    return Candidates(path, crystals, total, rows)


def _as_dict(
    numbers: list[int] | None, frac: list[float] | None, lattice: list[float] | None
) -> Mapping[str, Any] | None:
    """Return a crystal of the bulk format as a pymatgen dict; None where its lists do not fit."""
    if not numbers or frac is None or lattice is None:
        return None
    known = all(0 < z < len(SYMBOLS) for z in numbers)
    if not known or len(frac) != 3 * len(numbers) or len(lattice) != 9:
        return None
    sites = [
        {"species": [{"element": SYMBOLS[z], "occu": 1}], "abc": frac[3 * i : 3 * i + 3]}
        for i, z in enumerate(numbers)
    ]
    return {"lattice": {"matrix": [lattice[i : i + 3] for i in (0, 3, 6)]}, "sites": sites}
