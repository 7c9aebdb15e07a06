"""Audit the folds of a run, and keep what was found in its folder. Light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from atlas_core.arrays import F8
from atlas_core.audit import audit
from atlas_core.context import derive_seed
from atlas_core.judge.audit import SplitAudit
from atlas_core.kinds.dataset import Dataset
from atlas_core.kinds.featurizer import Features, Vectors
from atlas_core.kinds.split import Split
from atlas_core.narrative import audit_json
from atlas_core.store import write_json

WIDEST = 2000
"""Columns; the features of an arm with more are not measured."""


def audit_run(
    folder: Path,
    dataset: Dataset,
    splits: Sequence[Split],
    *,
    features: Mapping[str, Features],
    seed: int,
) -> SplitAudit:
    """Audit the folds and write ``audit.json``.

    Args:
        folder: of the run.
        dataset: with all targets: only the host has them.
        splits: the folds.
        features: of each arm; those that are vectors are measured beside the core's own views.
        seed: of the run.
    """
    vectors: dict[str, F8] = {}
    for arm, found in features.items():
        if isinstance(found, Vectors) and found.values.shape[1] <= WIDEST:
            same = any(found.values is other for other in vectors.values())
            if not same:
                vectors[f"features of {arm}"] = found.values
    with threadpool_limits(1, user_api="blas"):  # sums in one order, whatever the machine
        found_out = audit(
            splits,
            dataset.materials,
            dataset.target,
            seed=derive_seed(seed, "audit"),
            vectors=vectors,
        )
    write_json(folder / "audit.json", audit_json(found_out))
    return found_out
