"""Read two run folders and compare them, for ``atlas compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from atlas_core.comparison import RunTables, compare, format_comparison
from atlas_core.report.source import foreign
from atlas_core.runner.folder import RunFolder


def compare_folders(a: Path, b: Path) -> tuple[dict[str, Any], str]:
    """Return the comparison as plain data and as text."""
    first, second = _tables(a), _tables(b)
    with foreign(Path(f"{a}, {b}")):
        comparison = compare(first, second, seed=0)
        return comparison.as_dict(), format_comparison(comparison)


def _tables(path: Path) -> RunTables:
    run = RunFolder(path).finished()
    return RunTables(
        name=run.run_id,
        manifest=run.manifest,
        metrics=run.metrics,
        predictions=run.predictions,
    )
