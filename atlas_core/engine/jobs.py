"""The jobs of a run: made from its plan, done here or in workers, or found done. Light."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from atlas_core.arrays import F8
from atlas_core.context import Notify
from atlas_core.engine.arm import Arm
from atlas_core.engine.decide import Decider
from atlas_core.engine.failures import Failure, of_the_system
from atlas_core.engine.final import FINAL, all_rows, run_final
from atlas_core.engine.fits import FitCache
from atlas_core.engine.folder import RESULT, RunFolder, keep_result
from atlas_core.engine.job import (
    Job,
    JobResult,
    Oracle,
    fit_and_predict,
    in_words,
    seed_of_repeat,
)
from atlas_core.engine.kept import Keep
from atlas_core.engine.loading import warned
from atlas_core.engine.local import LocalExecutor
from atlas_core.engine.loop import first_labels, run_loop, too_few
from atlas_core.engine.machine import cores
from atlas_core.engine.nested import TrustSettings
from atlas_core.engine.options import NotifyHere, RunOptions, say_nothing
from atlas_core.engine.sought import Sought
from atlas_core.engine.view import ArmData, seen_by
from atlas_core.errors import AtlasError, DataError, WorkerError
from atlas_core.kinds.dataset import Dataset
from atlas_core.kinds.executor import Executor, JobsLostError
from atlas_core.kinds.featurizer import Features
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.split import Split
from atlas_core.printing import counted
from atlas_core.progress import TRAINING, Step
from atlas_core.spec.model import ActiveLearning, Spec
from atlas_core.spec.plan import Plan

Timed = Callable[[str, str, str, float], None]
"""Called with stage, arm, fold and seconds."""


def attempt_job(job: Job, fits: FitCache, notify: Notify = say_nothing) -> JobResult | Failure:
    """Run one job; return its error where that says nothing of the other jobs.

    Raises:
        AtlasError: the disk failed, which the next job would meet too, after its training.
    """
    try:
        return run_job(job, fits, notify)
    except AtlasError as err:
        if of_the_system(err):
            raise
        return Failure(err)


def run_job(job: Job, fits: FitCache, notify: Notify = say_nothing) -> JobResult:
    """Run one job; the fits of a loop differ in every round, and are not kept."""
    if job.final:
        return run_final(job, fits, notify)
    if job.loop is not None and job.oracle is not None:
        return run_loop(job, job.loop, job.oracle, notify=notify)
    return fit_and_predict(job, fits, notify)


def make_jobs(
    plan: Plan,
    dataset: Dataset,
    every: Inputs,
    splits: Sequence[Split],
    *,
    features: Mapping[str, Features],
    options: RunOptions,
    folder: RunFolder,
    decider: Decider | None = None,
) -> list[Job]:
    """Return the jobs of a run, arm after arm: its folds, its final fit, its repeats.

    A repeat trains, calibrates and detects with another seed. Trust is learned once, and one fit is
    kept: that of the first training.

    Args:
        plan: what is run.
        dataset: its data.
        every: its materials, as components see them.
        splits: its folds.
        features: of each arm.
        options: of the run.
        folder: of the run.
        decider: of its reference; None without one.
    """
    target, spec, loop = dataset.target, plan.spec, plan.spec.active_learning
    formulas = np.asarray(dataset.shown_formulas(), dtype=np.str_)
    workers = max(1, min(options.workers, len(plan.arms) * len(splits) * spec.repeats))
    made: list[Job] = []
    for arm, own in features.items():
        trust, components = _trust(plan, arm, dataset), plan.arms[arm]
        seen = seen_by(every, components["featurizer"].requires)
        for repeat, split in _trainings(plan, splits, len(target)):
            first = repeat == 1
            kept = first and loop is None
            made.append(
                Job(
                    label=f"arm {in_words((arm, split.name, repeat))}",
                    arm=Arm(arm, split.name, components, spec.levels),
                    data=ArmData(
                        seen, own, _known(target, split), dataset.task, formulas, dataset.bounds
                    ),
                    split=split,
                    seed=seed_of_repeat(spec.seed, repeat),
                    n_jobs=max(1, cores() // workers),
                    device=options.device,
                    directory=folder.checkpoints(arm, split.name, repeat),
                    trust=trust if first else None,
                    keep=_keep(folder, arm, split, len(splits), options) if kept else None,
                    key_file=options.key_file,
                    loop=loop,
                    oracle=Oracle(target) if loop is not None else None,
                    final=split.name == FINAL,
                    evaluator=plan.evaluator if loop is not None else None,
                    repeat=repeat,
                    seeks=None if loop is None else _sought(loop, decider, dataset),
                )
            )
    return made


def _keep(
    folder: RunFolder, arm: str, split: Split, folds: int, options: RunOptions
) -> Keep | None:
    """Return where a fit is written: of one of many folds only when asked for; else None."""
    wanted = True if split.name == FINAL else options.save_fitted
    if not (folds == 1 if wanted is None else wanted):
        return None
    return Keep(folder.fitted(arm, split.name), bool(wanted), options.key_file)


def _sought(loop: ActiveLearning, decider: Decider | None, dataset: Dataset) -> Sought:
    """Return what a loop seeks."""
    if loop.goal == "stable":
        return Sought("minimize", decider, dataset.materials)
    return Sought(loop.goal, None, dataset.materials)


def require_borders(
    spec: Spec, dataset: Dataset, splits: Sequence[Split], decider: Decider
) -> None:
    """Refuse a loop that could draw no border from its first labels.

    Raises:
        DataError: it could not; says which fold, and what is missing.
    """
    loop = spec.active_learning
    if loop is None or loop.goal != "stable":
        return
    sought = _sought(loop, decider, dataset)
    for split in splits:
        if too_few(split, loop):
            continue  # said of the fold itself
        first = np.concatenate([first_labels(split, loop, spec.seed), split.calibration])
        known = np.full(len(dataset), np.nan)
        known[first] = dataset.target[first]
        try:
            sought.border(np.concatenate([split.train, split.pool]), known)
        except DataError as err:
            labels = counted(len(first), "first label")
            raise DataError(f"{split.name}, from its {labels}: {err}") from err


def _trust(plan: Plan, arm: str, dataset: Dataset) -> TrustSettings | None:
    """Return what an arm's trust methods learn from; None for an arm without any."""
    nested = plan.refitted(arm)
    if plan.spec.trust is None or not nested:
        return None
    return TrustSettings(plan.spec.trust, plan.nested_splits, nested, dataset.materials)


def _trainings(plan: Plan, splits: Sequence[Split], n: int) -> list[tuple[int, Split]]:
    """Return the number of each training and its rows: the folds, all n rows, then repeats."""
    whole = [all_rows(n)] if plan.spec.final else []
    again = range(2, plan.spec.repeats + 1)
    return [*((1, one) for one in (*splits, *whole)), *((k, one) for k in again for one in splits)]


def _known(target: F8, split: Split) -> F8:
    """Return (n,) the labels that a job may learn from; NaN elsewhere."""
    known = np.full(len(target), np.nan)
    for rows in (split.train, split.calibration):
        known[rows] = target[rows]
    return known


def run_jobs(
    jobs: list[Job],
    options: RunOptions,
    executor: Executor | None,
    folder: RunFolder,
    timed: Timed,
) -> list[JobResult | Failure]:
    """Return what each job gives, or why it failed; those that an earlier run finished are read.

    Raises:
        WorkerError: a worker process died; all other jobs are done and kept.
        AtlasError: the disk failed.
    """
    results, dropped = _stored(jobs, folder, options.notify)
    missing = [i for i in range(len(jobs)) if i not in results]
    if results:
        options.notify(f"resumed: {len(results)} of {len(jobs)} jobs were done before")
    engine = executor or LocalExecutor()
    for position in missing[:1]:
        first = "1 job" if len(missing) == 1 else f"{len(missing)} jobs, first"
        options.notify(_step(f"training {first}: {jobs[position].label}", jobs, results))
    fits = FitCache(options.cache_dir, fresh=options.force)
    function = partial(attempt_job, fits=fits, notify=NotifyHere(options.notify))
    # closed at once when this is interrupted: no worker is left behind
    todo = [jobs[i] for i in missing]
    with closing(engine.run(function, todo, workers=options.workers)) as finished:
        try:
            for position, result in finished:
                i = missing[position]
                job, arm = jobs[i], jobs[i].arm
                results[i] = result
                if isinstance(result, Failure):
                    options.notify(f"failed: {job.label}")
                    options.notify(_step("failed", jobs, results, job, brief=True))
                    continue
                keep_result(job.directory, result, job.key_file)
                for stage, seconds in result.stages:
                    timed(stage, arm.name, arm.fold, seconds)
                line = f"done {len(results)} of {len(jobs)}: {job.label}"
                options.notify(_step(line, jobs, results, job))
        except JobsLostError as err:
            lost = {jobs[missing[position]].label: how for position, how in err.how.items()}
            kept = sum(isinstance(one, JobResult) for one in results.values())
            raise WorkerError(_lost(lost, kept=kept, force=options.force)) from err
    for i, record in dropped.items():  # of this run, and not of the job, which is kept
        if isinstance(one := results[i], JobResult):
            one.records.append(record)
    return [results[i] for i in range(len(jobs))]


def _step(
    text: str,
    jobs: Sequence[Job],
    results: Mapping[int, object],
    job: Job | None = None,
    *,
    brief: bool = False,
) -> Step:
    """Return a line that says how many jobs are done, and who ended one."""
    waiting = [one.arm.name for i, one in enumerate(jobs) if i not in results]
    arm = "" if job is None else job.arm.name
    fold = "" if job is None else job.label.removeprefix(f"arm {arm}, ")
    count = len(results), len(jobs)
    return Step(text, stage=TRAINING, arm=arm, fold=fold, jobs=count, waiting=waiting, brief=brief)


def _stored(
    jobs: list[Job], folder: RunFolder, notify: Notify
) -> tuple[dict[int, JobResult | Failure], dict[int, dict[str, Any]]]:
    """Return the jobs that an earlier run finished, and a record of each damaged one."""
    results: dict[int, JobResult | Failure] = {}
    dropped: dict[int, dict[str, Any]] = {}
    for i, job in enumerate(jobs):
        if not (job.directory / RESULT).exists():
            continue
        said: list[str] = []
        stored = folder.stored_result(job, said.append)
        for text in said:
            notify(text)
            dropped[i] = warned(job.arm.name, job.arm.fold, said)
        if stored is not None:
            results[i] = stored
    return results, dropped


def _lost(lost: Mapping[str, str], *, kept: int, force: bool) -> str:
    """Return one line per job whose worker died: how, what is kept, and what to do."""
    others = f"{kept} other {'job is' if kept == 1 else 'jobs are'} kept"
    again = "--force computes every job anew" if force else f"{others}, and the same command"
    if not force:
        again += f" runs {'only this one' if len(lost) == 1 else 'only these'} again"
    return "\n".join(
        f"{job}: its worker {how}; {again} (fewer --workers leave more memory to each)"
        for job, how in sorted(lost.items())
    )
