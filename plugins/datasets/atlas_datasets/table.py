"""Your own CSV, JSON, Parquet or xlsx file with a column of formulas or crystals."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from atlas_core.api import DataContext, DataError, Dataset, Materials, read_bounds
from atlas_datasets._reading import (
    Cells,
    Kept,
    as_metadata,
    compositions,
    crystals,
    decimal_of,
    keep_rows,
    read_formula,
    read_structure,
)
from atlas_datasets.hooks import TableConfig
from atlas_reading import KEY, Sifter, TableFile, TableOptions, open_table

_FACTS = b"atlas"
"""Key of a Parquet schema's metadata where ``atlas datasets export`` keeps what it knows."""
Text = TypeVar("Text", str, list[str])


class Table:
    """Load one table; rows keep their order."""

    def __init__(self, config: TableConfig) -> None:
        self.config = config

    def load(self, context: DataContext) -> Dataset:
        """Return the data set.

        Raises:
            DataError: the file is missing, empty or damaged, or a column is missing.
            RowsError: rows cannot be used: no target, a formula or a crystal that cannot be read.
        """
        config = self.config
        path = context.path(config.path)
        material = str(config.formula or config.structure)
        named = [config.target, material, *([config.id] if config.id else []), *config.columns]
        table = open_table(
            path,
            TableOptions(
                separator=config.separator,
                encoding=config.encoding,
                sheet=config.sheet,
                wanted=tuple(dict.fromkeys(named)),
            ),
        )
        bulk = config.structure is not None and material in table.lists
        id_column = config.id or (KEY if table.keyed else None)
        wanted = [config.target, *([id_column] if id_column else []), *config.columns]
        wanted = list(dict.fromkeys(wanted if bulk else [*wanted, material]))
        rows = list(table.rows(wanted))
        if not rows:
            raise DataError(f"{path}: the table is empty")
        at = {name: i for i, name in enumerate(wanted)}
        cells = [
            Cells(
                row,
                (row.cells[at[id_column]] if row.cells[at[id_column]] is not None else "")
                if id_column
                else None,
                row.cells[at[config.target]],
                None if bulk else row.cells[at[material]],
            )
            for row in rows
        ]
        decimal, noted = decimal_of(
            config.decimal,
            table.separator,
            [one.target for one in cells],
            source=str(path),
            column=config.target,
        )
        sifter = Sifter(str(path), config.on_error, config.missing)
        read: Any = read_formula if config.formula is not None else read_structure
        if bulk:
            from atlas_datasets._bulk import BulkCrystals

            lists = BulkCrystals(path, material)
            read = lists.read
        kept = keep_rows(cells, config, sifter, read=read, decimal=decimal)
        report = sifter.finish(len(kept.ids), [*table.notes, *noted])
        facts = _facts(table, config.target)
        return Dataset(
            materials=lists.take(kept) if bulk else self._materials(kept),
            target=kept.target,  # type: ignore[arg-type]
            target_name=config.target,
            unit=config.unit or _about(facts, "unit", ""),
            task=config.task,
            name=path.name.split(".")[0],
            licence=config.licence
            if "licence" in config.model_fields_set
            else _about(facts, "licence", config.licence),
            citation=config.citation or tuple(_about(facts, "citation", [])),
            sha256=_sha256(path),
            provenance="user",
            columns={
                name: as_metadata([rows[i].cells[at[name]] for i in kept.places], decimal)
                for name in config.columns
            },
            formulas=None
            if config.formula is None
            else [str(cells[i].material).strip() for i in kept.places],
            reading=report,
            bounds=read_bounds(config.bounds),
        )

    def _materials(self, kept: Kept) -> Materials:
        return compositions(kept) if self.config.formula is not None else crystals(kept)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _facts(table: TableFile, target: str) -> Mapping[str, Any]:
    """Return what ``atlas datasets export`` wrote about this target."""
    facts: Mapping[str, Any] = {}
    with contextlib.suppress(ValueError, TypeError):  # the key is another program's
        facts = dict(json.loads(table.facts.get(_FACTS, b"{}")))
    return facts if facts.get("target") == target else {}


def _about(facts: Mapping[str, Any], fact: str, default: Text) -> Text:
    found = facts.get(fact)
    return found if isinstance(found, type(default)) else default
