"""Your own CSV, JSON, Parquet or xlsx file with a column of formulas or crystals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from atlas_core.api import Component, Config, Decimal, Field, OnBad, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_core.api import DatasetSource


class TableConfig(Config):
    """A table with one material a row; name its formula or its structure column."""

    path: str = Field(
        min_length=1,
        description="File .csv, .tsv, .txt, .json, .jsonl, .parquet or .xlsx (text also packed,"
        " .gz), relative to the spec.",
    )
    target: str = Field(min_length=1, description="Column of the property to predict.")
    formula: str | None = Field(None, description="Column of formulas, such as `Ca3(PO4)2`.")
    structure: str | None = Field(
        None,
        description="Column of crystals: CIF, POSCAR or pymatgen dict; or, in Parquet, the column"
        " of atomic numbers, with `frac_coords` and `lattice` beside it.",
    )
    id: str | None = Field(
        None,
        description="Column of distinct ids; default: the row number as text, from 1, without the"
        " header (or the keys of a JSON file of {id: row}).",
    )
    unit: str = Field(
        "",
        description="Unit of the target, for the report. An exported file (`atlas datasets export`)"
        " knows its own, its licence and its papers.",
    )
    task: Literal["regression", "binary"] = Field(
        "regression", description="`binary` takes true/false, yes/no and 1/0."
    )
    bounds: tuple[float | None, float | None] | None = Field(
        None,
        description="`[low, high]` between which every value of the target must lie, `null` for an"
        " open end: `[0, null]` for a band gap. Intervals are cut there.",
    )
    columns: tuple[str, ...] = Field((), description="Columns to keep as metadata.")
    on_error: OnBad = Field(
        "stop",
        description="What becomes of rows that cannot be read: `stop` with all of them named, or"
        " `drop` them and say how many and why.",
    )
    missing: OnBad = Field(
        "stop", description="What becomes of rows without a target: `stop` or `drop`, likewise."
    )
    separator: str | None = Field(
        None,
        pattern=r'^[^"\r\n]$',
        description="What stands between the columns of text, one sign such as `;` or a"
        " tab; default: a comma, semicolon, tab or bar, found out.",
    )
    decimal: Decimal | None = Field(
        None,
        description="Decimal sign of numbers in text; default: a full stop, or a comma where no"
        " comma parts the columns and the targets have one.",
    )
    encoding: str | None = Field(
        None, description="Encoding of text, such as `latin-1` or `utf-16`; default: UTF-8."
    )
    sheet: str | None = Field(None, description="Sheet of an .xlsx file; default: the first.")
    licence: str = Field("not stated", description="Terms under which the data may be used.")
    citation: tuple[str, ...] = Field((), description="Papers to cite.")

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        if (self.formula is None) == (self.structure is None):
            raise ValueError("name either the formula or the structure column")
        return self


def gives(config: TableConfig) -> frozenset[str]:
    """Return what the table offers with these options."""
    found = {"inputs:composition", f"task:{config.task}"}
    if config.structure is not None:
        found.add("inputs:structure")
    return frozenset(found)


def build(config: TableConfig) -> DatasetSource:
    """Return the reader of the table."""
    from atlas_datasets._table import Table

    return Table(config)


@hookimpl
def atlas_dataset() -> list[Component]:
    """Offer the table reader."""
    return [Component("table", TableConfig, build, gives=gives)]


def contract_options(folder: Path) -> dict[str, object]:
    """Write a small table into ``folder``."""
    rows = "".join(f"Na{i}Cl{i + 1},{i * 0.5},g{i % 3}\n" for i in range(1, 21))
    (folder / "table.csv").write_text("formula,gap,group\n" + rows, encoding="utf-8")
    return {"path": "table.csv", "formula": "formula", "target": "gap", "columns": ["group"]}
