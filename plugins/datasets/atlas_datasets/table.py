"""Your own CSV, JSON, Parquet or xlsx file with a column of formulas or crystals."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from atlas_core.api import (
    DataContext,
    DataError,
    Dataset,
    Materials,
    Meaning,
    file_sha256,
    meaning_of,
)
from atlas_datasets._reading import (
    Cells,
    Kept,
    Read,
    as_metadata,
    read_rows,
    read_structure,
    user_dataset,
)
from atlas_datasets.hooks import TableConfig
from atlas_reading import KEY, TableFile, TableOptions, materials_of, open_table, read_formula

_FACTS = b"atlas"
"""Key of a Parquet schema's metadata where ``atlas datasets export`` keeps what it knows."""
Text = TypeVar("Text", str, list[str])


@dataclass(frozen=True)
class Table:
    """Load one table; rows keep their order."""

    config: TableConfig

    def load(self, context: DataContext) -> Dataset:
        """Return the data set.

        Raises:
            DataError: the file is missing, empty or damaged, or a column is missing.
            RowsError: rows cannot be used: no target, a formula or a crystal that cannot be read.
        """
        config = self.config
        path = context.path(config.path)
        material = str(config.formula or config.structure)
        table = self._open(path, material)
        bulk = config.structure is not None and material in table.lists
        own_id = config.id or (KEY if table.keyed else None)
        wanted = [config.target, *([own_id] if own_id else []), *config.columns]
        names = list(dict.fromkeys(wanted if bulk else [*wanted, material]))
        rows = list(table.rows(names))
        if not rows:
            raise DataError(f"{path}: the table is empty")
        columns = dict(zip(names, zip(*(row.cells for row in rows), strict=True), strict=True))
        none = [None] * len(rows)
        ids = ["" if one is None else one for one in columns[own_id]] if own_id else none
        inputs = none if bulk else columns[material]
        cells = list(map(Cells, rows, ids, columns[config.target], inputs))
        read, made = self._reader(path, material, bulk=bulk)
        kept, report = read_rows(table, cells, config, read)
        name = path.name.split(".")[0]
        found = user_dataset(
            config, kept, report, materials=made(kept), name=name, sha256=file_sha256(path)
        )
        metadata = {
            name: as_metadata([columns[name][i] for i in kept.places], kept.decimal)
            for name in config.columns
        }
        formulas = [str(inputs[i]).strip() for i in kept.places] if config.formula else None
        return replace(found, columns=metadata, formulas=formulas, **self._known(table))

    def _open(self, path: Path, material: str) -> TableFile:
        config = self.config
        named = [config.target, material, *([config.id] if config.id else []), *config.columns]
        options = TableOptions(
            separator=config.separator,
            encoding=config.encoding,
            sheet=config.sheet,
            wanted=tuple(dict.fromkeys(named)),
        )
        return open_table(path, options)

    def _reader(
        self, path: Path, material: str, *, bulk: bool
    ) -> tuple[Read, Callable[[Kept], Materials]]:
        """Return what reads the material of a row, and what makes materials of all that is kept."""
        if bulk:
            from atlas_datasets._bulk import BulkCrystals

            crystals = BulkCrystals.of_file(path, material)
            return crystals.read, crystals.take
        if self.config.formula is not None:
            return (
                lambda cells: read_formula(cells.material),
                lambda kept: Materials.from_amounts(kept.ids, kept.materials),
            )
        return (
            lambda cells: read_structure(cells.material),
            lambda kept: materials_of(kept.ids, kept.materials),
        )

    def _known(self, table: TableFile) -> dict[str, Any]:
        """Return unit, license, papers and meaning: the options', else those of the file."""
        config, facts = self.config, _facts(table, self.config.target)
        stated = "license" in config.model_fields_set
        return {
            "unit": config.unit or _about(facts, "unit", ""),
            "license": config.license if stated else _about(facts, "license", config.license),
            "citation": config.citation or tuple(_about(facts, "citation", [])),
            "meaning": self._meaning(facts),
        }

    def _meaning(self, facts: Mapping[str, Any]) -> Meaning:
        stated = {**facts, **self.config.meaning.stated()}
        if self.config.task != "binary":
            stated.pop("class_names", None)
        return meaning_of(stated)


def _facts(table: TableFile, target: str) -> Mapping[str, Any]:
    """Return what ``atlas datasets export`` wrote about this target."""
    facts: Mapping[str, Any] = {}
    with contextlib.suppress(ValueError, TypeError):  # the key is another program's
        facts = dict(json.loads(table.facts.get(_FACTS, b"{}")))
    return facts if facts.get("target") == target else {}


def _about(facts: Mapping[str, Any], fact: str, default: Text) -> Text:
    found = facts.get(fact)
    return found if isinstance(found, type(default)) else default
