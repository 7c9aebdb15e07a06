"""Join predictions with their targets, have them evaluated, and write the tables. Light."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from atlas_core.arrays import F8
from atlas_core.data.assessments import Assessments
from atlas_core.data.decisions import Decisions
from atlas_core.data.predictions import Predictions
from atlas_core.data.repeats import write_repeats
from atlas_core.data.tables import below, write_table
from atlas_core.engine.blame import blame
from atlas_core.engine.job import JobResult, Name, scored
from atlas_core.errors import ContractError
from atlas_core.finished import NotARunError, check_audit, check_evaluation
from atlas_core.kinds.evaluator import AuditRequest, Evaluation, Grade
from atlas_core.kinds.split import Split
from atlas_core.metrics.registry import Metrics
from atlas_core.observe import FinishedRun
from atlas_core.spec.plan import BoundComponent
from atlas_core.store import as_written, write_json


def with_targets(result: JobResult, split: Split, target: F8) -> JobResult:
    """Return what a job said, beside the true values: only the run knows them.

    Args:
        result: of a job.
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
    """What a run knows of itself beside its predictions.

    Attributes:
        manifest: plain data.
        records: plain data, one entry per record.
        audit: of the split, plain data.
        decisions: what the predictions are as decisions; None without a reference.
    """

    manifest: Mapping[str, Any]
    records: Sequence[Mapping[str, Any]]
    audit: Mapping[str, Any]
    decisions: Decisions | None = None


def finish(
    folder: Path,
    results: Mapping[Name, JobResult],
    found: Found,
    *,
    evaluator: BoundComponent,
    levels: Sequence[float],
    metrics: Metrics,
) -> FinishedRun:
    """Write predictions, metrics, records and, after a loop, its rounds; return the run."""
    blocks = [result.trust for result in results.values() if result.trust is not None]
    run = FinishedRun(
        folder=folder,
        manifest=as_written(found.manifest),
        metrics={},
        predictions=_stacked(results, 1),
        repeats=tuple(_stacked(results, k) for k in sorted({n[2] for n in results} - {1})),
        records=as_written(found.records),
        rounds=_rounds(results),
        trust=Assessments.stacked(blocks) if blocks else None,
        audit=found.audit,
        decisions=found.decisions,
    )
    run.predictions.to_parquet(folder / "predictions.parquet")
    if run.repeats:
        write_repeats(folder / "repeats.parquet", run.repeats)
    write_json(folder / "records.json", run.records)
    if run.rounds:
        write_table(folder / "active_learning.parquet", run.rounds)
    if run.trust is not None:
        run.trust.to_parquet(folder / "trust.parquet")
    if run.decisions is not None:
        run.decisions.to_parquet(folder / "decisions.parquet")
    return evaluated(folder, run, evaluator, levels=levels, metrics=metrics)


def _stacked(results: Mapping[Name, JobResult], repeat: int) -> Predictions:
    return Predictions.stacked([one.predictions for n, one in results.items() if n[2] == repeat])


def audited(folder: Path, evaluator: BoundComponent, request: AuditRequest) -> Mapping[str, Any]:
    """Return what the split tests, and write it into the folder, where there is something."""
    own = replace(request, splits=tuple(request.splits), features=dict(request.features))
    with _asked(evaluator, "audit"):
        found: Mapping[str, Any] = as_written(evaluator.build().audit(own))
        if found != {}:
            check_audit(found, folder / "audit.json")
            _require(isinstance(found.get("sentence"), str), "an audit without a sentence")
    if found:
        write_json(folder / "audit.json", found)
    return found


def evaluated(
    folder: Path,
    run: FinishedRun,
    evaluator: BoundComponent,
    *,
    levels: Sequence[float],
    metrics: Metrics,
) -> FinishedRun:
    """Return a run with metrics, verdicts and, where trust was learned, exam; write them."""
    own = replace(
        run,
        manifest=as_written(run.manifest),
        records=as_written(run.records),
        audit=as_written(run.audit),
        rounds=dict(run.rounds),
    )
    with _asked(evaluator, "evaluate"):
        found = evaluator.build().evaluate(own, levels=levels, metrics=metrics)
        _require(isinstance(found, Evaluation), f"a {type(found).__name__}, not an Evaluation")
        files = _checked(folder, run, found)
    for name, content in files.items():
        if content or name != "exam":
            write_json(folder / f"{name}.json", content)
        else:  # one of an earlier evaluation of this folder would be taken for this one's
            (folder / "exam.json").unlink(missing_ok=True)
    return replace(run, **files)


def _checked(folder: Path, run: FinishedRun, found: Evaluation) -> dict[str, Any]:
    """Return the contents of the files of an evaluation, once a later look will take them."""
    verdicts = {arm: one.as_dict() for arm, one in found.verdicts.items()}
    metrics, exam, verdict = map(as_written, (found.metrics, found.exam, verdicts))
    check_evaluation(folder, metrics, exam, verdict)
    for name, arms in (("metrics", metrics["arms"]), ("verdicts", verdict)):
        _require(set(arms) == set(run.arms), f"{name} of the arms {', '.join(arms) or 'none'}")
    for one in verdict.values():
        _require(one["grade"] in get_args(Grade), f"the grade {one['grade']!r}, which there is not")
    return {"metrics": metrics, "exam": exam, "verdict": verdict}


def _require(good: bool, what: str) -> None:
    if not good:
        raise ContractError(f"it returned {what}")


@contextmanager
def _asked(evaluator: BoundComponent, where: str) -> Iterator[None]:
    """Ask an evaluator: sums come in one order, whatever the machine, and errors name it."""
    with blame(evaluator.parts, (), where), threadpool_limits(1, user_api="blas"):
        try:
            yield
        except NotARunError as err:
            raise ContractError(f"it returned what cannot be kept: {err.why}") from err


def _rounds(results: Mapping[Name, JobResult]) -> dict[str, npt.NDArray[Any]]:
    """Return the rounds of all arms; NaN where an arm has no such column."""
    blocks: list[dict[str, npt.NDArray[Any]]] = []
    for (arm, fold, _), result in results.items():
        if result.rounds:
            n = len(next(iter(result.rounds.values())))
            blocks.append({"arm": np.full(n, arm), "fold": np.full(n, fold), **result.rounds})
    names = dict.fromkeys(name for block in blocks for name in block)
    none = [np.full(len(block["arm"]), np.nan) for block in blocks]
    return {
        name: below([block.get(name, other) for block, other in zip(blocks, none, strict=True)])
        for name in names
    }
