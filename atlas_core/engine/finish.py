"""Join predictions with their targets, score them and write the tables. Light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from atlas_core.arrays import F8
from atlas_core.audit_notes import audited_folds
from atlas_core.context import derive_seed
from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import Predictions
from atlas_core.data.tables import write_table
from atlas_core.engine.cells import CellResult, scored
from atlas_core.judge import cautions
from atlas_core.judge.audit import SplitAudit
from atlas_core.judge.verdict import verdicts_of_run
from atlas_core.kinds.dataset import read_bounds
from atlas_core.kinds.split import Split
from atlas_core.metrics.registry import Metrics
from atlas_core.narrative import audit_json, verdict_json
from atlas_core.observe import FinishedRun
from atlas_core.store import as_written, write_json


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


@dataclass(frozen=True)
class Found:
    """Hold what a run knows of itself beside its predictions.

    Attributes:
        manifest: plain data.
        records: plain data, one entry per record.
        audit: of the split.
        spec: with every default filled, as text.
    """

    manifest: Mapping[str, Any]
    records: Sequence[Mapping[str, Any]]
    audit: SplitAudit
    spec: str


def finish(
    folder: Path,
    results: Mapping[tuple[str, str], CellResult],
    found: Found,
    *,
    levels: Sequence[float],
    metrics: Metrics,
) -> FinishedRun:
    """Write predictions, metrics, records and, after a loop, its rounds; return the run."""
    blocks = [result.trust for result in results.values() if result.trust is not None]
    run = FinishedRun(
        folder=folder,
        manifest=as_written(found.manifest),
        metrics={},
        predictions=Predictions.stacked([result.predictions for result in results.values()]),
        records=as_written(found.records),
        rounds=_rounds(results),
        trust=Assessments.stacked(blocks) if blocks else None,
        audit=as_written(audit_json(found.audit)),
        spec=found.spec,
    )
    run.predictions.to_parquet(folder / "predictions.parquet")
    write_json(folder / "records.json", run.records)
    if run.rounds:
        write_table(folder / "active_learning.parquet", run.rounds)
    if run.trust is not None:
        run.trust.to_parquet(folder / "trust.parquet")
    return score(folder, run, levels=levels, metrics=metrics)


def score(
    folder: Path, run: FinishedRun, *, levels: Sequence[float], metrics: Metrics
) -> FinishedRun:
    """Return a run with metrics, verdict and, where trust was learned, exam; write them."""
    from atlas_core.evaluate import evaluate
    from atlas_core.exam import at_home, examine

    manifest, trust = run.manifest, run.trust
    bounds = read_bounds(manifest["dataset"].get("bounds"))
    folds = audited_folds(run.audit)
    with threadpool_limits(1, user_api="blas"):  # sums in one order, whatever the machine
        found = evaluate(
            run.predictions,
            task=manifest["dataset"]["task"],
            levels=levels,
            seed=derive_seed(manifest["seed"], "bootstrap"),
            trained={name: one["elements"] for name, one in folds.items() if "elements" in one},
            bounds=bounds,
            metrics=metrics,
        )
        exam = {}
        if trust is not None:
            seed = derive_seed(manifest["seed"], "exam")
            exam = examine(trust, run.predictions, levels=levels, seed=seed, bounds=bounds)
    if trust is not None:
        for arm in dict.fromkeys(trust.arm.tolist()):
            found["arms"][arm]["labels"] = at_home(trust, arm)
    for arm, own in found["arms"].items():
        noted = cautions.of_audit(run.audit) if run.audit else []
        noted += cautions.of_records(run.records, arm)
        own["cautions"] += [caution.as_dict() for caution in noted]
    write_json(folder / "metrics.json", found)
    if exam:
        write_json(folder / "exam.json", exam)
    verdicts = verdicts_of_run(manifest, found, exam)
    verdict = {arm: verdict_json(one) for arm, one in verdicts.items()}
    write_json(folder / "verdict.json", verdict)
    told = {"metrics": found, "exam": exam, "verdict": verdict}
    return replace(run, **{name: as_written(one) for name, one in told.items()})


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
