"""Metrics and predictions as CSV, in which a spreadsheet takes no cell for a formula."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from atlas_core.metrics.registry import figures
from atlas_core.observe import Export, FinishedRun, ReportSection
from atlas_core.rows import write_csv
from atlas_report import metric_labels
from atlas_report.hooks import NoOptions

HEADER = ("arm", "part", "metric", "value", "low", "high", "unit", "n")
REPEATED = ("mean_of_trainings", "std_of_trainings")
"""Two more columns of a run that trained each arm several times."""


class CsvReport:
    """Write ``tables/metrics.csv`` and ``tables/predictions.csv``."""

    places = ("tables",)

    def __init__(self, config: NoOptions) -> None:
        """Take no option."""

    def report(self, run: FinishedRun, sections: Sequence[ReportSection]) -> list[Export]:
        """Return both tables; what is not known is an empty cell."""
        header = (*HEADER, *(REPEATED if run.repeats else ()))
        columns = run.predictions.to_columns()
        cells = [map(_cell, values.tolist()) for values in columns.values()]
        predictions = write_csv(tuple(columns), zip(*cells, strict=True))
        return [
            Export(PurePosixPath("tables/metrics.csv"), write_csv(header, _metrics(run))),
            Export(PurePosixPath("tables/predictions.csv"), predictions),
        ]


def _metrics(run: FinishedRun) -> Iterator[Sequence[Any]]:
    """Yield a row per arm, part and metric, with the ends of its 95 % interval."""
    unit = str(run.manifest["dataset"].get("unit") or "")
    shown = figures(run.manifest.get("figures"))
    for arm in run.arms:
        own = run.metrics["arms"][arm]
        again = own.get("repeats") or {}
        for part, scored in own["parts"].items():
            for name, entry in scored["metrics"].items():
                about = metric_labels.metric(shown, name)
                in_unit = unit if about is not None and about.unit == "target" else ""
                spread = _spread(run, again.get("parts", {}).get(part, {}).get(name))
                yield arm, part, name, *_ends(entry), in_unit, scored["n"], *spread
        for name, found in (own.get("ood") or {}).items():
            if entry := (found or {}).get("auroc"):
                spread = _spread(run, again.get("ood", {}).get(name, {}).get("auroc"))
                yield arm, "", f"ood_auroc_{name}", *_ends(entry), "", "", *spread


def _spread(run: FinishedRun, found: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """Return mean and standard deviation over trainings; nothing of a run of one training."""
    return tuple(_cell((found or {}).get(key)) for key in ("mean", "std")) if run.repeats else ()


def _ends(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(_cell(entry.get(key)) for key in ("value", "low", "high"))


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).lower() if isinstance(value, bool) else value
