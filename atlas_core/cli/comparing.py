"""Read two run folders and compare them, for ``atlas compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from atlas_core.audit_notes import audited_folds
from atlas_core.comparison import compare
from atlas_core.comparison_table import format_comparison
from atlas_core.errors import DataError
from atlas_core.finished import foreign, read_run
from atlas_core.observe import FinishedRun
from atlas_core.run_differences import RunTables


def compare_folders(a: Path, b: Path) -> tuple[dict[str, Any], str]:
    """Return the comparison as plain data and as text."""
    first, second = _tables(a), _tables(b)
    with foreign(Path(f"{a}, {b}")):
        comparison = compare(first, second, seed=0)
        return comparison.as_dict(), format_comparison(comparison)


def _tables(path: Path) -> RunTables:
    run = read_run(path)
    return RunTables(
        name=run.run_id,
        manifest=run.manifest,
        metrics=run.metrics,
        predictions=run.predictions,
        spec=_spec(run.spec, path / "spec.lock.yaml"),
        training=_training(run),
    )


def _spec(text: str, path: Path) -> dict[str, Any]:
    """Return the content of a locked spec; {} where there is none.

    Raises:
        DataError: it cannot be read.
    """
    try:
        found = YAML(typ="safe", pure=True).load(text)
    except YAMLError as err:
        raise DataError(f"{path}: cannot be read: {' '.join(str(err).split())}") from err
    return found if isinstance(found, dict) else {}


def _training(run: FinishedRun) -> dict[str, str]:
    """Return {fold: digest of its training ids}, as the split audit noted."""
    folds = audited_folds(run.audit)
    return {fold: found["training_ids"] for fold, found in folds.items() if "training_ids" in found}
