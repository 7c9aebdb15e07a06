"""Turn what users write, in files and cells, into materials. Light: numpy only at import."""

from __future__ import annotations

from pathlib import Path

_BESIDE = (
    "arrays.py",
    "elements.py",
    "links.py",
    "materials.py",
    "periodic_table.py",
    "stoichiometry.py",
    "store.py",
)
"""Files of the core beside this folder that reading imports."""


def source_files() -> list[Path]:
    """Return the files that decide what a text is read as."""
    here = Path(__file__).resolve().parent
    return [*(here.parent / name for name in _BESIDE), *sorted(here.glob("*.py"))]
