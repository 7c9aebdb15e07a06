"""What ``atlas validate`` says of a spec's data: nothing is trained and nothing fetched. Light."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.engine.blame import blame
from atlas_core.engine.decide import Decider
from atlas_core.engine.features import side_by_side
from atlas_core.engine.jobs import require_borders
from atlas_core.engine.loading import cut, data_context, load_dataset
from atlas_core.engine.notes import warning_lines
from atlas_core.engine.options import RunOptions
from atlas_core.engine.preflight import Preflight
from atlas_core.errors import DataError, MissingDataError
from atlas_core.kinds.dataset import DataContext, Dataset
from atlas_core.kinds.featurizer import Features, Featurizer, Vectors
from atlas_core.kinds.split import Split
from atlas_core.spec.plan import BoundComponent, Plan

LOOKED_AT = 20
"""Materials that are featurized to see whether features differ much."""
FEW = 3
"""Kinds of features among these that make all materials worth a look."""


@dataclass(frozen=True)
class Ahead:
    """What was found.

    Attributes:
        folds: (name, rows by part) of each fold; empty where the data are not at hand.
        unchecked: why nothing of the data could be checked; "" where it was.
        warnings: what will work but say little.
    """

    folds: list[dict[str, Any]] = field(default_factory=list)
    unchecked: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """Return it in words, a line each."""
        lines = []
        for fold in self.folds:
            parts = ", ".join(f"{part} {size}" for part, size in fold["sizes"].items() if size)
            lines.append(f"{fold['name']}: {parts}")
        if self.unchecked:
            lines.append(f"sizes were not checked, the data are not at hand: {self.unchecked}")
        return [*lines, *(f"warning: {text}" for text in self.warnings)]


def look_ahead(plan: Plan, *, data_dir: Path | None, cache_dir: Path) -> Ahead:
    """Load the data where they lie on this machine, cut them, and ask every component.

    Raises:
        DataError: the data cannot be read or cut, no border can be drawn among them, or they do not
            do for a component.
    """
    options = RunOptions(out=Path(), cache_dir=cache_dir, data_dir=data_dir, offline=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            context = data_context(plan.spec.data, plan.spec_dir, options)
            dataset = load_dataset(plan.dataset, plan.spec, plan.featurizers, context)
        except MissingDataError as err:
            return Ahead(unchecked=str(err))
        splits = cut(plan.split, dataset, plan.spec.seed)
        _borders(plan, dataset, splits, context)
        preflight = Preflight(
            plan.spec, plan.asked, plan.nested_splits, dataset=dataset, splits=splits
        )
        preflight.require({})
        if features := _alike(plan, dataset):
            preflight.require(features)
    folds = [
        {"name": split.name, "sizes": {part: len(rows) for part, rows in split.parts().items()}}
        for split in splits
    ]
    return Ahead(folds, warnings=warning_lines(caught))


def _borders(plan: Plan, dataset: Dataset, splits: Sequence[Split], context: DataContext) -> None:
    """Load the reference and draw all borders; warn where its data are not at hand."""
    try:
        decider = Decider.of(plan.reference, context, dataset)
    except MissingDataError as err:
        warnings.warn(
            f"the reference was not checked, its data are not at hand: {err}", stacklevel=2
        )
        return
    if decider is not None:
        decider.every(dataset)
        require_borders(plan.spec, dataset, splits, decider)


def _alike(plan: Plan, dataset: Dataset) -> dict[str, Features]:
    """Return the features of arms whose detector might find too little spread in them.

    A few materials are featurized first, and all only where these have few kinds of features.
    """
    found: dict[str, Features] = {}
    place = np.linspace(0, len(dataset) - 1, min(LOOKED_AT, len(dataset)))
    rows = np.unique(place.astype(np.int64))
    for arm, components in plan.arms.items():
        chosen, detector = plan.featurizers[arm], components.get("ood")
        asked = detector is not None and detector.component.check is not None
        if not asked or "features:vectors" not in chosen.provides:
            continue
        if _differ(_featurized(chosen, dataset.take(rows))):
            continue
        found[arm] = _featurized(chosen, dataset)
    return found


def _featurized(chosen: BoundComponent, dataset: Dataset) -> Vectors:
    blocks: list[tuple[str, Features]] = []
    for one in chosen.together:
        featurizer: Featurizer = one.build()
        with blame(one.parts):
            features = featurizer.featurize(dataset.materials)
        if not isinstance(features, Vectors):
            raise DataError(f"featurizer {one.name}: gives features:vectors but no Vectors")
        blocks.append((one.name, features))
    joined = side_by_side(blocks)
    if not isinstance(joined, Vectors):
        raise DataError(f"featurizer {chosen.name}: joined features are {joined.form}")
    return joined


def _differ(vectors: Vectors) -> bool:
    """Return whether there are more than a few kinds of rows; a value that is not there is one."""
    return len(np.unique(np.nan_to_num(vectors.values, nan=np.inf), axis=0)) > FEW
