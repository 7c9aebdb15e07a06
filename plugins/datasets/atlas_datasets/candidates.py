"""Open materials without a target, whatever the form of their file, for screening.

Columns need no name that is stated: known names are taken, else the first column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from atlas_core.api import Candidates, DataError, parse_formula
from atlas_reading import KEY, Listed, Listing, Row, TableFile, TableOptions, open_table
from atlas_reading.crystals import cif_blocks
from atlas_reading.files import FILES, TEXT, form_of, json_lines, load_json, open_text, readable
from atlas_reading.quotes import content
from atlas_reading.sheets import NO_VALUE, UNSTORED
from atlas_reading.tables import records_of


class Known(NamedTuple):
    """Name the columns that are looked for, in any case of letters; earlier names come first."""

    formula: tuple[str, ...] = ("formula", "composition", "pretty_formula", "reduced_formula")
    structure: tuple[str, ...] = ("structure", "cif", "poscar")
    id: tuple[str, ...] = ("id", "material_id", "mat_id", "name")


def of_folder(path: Path, options: Mapping[str, Any]) -> Candidates | str:
    """Return the crystals of the CIF files in a folder, a row per data block with atoms."""
    del options
    files = sorted(p for p in path.iterdir() if p.suffix.lower() == ".cif") if path.is_dir() else []

    def rows() -> Iterator[Listed]:
        for file in files:
            try:
                blocks = cif_blocks(file)
            except DataError:
                blocks = []
            if not blocks:  # the reader says why
                yield Listed(file.name, file.stem, file)
            for name, block in blocks:
                own = f":{name}" if len(blocks) > 1 else ""
                yield Listed(f"{file.name}{own}", f"{file.stem}{own}", block)

    return Listing(path, True, len(files), rows) if files else "a folder of .cif files"


def of_table(path: Path, options: Mapping[str, Any]) -> Candidates | str:
    """Return the formulas or crystals of a table or list.

    Args:
        path: of the file.
        options: of the data set ``table`` of a run: the columns that it names come first.

    Raises:
        DataError: it is damaged.
    """
    form = "" if path.is_dir() else form_of(path)
    if not form:
        return FILES
    own = [
        (str(options[name]).strip().lower(),) if options.get(name) else () for name in Known._fields
    ]
    known = Known(*(one + names for one, names in zip(own, Known(), strict=True)))
    if form == ".parquet":
        return _parquet(open_table(path, TableOptions()), known)
    if form in (".json", ".jsonl", ".ndjson"):
        return _json(path, known, lines=form != ".json")
    return _cells(open_table(path, TableOptions(header=False)), known)


def _named(names: Sequence[str], known: Sequence[str]) -> int | None:
    lowered = [str(name).strip().lower() for name in names]
    return next((lowered.index(name) for name in known if name in lowered), None)


def _cells(table: TableFile, known: Known) -> Listing:
    """Return formulas or crystals of text or a sheet; its first row may be a header."""
    first = next(table.rows())
    header = ["" if cell is None else str(cell) for cell in first.cells]
    formula, known_id = _named(header, known.formula), _named(header, known.id)
    crystals = None if formula is not None else _named(header, known.structure)
    named = {formula, known_id, crystals} != {None}
    # without a known name a first row is a header only where nothing in it could be a formula
    has_header = named or not any(map(_looks_like_formula, header))
    column = crystals if crystals is not None else formula
    if column is None:  # the first column, unless that is known to be the ids
        column = 1 if has_header and known_id == 0 and len(header) > 1 else 0
    id_column = known_id if has_header and known_id != column else None
    notes = list(table.notes)
    if has_header and not named:
        said = f"{table.path.name}: the first row ({header[column]!r}) is taken as a header"
        notes.append(f"{said}, not as a candidate, as nothing in it could be a formula")
    elif has_header and known_id is None and len(header) > 1:
        notes.append(
            f"{table.path.name}: no column of ids ({', '.join(known.id)}): rows are named by their"
            " line"
        )

    def rows() -> Iterator[Listed]:
        for row in islice(table.rows(), int(has_header), None):
            place = f"line {row.line}" if row.line else f"row {row.number - has_header}"
            unstored = column < len(row.cells) and row.cells[column] is UNSTORED
            why = f"the cell {NO_VALUE}" if unstored else ""
            yield Listed(place, _cell(row, id_column) or place, _cell(row, column), why)

    if table.form in TEXT:
        # a quoted line break counts twice: it is for a bar
        with readable(table.path), open_text(table.path) as file:
            total = sum(1 for _, line in content(file) if line.strip())
    else:
        total = sum(1 for _ in table.rows())
    return Listing(table.path, crystals is not None, total - has_header, rows, tuple(notes))


def _cell(row: Row, column: int | None) -> str:
    if column is None or column >= len(row.cells) or row.cells[column] is None:
        return ""
    return str(row.cells[column]).strip()


def _looks_like_formula(text: str) -> bool:
    """Return whether a cell is a formula, or could be meant as one.

    That is a digit after a capital, or a word of two elements: ``Fe-O``, ``NaCl (rock salt)``.
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


def _json(path: Path, known: Known, *, lines: bool) -> Listing:
    """Return crystals or formulas of JSON: a list, {id: one}, a table, or one per line."""
    keys: list[str] | None = None
    if lines:
        entries = [(f"line {line}", value, why) for line, value, why in json_lines(path)]
    else:
        keys, values = _entries(path, load_json(path), known)
        entries = [(f"row {i + 1}", value, "") for i, value in enumerate(values)]
    found = [_material(value, known) for _, value, _ in entries]
    good = [one[1] for one, (_, _, why) in zip(found, entries, strict=True) if not why]
    # where crystals are mixed with formulas, the formulas are reported as not being crystals
    structures = True in good or (bool(good) and False not in good)
    listed = [
        Listed(place, keys[i] if keys else _own_id(value, place, known), found[i][0], why)
        for i, (place, value, why) in enumerate(entries)
    ]
    return Listing(path, structures, len(listed), lambda: iter(listed))


def _entries(path: Path, content: Any, known: Known) -> tuple[list[str] | None, list[Any]]:
    """Return the ids where they are keys, and the entry of each material.

    Raises:
        DataError: it is not a list of materials.
    """
    wanted = known.formula + known.structure
    if isinstance(content, Mapping):
        named = _named(list(content), wanted) is not None and "sites" not in content
        if named or {"columns", "data"} <= set(content):  # a table in one of pandas' layouts
            table = records_of(path, content, wanted)
            return table.keys, [
                {name: row.get(name) for name in table.columns} if not why else None
                for _, row, why in table.rows
            ]
        if {"lattice", "sites"} <= set(content):
            return None, [content]
        return list(map(str, content)), list(content.values())
    if not isinstance(content, list):
        raise DataError(f"{path}: expected a list of structures, or {{id: structure}}")
    return None, content


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


def _parquet(table: TableFile, known: Known) -> Candidates:
    """Return the rows of a Parquet file: formulas, texts of crystals, or the bulk format."""
    from atlas_datasets._bulk import NUMBERS, BulkListing

    names = table.names
    own = _named(names, known.id)
    if BulkListing.fits(names):
        return BulkListing(table.path, table.count, None if own is None else names[own])
    formula = _named(names, known.formula)
    one = formula if formula is not None else _named(names, known.structure)
    if one is None:
        raise DataError(
            f"{table.path}: no column formula, and not {NUMBERS}, frac_coords and lattice; it has"
            f" {', '.join(names[:12])}"
        )

    def rows() -> Iterator[Listed]:
        for row in table.rows([names[one], *([] if own is None else [names[own]])]):
            place = f"row {row.number}"
            named = row.cells[-1] if own is not None else None
            yield Listed(place, place if named is None else str(named), row.cells[0])

    return Listing(table.path, formula is None, table.count, rows)
