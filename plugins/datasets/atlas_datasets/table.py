"""Your own CSV, JSON or Parquet file with a column of formulas or crystals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_core.api import DatasetSource


class TableConfig(Config):
    """A table with one material a row; name its formula or its structure column."""

    path: str = Field(
        min_length=1, description="File .csv, .json or .parquet (also .gz), relative to the spec."
    )
    target: str = Field(min_length=1, description="Column of the property to predict.")
    formula: str | None = Field(None, description="Column of formulas, such as `Ca3(PO4)2`.")
    structure: str | None = Field(
        None,
        description="Column of crystals: CIF, POSCAR or pymatgen dict; or, in Parquet, the column"
        " of atomic numbers, with `frac_coords` and `lattice` beside it.",
    )
    id: str | None = Field(None, description="Column of distinct ids; default: the row number.")
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
