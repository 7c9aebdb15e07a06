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
from atlas_core.reading.files import (
    EXPECTED,
    FORMS,
    TEXT,
    form_of,
    json_lines,
    load_json,
    open_text,
    readable,
)
from atlas_core.reading.tables import Row, Table, TableOptions, open_table

FORMULA = ("formula", "composition", "pretty_formula", "reduced_formula")
STRUCTURE = ("structure", "cif", "poscar")
ID = ("id", "material_id", "mat_id", "name")
BULK = ("numbers", "frac_coords", "lattice")


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
    """Hold a list that is read as often as asked: crystals or formulas, and about how many."""

    structures: bool
    total: int
    rows: Callable[[], Iterator[ListRow]]


def open_list(path: Path) -> MaterialList:
    """Return the materials of a file.

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
    if form == ".parquet":
        return _parquet(open_table(path, TableOptions()))
    if form in (".json", ".jsonl", ".ndjson"):
        return _json(path, lines=form != ".json")
    return _cells(open_table(path, TableOptions(header=False)))


def _named(names: Sequence[str], known: Sequence[str]) -> int | None:
    lowered = [str(name).strip().lower() for name in names]
    return next((lowered.index(name) for name in known if name in lowered), None)


def _cells(table: Table) -> MaterialList:
    """Return formulas or crystals of text or a sheet; its first row may be a header."""
    first = next(table.rows(), None)
    if first is None:
        return MaterialList(False, 0, lambda: iter(()))
    header = ["" if cell is None else str(cell) for cell in first.cells]
    formula, known_id = _named(header, FORMULA), _named(header, ID)
    crystals = None if formula is not None else _named(header, STRUCTURE)
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

    def rows() -> Iterator[ListRow]:
        for row in islice(table.rows(), int(has_header), None):
            place = f"line {row.line}" if row.line else f"row {row.number - has_header}"
            yield ListRow(place, _cell(row, id_column) or place, _cell(row, column))

    if table.form in TEXT:
        # a quoted line break counts twice: it is for a bar
        with readable(table.path), open_text(table.path) as file:
            total = sum(1 for line in file if line.strip())
    else:
        total = sum(1 for _ in table.rows())
    return MaterialList(crystals is not None, total - has_header, rows)


def _cell(row: Row, column: int | None) -> str:
    if column is None or column >= len(row.cells) or row.cells[column] is None:
        return ""
    return str(row.cells[column]).strip()


def _looks_like_formula(text: str) -> bool:
    """Tell whether a cell is a formula, or could be meant as one: a digit behind a capital."""
    try:
        return bool(parse_formula(text))
    except ValueError:
        return bool(re.match(r"\s*[A-Z(\[].*\d", text))


def _json(path: Path, *, lines: bool) -> MaterialList:
    """Return crystals or formulas of JSON: a list, {id: one}, a table, or one a line."""
    problems: dict[int, str] = {}
    if lines:
        found = list(json_lines(path))
        problems = {i: why for i, (_, _, why) in enumerate(found) if why}
        items = [(_own_id(value, f"line {line}"), value) for line, value, _ in found]
        places = [f"line {line}" for line, _, _ in found]
    else:
        content = load_json(path)
        if isinstance(content, Mapping) and _is_table(content):
            content = [
                dict(zip(table.names, row.cells, strict=True)) if not row.problem else None
                for table in (open_table(path, TableOptions(wanted=FORMULA + STRUCTURE)),)
                for row in table.rows()
            ]
        if isinstance(content, Mapping) and "lattice" in content and "sites" in content:
            content = [content]
        if isinstance(content, Mapping):
            items = [(str(key), value) for key, value in content.items()]
        elif isinstance(content, list):
            items = [(_own_id(value, f"row {i + 1}"), value) for i, value in enumerate(content)]
        else:
            raise DataError(f"{path}: expected a list of structures, or {{id: structure}}")
        places = [f"row {i + 1}" for i in range(len(items))]
    found_in = [_material(value) for _, value in items]
    contents = [one for one, _ in found_in]
    good = [crystal for i, (_, crystal) in enumerate(found_in) if i not in problems]
    # where crystals stand beside formulas, the formulas are told as no crystals
    structures = True in good or (bool(good) and False not in good)

    def rows() -> Iterator[ListRow]:
        for i, (name, _) in enumerate(items):
            yield ListRow(places[i], name, contents[i], problems.get(i, ""))

    return MaterialList(structures, len(items), rows)


def _is_table(content: Mapping[str, Any]) -> bool:
    """Tell whether JSON is a table in pandas' layouts, not {id: structure}."""
    if {"columns", "data"} <= set(content):
        return True
    return _named(list(content), FORMULA + STRUCTURE) is not None and "sites" not in content


def _material(value: Any) -> tuple[Any, bool | None]:
    """Return the structure or formula of a record, and whether it is a crystal; None: neither."""
    if isinstance(value, str):
        return value, False
    if not isinstance(value, Mapping):
        return value, None
    names = list(value)
    for known, crystal in ((STRUCTURE, True), (FORMULA, False)):
        place = None if "lattice" in value else _named(names, known)
        if place is not None:
            return value[names[place]], crystal
    return value, True


def _own_id(value: Any, place: str) -> str:
    if not isinstance(value, Mapping):
        return place
    known = (value[name] for name in ID[:-1] if isinstance(value.get(name), str | int))
    return str(next(known, place))


def _parquet(table: Table) -> MaterialList:
    """Return the rows of a Parquet file: formulas, texts of crystals, or the bulk format."""
    names = table.names
    bulk = set(BULK) <= set(names)
    formula, texts = _named(names, FORMULA), _named(names, STRUCTURE)
    known_id = _named(names, ID)
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
