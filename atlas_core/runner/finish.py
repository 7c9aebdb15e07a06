"""Join predictions with their targets, score them and write the tables. Light."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from atlas_core import cautions
from atlas_core.arrays import F8
from atlas_core.audit_notes import audited_folds
from atlas_core.context import derive_seed
from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import Predictions
from atlas_core.data.tables import write_table
from atlas_core.engine.cells import CellResult, scored
from atlas_core.kinds.dataset import read_bounds
from atlas_core.kinds.split import Split
from atlas_core.observe import FinishedRun
from atlas_core.store import json_bytes, read_json, write_json


def with_targets(result: CellResult, split: Split, target: F8) -> CellResult:
    """Return what a cell said, beside the true values: only the run knows them.

    Args:
        result: of a cell.
        split: of its fold.
        target: (n,) of all materials.
    """
    predictions = replace(result.predictions, target=target[scored(split)[0]])
    trust = result.trust
    if trust is not None:
        methods = len(dict.fromkeys(trust.method.tolist()))
        trust = replace(trust, target=target[scored(split, times=methods)[0]])
    return replace(result, predictions=predictions, trust=trust)


def finish(
    folder: Path,
    results: Mapping[tuple[str, str], CellResult],
    manifest: Mapping[str, Any],
    *,
    levels: Sequence[float],
    records: Sequence[Mapping[str, Any]],
) -> FinishedRun:
    """Write predictions, metrics, records and, after a loop, its rounds; return the run."""
    predictions = Predictions.stacked([result.predictions for result in results.values()])
    predictions.to_parquet(folder / "predictions.parquet")
    write_json(folder / "records.json", records)
    rounds = _rounds(results)
    if rounds:
        write_table(folder / "active_learning.parquet", rounds)
    blocks = [result.trust for result in results.values() if result.trust is not None]
    trust = Assessments.stacked(blocks) if blocks else None
    if trust is not None:
        trust.to_parquet(folder / "trust.parquet")
    metrics = score(folder, predictions, trust, manifest, levels=levels)
    return FinishedRun(folder.name, manifest, metrics, predictions)


def score(
    folder: Path,
    predictions: Predictions,
    trust: Assessments | None,
    manifest: Mapping[str, Any],
    *,
    levels: Sequence[float],
) -> dict[str, Any]:
    """Write metrics.json, and exam.json where trust was learned; return the metrics as written."""
    from atlas_core.evaluate import evaluate
    from atlas_core.exam import at_home, examine

    bounds = read_bounds(manifest["dataset"].get("bounds"))
    with threadpool_limits(1, user_api="blas"):  # sums in one order, whatever the machine
        metrics = evaluate(
            predictions,
            task=manifest["dataset"]["task"],
            levels=levels,
            seed=derive_seed(manifest["seed"], "bootstrap"),
            trained=_trained_elements(folder),
            bounds=bounds,
        )
        exam = {}
        if trust is not None:
            seed = derive_seed(manifest["seed"], "exam")
            exam = examine(trust, predictions, levels=levels, seed=seed, bounds=bounds)
    if trust is not None:
        for arm in dict.fromkeys(trust.arm.tolist()):
            metrics["arms"][arm]["labels"] = at_home(trust, arm)
    audited, records = (folder / name for name in ("audit.json", "records.json"))
    for arm, own in metrics["arms"].items():
        found = [] if not audited.is_file() else cautions.of_audit(read_json(audited))
        if records.is_file():
            found += cautions.of_records(read_json(records), arm)
        own["cautions"] += [caution.as_dict() for caution in found]
    write_json(folder / "metrics.json", metrics)
    if exam:
        write_json(folder / "exam.json", exam)
    written: dict[str, Any] = json.loads(json_bytes(metrics))  # in the order of the file
    return written


def _trained_elements(folder: Path) -> dict[str, list[str]]:
    """Return {fold: symbols of the elements in its training rows}, as the split audit noted."""
    folds = audited_folds(folder)
    return {fold: found["elements"] for fold, found in folds.items() if "elements" in found}


def _rounds(
    results: Mapping[tuple[str, str], CellResult],
) -> dict[str, npt.NDArray[Any]]:
    blocks = []
    for (arm, fold), result in results.items():
        if result.rounds:
            n = len(next(iter(result.rounds.values())))
            blocks.append({"arm": np.full(n, arm), "fold": np.full(n, fold), **result.rounds})
    return (
        {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        if blocks
        else {}
    )
