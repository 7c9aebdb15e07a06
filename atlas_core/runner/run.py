"""Run a plan: load, split, featurize, run every cell, then score and report. Light.

The run folder is named by the hash of all that changes numbers, so that the same question asked
twice finds its answer, and a killed run goes on where it stopped.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core import __version__
from atlas_core.cache import FeatureCache
from atlas_core.context import Tell
from atlas_core.errors import AtlasError, SpecError, WorkerError
from atlas_core.fits import FitCache
from atlas_core.fitted import Keep
from atlas_core.kinds.dataset import (
    Dataset,
)
from atlas_core.kinds.split import Split
from atlas_core.links import below
from atlas_core.observe import RunInfo, StageInfo
from atlas_core.reading.rows import UNREADABLE, unreadable_csv
from atlas_core.resolver import NoObservers, Observers
from atlas_core.runner.answers import warning_lines
from atlas_core.runner.auditing import audit_run
from atlas_core.runner.cell import Cell, CellData, CellResult, CellSettings
from atlas_core.runner.cell_file import Expected
from atlas_core.runner.executor import Executor, JobsLostError, LocalExecutor, cores
from atlas_core.runner.failures import Failure, failed_cells, of_the_system, sorted_out
from atlas_core.runner.features import Featurized
from atlas_core.runner.finish import finish, with_targets
from atlas_core.runner.folder import FITTED, RunFolder
from atlas_core.runner.loading import (
    about_dataset,
    about_split,
    cut,
    data_context,
    loaded_dataset,
    pins,
    recorded,
    warned,
)
from atlas_core.runner.loop import Oracle, run_loop
from atlas_core.runner.machine import core_source, environment, hardware, packages, peak_memory_mb
from atlas_core.runner.options import RunOptions, RunOutcome, say_nothing
from atlas_core.runner.preflight import Preflight
from atlas_core.runner.rehearsal import TrustSettings
from atlas_core.seal import MANIFEST
from atlas_core.spec.model import ActiveLearning
from atlas_core.spec.plan import Plan
from atlas_core.store import DROPPED, canonical_hash, write_bytes


@dataclass(frozen=True, eq=False)
class Job:
    """Hold one cell as plain data, for this process or another."""

    settings: CellSettings
    data: CellData
    loop: ActiveLearning | None
    oracle: Oracle | None


def _tell_ahead(preflight: Preflight, tell: Tell) -> None:
    """Look before features are made, which take time; what says little is told, and kept later."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        preflight.require({})
    for text in warning_lines(caught):
        tell(f"warning: {text}")


def attempt_job(job: Job, fits: FitCache, tell: Tell = say_nothing) -> CellResult | Failure:
    """Run one cell; return its error where that says nothing of the other cells.

    Raises:
        AtlasError: the disk failed, which the next cell would meet too, after its training.
    """
    try:
        return run_job(job, fits, tell)
    except AtlasError as err:
        if of_the_system(err):
            raise
        return Failure(err)


def run_job(job: Job, fits: FitCache, tell: Tell = say_nothing) -> CellResult:
    """Run one cell; the fits of a loop differ in every round, and are not kept."""
    if job.loop is not None and job.oracle is not None:
        return run_loop(job.settings, job.data, job.loop, job.oracle, tell=tell)
    return Cell(job.settings, job.data, tell, fits).run()


@dataclass
class _Timeline:
    """Time stages, write them to events.jsonl and show them to observers."""

    folder: RunFolder | None
    observers: Observers
    run_id: str = ""
    stages: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.add(name, "", "", time.perf_counter() - start)

    def add(self, name: str, arm: str, fold: str, seconds: float) -> None:
        self.stages.append({"stage": name, "arm": arm, "fold": fold, "seconds": round(seconds, 3)})
        if self.folder is not None:
            self.folder.event("stage", self.stages[-1])
        info = StageInfo(self.run_id, name, arm, fold, seconds)
        self.observers.call("atlas_stage_finished", stage=info)


def run(
    plan: Plan,
    options: RunOptions,
    *,
    observers: Observers | None = None,
    executor: Executor | None = None,
) -> RunOutcome:
    """Run a plan and return its folder.

    Raises:
        AtlasError: a component, a data file or the output folder failed; one line says which.
    """
    watching = observers or NoObservers()
    started, clock = datetime.now(UTC), time.perf_counter()
    records: list[dict[str, Any]] = []
    context = data_context(plan, options)
    dataset = loaded_dataset(plan, options, context, records)
    loaded = time.perf_counter() - clock
    described = plan.describe()
    versions = packages(c.resolved.distribution for c in plan.components())
    science = canonical_hash(
        {
            "core": core_source(),
            "packages": versions,
            "spec": {k: v for k, v in described.items() if k not in {"name", "question"}},
            "data": dataset.fingerprint,
            "components": [chosen.describe() for chosen in plan.components()],
        }
    )
    folder = RunFolder(options.out / f"{plan.spec.name}-{science[:8]}")
    if options.resume and not folder.path.exists():
        raise SpecError(f"--resume: nothing to go on with at {folder.path}; run without --resume")
    below(options.out, folder.path)  # else --force would empty the folder that a link names
    with folder.lock():
        anew = options.force
        damaged = [] if anew else folder.damage()
        for line in damaged:
            options.tell(f"stored result {DROPPED}: {line}")
        if damaged:
            texts = [f"stored result {DROPPED}: {line}" for line in damaged]
            records.append(warned("", "", texts))
        if folder.complete(science) and not (anew or damaged):
            anew = bool(options.save_fitted) and not (folder.path / FITTED).is_dir()
            if not anew:
                return RunOutcome(folder.path, reused=True)
        earlier = anew and (folder.path / MANIFEST).exists()
        with folder.replaced() if anew else _discarded(folder):
            timeline = _Timeline(folder, watching, folder.path.name)
            folder.begin(plan, {**described, "data": pins(context, dataset, folder.path)})
            if dataset.reading.dropped or dataset.reading.flagged:
                rows = unreadable_csv(dataset.reading.dropped, dataset.reading.flagged)
                write_bytes(folder.path / UNREADABLE, rows)
            watching.call("atlas_run_started", run=RunInfo(folder.path.name, described))
            timeline.add("load", "", "", loaded)
            with timeline.stage("split"), recorded(records):
                splits = cut(plan, dataset)
            with recorded(records):
                preflight = Preflight(plan, dataset, splits)
                _tell_ahead(preflight, options.tell)
                cells = _cells(
                    plan,
                    dataset,
                    splits,
                    options=options,
                    timeline=timeline,
                    folder=folder,
                    records=records,
                )
                features = {arm: job.data.features for (arm, _), job in cells.items()}
                preflight.require(features)
            with timeline.stage("audit"):
                audited = audit_run(
                    folder.path, dataset, splits, features=features, seed=plan.spec.seed
                )
            options.tell(f"split audit: {audited.sentence}")
            done = _run_cells(list(cells.values()), options, executor, folder, timeline)
            results, failed = sorted_out(dict(zip(cells, done, strict=True)))
            arms = {arm: plan.arms[arm] for arm in plan.arms if (arm, splits[0].name) in results}
            if failed and not arms:
                raise failed_cells(failed, len(cells))
            manifest = {
                "atlas": __version__,
                "run_id": folder.path.name,
                "name": plan.spec.name,
                "question": plan.spec.question,
                "seed": plan.spec.seed,
                "science_hash": science,
                "started": started.isoformat(timespec="seconds"),
                "dataset": about_dataset(plan, dataset),
                "split": about_split(plan, splits),
                "arm_order": list(arms),
                "arms": {
                    arm: {kind: chosen.describe() for kind, chosen in components.items()}
                    for arm, components in arms.items()
                },
                "packages": versions,
                "core_source": core_source(),
                "environment": environment(),
                "hardware": {**hardware(options.device), "workers": options.workers},
            }
            if failed:
                manifest["failed"] = {
                    f"{arm}, {fold}": str(err) for (arm, fold), err in failed.items()
                }
            results = {
                key: with_targets(result, cells[key].data.split, dataset.target)
                for key, result in results.items()
            }
            records += [record for result in results.values() for record in result.records]
            with timeline.stage("score"):
                finish(folder, results, manifest, levels=plan.spec.levels, records=records)
            folder.complete_with(
                {
                    **manifest,
                    "stages": timeline.stages,
                    "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                    "seconds": round(time.perf_counter() - clock, 2),
                    "peak_memory_mb": peak_memory_mb(),
                },
                watching,
                status="incomplete" if failed else "complete",
            )
            if failed:
                # an earlier result comes back, and its report with it
                report = None if earlier else folder.path / "report.html"
                raise failed_cells(failed, len(cells), arms=list(arms), report=report)
    return RunOutcome(folder.path, reused=False)


@contextmanager
def _discarded(folder: RunFolder) -> Iterator[None]:
    """Leave no folder behind when a run fails before anything was computed, nor an older result."""
    try:
        yield
    except AtlasError:
        folder.discard()
        raise
    folder.forget_replaced()


def _cells(
    plan: Plan,
    dataset: Dataset,
    splits: list[Split],
    *,
    options: RunOptions,
    timeline: _Timeline,
    folder: RunFolder,
    records: list[dict[str, Any]],
) -> dict[tuple[str, str], Job]:
    featurized = Featurized(
        dataset.materials, FeatureCache(options.cache_dir), timeline.stage, options.tell
    )
    jobs: dict[tuple[str, str], Job] = {}
    formulas = np.asarray(dataset.shown_formulas(), dtype=np.str_)
    n_jobs = max(1, cores() // max(1, min(options.workers, len(plan.arms) * len(splits))))
    for arm, components in plan.arms.items():
        features = featurized.of(components["featurizer"])
        records += featurized.failures(components["featurizer"], arm)
        for split in splits:
            known = np.full(len(dataset), np.nan)
            for rows in (split.train, split.calibration):
                known[rows] = dataset.target[rows]
            settings = CellSettings(
                arm=arm,
                fold=split.name,
                components=components,
                seed=plan.spec.seed,
                levels=plan.spec.levels,
                n_jobs=n_jobs,
                device=options.device,
                directory=folder.cell(arm, split.name),
                trust=_trust_settings(plan, arm),
                keep=_keep(plan, options, folder.fitted(arm, split.name), folds=len(splits)),
                key_file=options.key_file,
            )
            data = CellData(
                dataset.materials,
                features,
                known,
                dataset.task,
                split,
                formulas,
                dataset.columns,
                dataset.bounds,
            )
            loop = plan.spec.active_learning
            oracle = Oracle(dataset.target) if loop is not None else None
            jobs[arm, split.name] = Job(settings, data, loop, oracle)
    return jobs


def _trust_settings(plan: Plan, arm: str) -> TrustSettings | None:
    if plan.spec.trust is None or "trust" not in plan.arms[arm]:
        return None
    return TrustSettings(plan.spec.trust, plan.shifts, plan.smaller.get(arm, {}))


def _keep(plan: Plan, options: RunOptions, folder: Path, *, folds: int) -> Keep | None:
    """Return where a fit is kept: of a loop none is, and of many folds only when asked for."""
    if plan.spec.active_learning is not None or options.save_fitted is False:
        return None
    if options.save_fitted is None and folds > 1:
        return None
    return Keep(folder, wanted=bool(options.save_fitted), key_file=options.key_file)


def _stored_cells(
    jobs: list[Job], folder: RunFolder, tell: Tell
) -> tuple[dict[int, CellResult | Failure], dict[int, dict[str, Any]]]:
    """Return the cells that an earlier run finished, and a record of each damaged one."""
    results: dict[int, CellResult | Failure] = {}
    dropped: dict[int, dict[str, Any]] = {}
    for i, job in enumerate(jobs):
        said: list[str] = []
        arm, fold = job.settings.arm, job.settings.fold
        stored = folder.stored_cell(_expected(job), said.append, job.settings.key_file)
        for text in said:
            tell(text)
            dropped[i] = warned(arm, fold, said)
        if stored is not None:
            results[i] = stored
    return results, dropped


def _expected(job: Job) -> Expected:
    settings = job.settings
    return Expected(
        settings.arm,
        settings.fold,
        job.data.split,
        job.data.materials.ids,
        job.data.formulas,
        settings.levels,
        trust=settings.trust is not None and job.loop is None,
        rounds=0 if job.loop is None else job.loop.rounds + 1,
    )


def _run_cells(
    jobs: list[Job],
    options: RunOptions,
    executor: Executor | None,
    folder: RunFolder,
    timeline: _Timeline,
) -> list[CellResult | Failure]:
    results, dropped = _stored_cells(jobs, folder, options.tell)
    missing = [i for i in range(len(jobs)) if i not in results]
    if results:
        options.tell(f"resumed: {len(results)} of {len(jobs)} cells were done before")
    engine = executor or LocalExecutor(options.workers)
    for position in missing[:1]:
        cells = "1 cell" if len(missing) == 1 else f"{len(missing)} cells, first"
        options.tell(f"training {cells}: {_label(jobs[position])}")
    alone = executor is None and options.workers == 1
    function = partial(attempt_job, fits=FitCache(options.cache_dir, fresh=options.force))
    if alone:
        function = partial(function, tell=options.tell)
    # closed at once when this is interrupted: no worker is left behind
    with closing(engine.run(function, [jobs[i] for i in missing])) as finished:
        try:
            for position, result in finished:
                i = missing[position]
                settings = jobs[i].settings
                results[i] = result
                if isinstance(result, Failure):
                    options.tell(f"failed: {_label(jobs[i])}")
                    continue
                folder.keep_cell(settings.arm, settings.fold, result, settings.key_file)
                for stage, seconds in result.stages:
                    timeline.add(stage, settings.arm, settings.fold, seconds)
                options.tell(f"done {len(results)} of {len(jobs)}: {_label(jobs[i])}")
        except JobsLostError as err:
            lost = {_label(jobs[missing[position]]): how for position, how in err.how.items()}
            kept = sum(isinstance(one, CellResult) for one in results.values())
            raise WorkerError(_lost(lost, kept=kept, force=options.force)) from err
    for i, record in dropped.items():  # of this run, and not of the cell, which is kept
        if isinstance(one := results[i], CellResult):
            one.records.append(record)
    return [results[i] for i in range(len(jobs))]


def _lost(cells: Mapping[str, str], *, kept: int, force: bool) -> str:
    """Return one line a cell whose worker died: how, what is kept, and what to do."""
    others = f"{kept} other {'cell is' if kept == 1 else 'cells are'} kept"
    again = "--force computes every cell anew" if force else f"{others}, and the same command"
    if not force:
        again += f" runs {'only this one' if len(cells) == 1 else 'only these'} again"
    return "\n".join(
        f"{cell}: its worker {how}; {again} (fewer --workers leave more memory to each)"
        for cell, how in sorted(cells.items())
    )


def _label(job: Job) -> str:
    return f"arm {job.settings.arm}, {job.settings.fold}"
