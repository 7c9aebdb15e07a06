"""Open a list of materials without a target, whatever its form, for screening. Light.

Columns need no name that is said: known names are taken, else the first column. Files are read by
``tables``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from atlas_core.elements import SYMBOLS, parse_formula
from atlas_core.errors import DataError
from atlas_reading.files import (
    EXPECTED,
    FORMS,
    TEXT,
    form_of,
    json_lines,
    load_json,
    open_text,
    readable,
)
from atlas_reading.quotes import content
from atlas_reading.sheets import NO_VALUE, UNSTORED
from atlas_reading.tables import KEY, Row, Table, TableOptions, open_table

FORMULA = ("formula", "composition", "pretty_formula", "reduced_formula")
STRUCTURE = ("structure", "cif", "poscar")
ID = ("id", "material_id", "mat_id", "name")
BULK = ("numbers", "frac_coords", "lattice")


@dataclass(frozen=True)
class Known:
    """Name the columns that are looked for, in any case of letters; earlier names come first."""

    formula: tuple[str, ...] = FORMULA
    structure: tuple[str, ...] = STRUCTURE
    id: tuple[str, ...] = ID

    @classmethod
    def with_own(cls, options: Mapping[str, Any]) -> Known:
        """Return the known names, behind those in the options of the data set of a run."""
        own = {
            name: (options[name].strip().lower(),)
            for name in ("formula", "structure", "id")
            if isinstance(options.get(name), str)
        }
        return cls(*(own.get(n, ()) + getattr(cls, n) for n in ("formula", "structure", "id")))


@dataclass(frozen=True)
class ListRow:
    """Hold one row: where it stands, its id, its formula or what a crystal is made from.

    ``problem`` says why it cannot be read as a row; "" where it can.
    """

    place: str
    id: str
    content: Any
    problem: str = ""


@dataclass(frozen=True)
class MaterialList:
    """Hold a list that is read as often as asked: crystals or formulas, and about how many.

    ``notes`` says how it was read where that was found out.
    """

    structures: bool
    total: int
    rows: Callable[[], Iterator[ListRow]]
    notes: tuple[str, ...] = ()


def open_list(path: Path, known: Known | None = None) -> MaterialList:
    """Return the materials of a file, by the columns ``known``.

    Raises:
        DataError: it is missing, of an unknown form or damaged.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder")
    form, packed = form_of(path)
    if form not in FORMS or (packed and form in (".parquet", ".xlsx")):
        raise DataError(f"{path}: unknown format; {EXPECTED}, or a folder of CIF files")
    with readable(path):
        if path.stat().st_size == 0:
            return MaterialList(False, 0, lambda: iter(()))
    known = known or Known()
    if form == ".parquet":
        return _parquet(open_table(path, TableOptions()), known)
    if form in (".json", ".jsonl", ".ndjson"):
        return _json(path, known, lines=form != ".json")
    return _cells(open_table(path, TableOptions(header=False)), known)


def _named(names: Sequence[str], known: Sequence[str]) -> int | None:
    lowered = [str(name).strip().lower() for name in names]
    return next((lowered.index(name) for name in known if name in lowered), None)


def _cells(table: Table, known: Known) -> MaterialList:
    """Return formulas or crystals of text or a sheet; its first row may be a header."""
    first = next(table.rows(), None)
    if first is None:
        return MaterialList(False, 0, lambda: iter(()))
    header = ["" if cell is None else str(cell) for cell in first.cells]
    formula, known_id = _named(header, known.formula), _named(header, known.id)
    crystals = None if formula is not None else _named(header, known.structure)
    named = {formula, known_id, crystals} != {None}
    # without a known name a first row is a header only where nothing in it could be a formula
    has_header = named or not any(map(_looks_like_formula, header))
    if crystals is not None:
        column = crystals
    elif formula is not None:
        column = formula
    else:
        # the first column, unless that is known to be the ids
        column = 1 if has_header and known_id == 0 and len(header) > 1 else 0
    id_column = known_id if has_header and known_id != column else None
    notes = list(table.notes)
    if has_header and not named:
        said = f"{table.path.name}: the first row ({header[column]!r}) is taken for a header"
        notes.append(f"{said}, and is no candidate, as nothing in it could be a formula")
    elif has_header and known_id is None and len(header) > 1:
        notes.append(
            f"{table.path.name}: no column of ids ({', '.join(known.id)}): rows are named by their"
            " line"
        )

    def rows() -> Iterator[ListRow]:
        for row in islice(table.rows(), int(has_header), None):
            place = f"line {row.line}" if row.line else f"row {row.number - has_header}"
            unstored = column < len(row.cells) and row.cells[column] is UNSTORED
            why = f"the cell {NO_VALUE}" if unstored else ""
            yield ListRow(place, _cell(row, id_column) or place, _cell(row, column), why)

    if table.form in TEXT:
        # a quoted line break counts twice: it is for a bar
        with readable(table.path), open_text(table.path) as file:
            total = sum(1 for _, line in content(file) if line.strip())
    else:
        total = sum(1 for _ in table.rows())
    return MaterialList(crystals is not None, total - has_header, rows, tuple(notes))


def _cell(row: Row, column: int | None) -> str:
    if column is None or column >= len(row.cells) or row.cells[column] is None:
        return ""
    return str(row.cells[column]).strip()


def _looks_like_formula(text: str) -> bool:
    """Tell whether a cell is a formula, or could be meant as one.

    That is a digit behind a capital, or a word of two elements: ``Fe-O``, ``NaCl (rock salt)``.
    """
    if re.match(r"\s*[A-Z(\[].*\d", text):
        return True
    words = [text, text.replace("-", ""), *re.findall("[A-Za-z0-9]+", text)]
    for i, word in enumerate(words):
        try:
            found = parse_formula(word.lstrip("0123456789"))
        except ValueError:
            continue
        if len(found) > 1 or (found and i == 0):
            return True
    return False


def _json(path: Path, known: Known, *, lines: bool) -> MaterialList:
    """Return crystals or formulas of JSON: a list, {id: one}, a table, or one a line."""
    problems: dict[int, str] = {}
    if lines:
        found = list(json_lines(path))
        problems = {i: why for i, (_, _, why) in enumerate(found) if why}
        items = [(_own_id(value, f"line {line}", known), value) for line, value, _ in found]
        places = [f"line {line}" for line, _, _ in found]
    else:
        content = load_json(path)
        if isinstance(content, Mapping) and _is_table(content, known):
            table = open_table(path, TableOptions(wanted=known.formula + known.structure))
            content = [
                dict(zip(table.names, row.cells, strict=True)) if not row.problem else None
                for row in table.rows()
            ]
        if isinstance(content, Mapping) and "lattice" in content and "sites" in content:
            content = [content]
        if isinstance(content, Mapping):
            items = [(str(key), value) for key, value in content.items()]
        elif isinstance(content, list):
            items = [
                (_own_id(value, f"row {i + 1}", known), value) for i, value in enumerate(content)
            ]
        else:
            raise DataError(f"{path}: expected a list of structures, or {{id: structure}}")
        places = [f"row {i + 1}" for i in range(len(items))]
    found_in = [_material(value, known) for _, value in items]
    contents = [one for one, _ in found_in]
    good = [crystal for i, (_, crystal) in enumerate(found_in) if i not in problems]
    # where crystals stand beside formulas, the formulas are told as no crystals
    structures = True in good or (bool(good) and False not in good)

    def rows() -> Iterator[ListRow]:
        for i, (name, _) in enumerate(items):
            yield ListRow(places[i], name, contents[i], problems.get(i, ""))

    return MaterialList(structures, len(items), rows)


def _is_table(content: Mapping[str, Any], known: Known) -> bool:
    """Tell whether JSON is a table in pandas' layouts, not {id: structure}."""
    if {"columns", "data"} <= set(content):
        return True
    named = _named(list(content), known.formula + known.structure)
    return named is not None and "sites" not in content


def _material(value: Any, known: Known) -> tuple[Any, bool | None]:
    """Return the structure or formula of a record, and whether it is a crystal; None: neither."""
    if isinstance(value, str):
        return value, False
    if not isinstance(value, Mapping):
        return value, None
    names = list(value)
    for columns, crystal in ((known.structure, True), (known.formula, False)):
        place = None if "lattice" in value else _named(names, columns)
        if place is not None:
            return value[names[place]], crystal
    return value, True


def _own_id(value: Any, place: str, known: Known) -> str:
    if not isinstance(value, Mapping):
        return place
    names = list(value)
    found = _named(names, known.id[:-1])  # a dict may call something else its name
    own = value[KEY] if KEY in value else None if found is None else value[names[found]]
    return str(own) if isinstance(own, str | int) else place


def _parquet(table: Table, known: Known) -> MaterialList:
    """Return the rows of a Parquet file: formulas, texts of crystals, or the bulk format."""
    names = table.names
    bulk = set(BULK) <= set(names)
    formula, texts = _named(names, known.formula), _named(names, known.structure)
    known_id = _named(names, known.id)
    if not bulk and formula is None and texts is None:
        raise DataError(
            f"{table.path}: no column formula, and not numbers, frac_coords and lattice; it has"
            f" {', '.join(names[:12])}"
        )
    one = names[formula if formula is not None else texts or 0]
    columns = [*(BULK if bulk else [one]), *([names[known_id]] if known_id is not None else [])]

    def rows() -> Iterator[ListRow]:
        for row in table.rows(columns):
            place = f"row {row.number}"
            own = row.cells[-1] if known_id is not None else None
            content = _as_dict(*row.cells[:3]) if bulk else row.cells[0]
            yield ListRow(place, place if own is None else str(own), content)

    return MaterialList(bulk or formula is None, table.count, rows)


def _as_dict(
    numbers: list[int] | None, frac: list[float] | None, lattice: list[float] | None
) -> Mapping[str, Any] | None:
    """Return a crystal of the bulk format as a pymatgen dict; None where its lists do not fit."""
    if not numbers or frac is None or lattice is None:
        return None
    known = all(z is not None and 0 < z < len(SYMBOLS) and z == int(z) for z in numbers)
    if not known or len(frac) != 3 * len(numbers) or len(lattice) != 9:
        return None
    sites = [
        {"species": [{"element": SYMBOLS[int(z)], "occu": 1}], "abc": frac[3 * i : 3 * i + 3]}
        for i, z in enumerate(numbers)
    ]
    return {"lattice": {"matrix": [lattice[i : i + 3] for i in (0, 3, 6)]}, "sites": sites}
