"""Write results on the official folds in Matbench's record format (Dunn et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from atlas_core.api import hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Export, FinishedRun

DATASETS = ("matbench",)


@hookimpl
def atlas_run_exports(run: FinishedRun) -> Sequence[Export]:
    """Export ``matbench/<arm>/results.json.gz`` for each arm of a run on the official folds."""
    dataset, split = run.manifest.get("dataset", {}), run.manifest.get("split", {})
    if dataset.get("component") != "matbench" or split.get("component") != "matbench_folds":
        return []
    from atlas_matbench._matbench_record import exports

    return exports(run)
