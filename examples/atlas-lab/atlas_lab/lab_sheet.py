"""A CSV of repeated measurements: one row per material, with the mean of its values."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np

from atlas_core.api import Component, Config, DataError, Dataset, Field, Materials, hookimpl


class LabSheetConfig(Config):
    """Columns ``formula`` and ``value``; a formula may stand in several rows."""

    path: str = Field(description="The CSV file, relative to the spec or to --data-dir.")
    unit: str = Field("eV", description="Unit of the values.")


class LabSheet:
    """Read the file; average what was measured more than once."""

    def __init__(self, config: LabSheetConfig) -> None:
        self.config = config

    def load(self, context) -> Dataset:
        """Return n materials with a finite target each."""
        path = context.path(self.config.path)
        try:
            content = path.read_bytes()
        except OSError as err:
            raise DataError(f"{path}: cannot be read: {err.strerror}") from err
        values: dict[str, list[float]] = {}
        for line, row in enumerate(csv.DictReader(content.decode().splitlines()), start=2):
            try:
                values.setdefault(row["formula"], []).append(float(row["value"]))
            except (KeyError, TypeError, ValueError) as err:
                raise DataError(
                    f"{path}, line {line}: expected formula,value, found {row}"
                ) from err
        formulas = list(values)
        return Dataset(
            materials=Materials.from_formulas(formulas, formulas),  # ids, formulas
            target=np.array([np.mean(values[one]) for one in formulas]),
            target_name="band_gap",
            unit=self.config.unit,
            task="regression",
            name="lab_sheet",
            license="as the laboratory says",
            citation=("our own measurements",),
            sha256=hashlib.sha256(content).hexdigest(),
            provenance="user",
            columns={"measured": np.array([len(values[one]) for one in formulas])},
        )


def contract_options(folder: Path) -> dict[str, str]:
    """Write a small file for the contract, and return the options that read it."""
    (folder / "sheet.csv").write_text("formula,value\nNaCl,8.5\nSi,1.1\nSi,1.2\nGaAs,1.4\n")
    return {"path": str(folder / "sheet.csv")}


@hookimpl
def atlas_dataset() -> list[Component]:
    """Offer the data set."""
    return [
        Component(
            "lab_sheet",
            LabSheetConfig,
            LabSheet,
            provides={"inputs:composition", "task:regression"},
            contract_options=contract_options,
        )
    ]
