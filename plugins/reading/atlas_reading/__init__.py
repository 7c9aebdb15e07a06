"""Turn what users write, in files and cells, into materials. Light: numpy only at import.

A library below the plugins: it imports the core, and data sets import it.
"""

from __future__ import annotations

from pathlib import Path

from atlas_reading.candidates import Listed, Listing
from atlas_reading.cells import (
    Decimal,
    NoTargetError,
    number,
    read_formula,
    read_target,
    sniff_decimal,
)
from atlas_reading.crystals import (
    Crystal,
    Oddity,
    check_geometry,
    materials_of,
    one_crystal,
    read_crystals,
)
from atlas_reading.sifter import MISSING, OnBad, Sifter
from atlas_reading.structures import materials_of_dicts, structure_of
from atlas_reading.table import Row
from atlas_reading.table import Table as TableFile
from atlas_reading.tables import KEY, TableOptions, open_table

__all__ = [
    "KEY",
    "MISSING",
    "Crystal",
    "Decimal",
    "Listed",
    "Listing",
    "NoTargetError",
    "Oddity",
    "OnBad",
    "Row",
    "Sifter",
    "TableFile",
    "TableOptions",
    "check_geometry",
    "materials_of",
    "materials_of_dicts",
    "number",
    "one_crystal",
    "open_table",
    "read_crystals",
    "read_formula",
    "read_target",
    "sniff_decimal",
    "source_files",
    "structure_of",
]


def source_files() -> list[Path]:
    """Return the files of this library: another way of reading is another entry in a cache."""
    return sorted(Path(__file__).resolve().parent.glob("*.py"))
