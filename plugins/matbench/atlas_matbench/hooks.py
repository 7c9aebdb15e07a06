"""The tasks of Matbench and their options. Light."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from atlas_core.api import Component, Config, Field, hookimpl
from atlas_matbench._tasks import TASKS, TaskName


class MatbenchConfig(Config):
    """A task of Matbench v0.1 (Dunn et al. 2020), from a local file or a download."""

    task: TaskName = Field("steels", description="Task, without the prefix `matbench_`.")
    structures: Literal["auto", "required", "ignore"] = Field(
        "auto",
        description="Crystals of a task that has them: `auto` also takes a local file that holds"
        " formulas only, `required` refuses it, `ignore` keeps formulas only.",
    )


def _matbench_provides(config: MatbenchConfig) -> frozenset[str]:
    """Return what the task offers with these options."""
    task = TASKS[config.task]
    found = {"inputs:composition", "task:binary" if task.binary else "task:regression"}
    if task.structures and config.structures != "ignore":
        found.add("inputs:structure")
    return frozenset(found)


def _matbench_contract(folder: Path) -> dict[str, object]:
    """Write a stand-in for the smallest task into ``folder``: right form, other numbers."""
    import gzip
    import json

    rows = TASKS["steels"].rows
    data = [[f"Fe{100 - row % 40}Ni{row % 40 + 1}C{row + 1}", 900.0 + row] for row in range(rows)]
    content = {
        "index": list(range(rows)),
        "columns": ["composition", TASKS["steels"].column],
        "data": data,
    }
    packed = gzip.compress(json.dumps(content).encode(), mtime=0)
    (folder / "matbench_steels.json.gz").write_bytes(packed)
    return {"task": "steels"}


@hookimpl
def atlas_dataset() -> list[Component]:
    """Offer the dataset components."""
    return [
        Component(
            "matbench",
            MatbenchConfig,
            "atlas_matbench.matbench:MatbenchSource",
            provides=_matbench_provides,
            citation="10.1038/s41524-020-00406-3",
            contract_options=_matbench_contract,
        ),
    ]
