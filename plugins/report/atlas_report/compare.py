"""Compare two runs: paired differences with confidence intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from atlas_core.api import CommandHost
from atlas_core.errors import DataError
from atlas_core.finished import foreign, read_run
from atlas_core.metrics.registry import installed_metrics
from atlas_core.observe import FinishedRun
from atlas_report.comparison import compare as compared
from atlas_report.comparison_table import format_comparison
from atlas_report.hooks import NoOptions
from atlas_report.run_differences import RunTables


@click.command()
@click.argument("run_a", metavar="RUN_A", type=click.Path(path_type=Path))
@click.argument("run_b", metavar="RUN_B", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
@click.pass_obj
def compare(host: CommandHost, *, run_a: Path, run_b: Path, as_json: bool) -> None:
    """Set two runs side by side: paired differences with confidence intervals."""
    a, b = host.run_folder(run_a), host.run_folder(run_b)
    first, second = _tables(a), _tables(b)
    with foreign(Path(f"{a}, {b}")):
        found = compared(first, second, seed=0, metrics=installed_metrics(host.resolver))
        value, text = found.as_dict(), format_comparison(found)
    host.answer(value, text, as_json=as_json)


def command(config: NoOptions) -> click.Command:
    """Return the command ``compare``; it has no options of a component."""
    del config
    return compare


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
    folds = run.audited.items()
    return {fold: found["training_ids"] for fold, found in folds if "training_ids" in found}
