"""Run a plan: load, split, featurize, run every cell, then score and report. Light.

The run folder is named by the hash of all that changes numbers, so that the same question asked
twice finds its answer, and a killed run goes on where it stopped.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core import __version__
from atlas_core.arrays import I8
from atlas_core.cache import FeatureCache
from atlas_core.context import Tell, derive_seed
from atlas_core.errors import AtlasError, DataError, SpecError
from atlas_core.fits import FitCache
from atlas_core.fitted import Keep
from atlas_core.kinds.dataset import DataContext, Dataset, DatasetSource, file_sha256
from atlas_core.kinds.split import PARTS, Split, SplitRequest, Splitter
from atlas_core.links import below
from atlas_core.observe import RunInfo, StageInfo
from atlas_core.resolver import NoObservers, Observers
from atlas_core.runner.auditing import audit_run
from atlas_core.runner.blame import blame
from atlas_core.runner.cell import Cell, CellData, CellResult, CellSettings
from atlas_core.runner.executor import Executor, LocalExecutor, cores
from atlas_core.runner.features import Featurized
from atlas_core.runner.finish import finish, predictions_table
from atlas_core.runner.folder import FITTED, RunFolder
from atlas_core.runner.loop import Oracle, run_loop
from atlas_core.runner.machine import core_source, environment, hardware, packages, peak_memory_mb
from atlas_core.runner.rehearsal import TrustSettings
from atlas_core.spec.model import ActiveLearning
from atlas_core.spec.plan import Plan
from atlas_core.store import DROPPED, canonical_hash


def _say_nothing(_text: str) -> None:
    """Drop a progress line: the default where nobody reads them."""


@dataclass(frozen=True)
class RunOptions:
    """Hold what does not change numbers.

    Attributes:
        out: folder that run folders go into.
        cache_dir: features, what fitted models answered, and downloads.
        data_dir: local copies of data files, or None.
        workers: processes for cells.
        device: ``cpu``, ``cuda``, ...
        force: train and compute anew although a stored result is there.
        resume: refuse to start a run of which nothing is there yet.
        offline: refuse downloads.
        save_fitted: keep the fits in the run folder; None: where there is one fold and they are
            small.
        tell: called with a line of progress.
    """

    out: Path
    cache_dir: Path
    data_dir: Path | None = None
    workers: int = 1
    device: str = "cpu"
    force: bool = False
    resume: bool = False
    offline: bool = False
    save_fitted: bool | None = None
    tell: Tell = _say_nothing


@dataclass(frozen=True)
class RunOutcome:
    """Name the run folder and whether its result was stored before."""

    folder: Path
    reused: bool


@dataclass(frozen=True, eq=False)
class Job:
    """Hold one cell as plain data, for this process or another."""

    settings: CellSettings
    data: CellData
    loop: ActiveLearning | None
    oracle: Oracle | None


def run_job(job: Job, fits: FitCache, tell: Tell = _say_nothing) -> CellResult:
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
    with _recorded(records):
        dataset = load_dataset(plan, options, context)
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
            records.append(_warned("", "", texts))
        if folder.complete(science) and not (anew or damaged):
            anew = bool(options.save_fitted) and not (folder.path / FITTED).is_dir()
            if not anew:
                return RunOutcome(folder.path, reused=True)
        with folder.replaced() if anew else _discarded(folder):
            timeline = _Timeline(folder, watching, folder.path.name)
            folder.begin(plan, {**described, "data": _pins(context, dataset, folder.path)})
            watching.call("atlas_run_started", run=RunInfo(folder.path.name, described))
            timeline.add("load", "", "", loaded)
            with timeline.stage("split"), _recorded(records):
                splits = cut(plan, dataset)
            with _recorded(records):
                cells = _cells(
                    plan,
                    dataset,
                    splits,
                    options=options,
                    timeline=timeline,
                    folder=folder,
                    records=records,
                )
            with timeline.stage("audit"):
                features = {arm: job.data.features for (arm, _), job in cells.items()}
                audited = audit_run(
                    folder.path, dataset, splits, features=features, seed=plan.spec.seed
                )
            options.tell(f"split audit: {audited.sentence}")
            done = _run_cells(list(cells.values()), options, executor, folder, timeline)
            results = dict(zip(cells, done, strict=True))
            manifest = {
                "atlas": __version__,
                "run_id": folder.path.name,
                "name": plan.spec.name,
                "question": plan.spec.question,
                "seed": plan.spec.seed,
                "science_hash": science,
                "started": started.isoformat(timespec="seconds"),
                "dataset": _about_dataset(plan, dataset),
                "split": _about_split(plan, splits),
                "arm_order": list(plan.arms),
                "arms": {
                    arm: {kind: chosen.describe() for kind, chosen in components.items()}
                    for arm, components in plan.arms.items()
                },
                "packages": versions,
                "core_source": core_source(),
                "environment": environment(),
                "hardware": {**hardware(options.device), "workers": options.workers},
            }
            table = predictions_table(dataset, results)
            records += [record for result in results.values() for record in result.records]
            with timeline.stage("score"):
                finish(folder, table, results, manifest, levels=plan.spec.levels, records=records)
            folder.complete_with(
                {
                    **manifest,
                    "stages": timeline.stages,
                    "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                    "seconds": round(time.perf_counter() - clock, 2),
                    "peak_memory_mb": peak_memory_mb(),
                },
                watching,
            )
    return RunOutcome(folder.path, reused=False)


@contextmanager
def _discarded(folder: RunFolder) -> Iterator[None]:
    """Leave no folder behind when a run fails before anything was computed."""
    try:
        yield
    except AtlasError:
        folder.discard()
        raise


@contextmanager
def _recorded(records: list[dict[str, Any]]) -> Iterator[None]:
    """Keep the warnings of a stage before the cells, each distinct text once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    texts = sorted({f"{w.category.__name__}: {w.message}" for w in caught})
    if texts:
        records.append(_warned("", "", texts))


def _warned(arm: str, fold: str, texts: list[str]) -> dict[str, Any]:
    return {"arm": arm, "fold": fold, "name": "warnings", "content": {"texts": texts}}


def data_context(plan: Plan, options: RunOptions) -> DataContext:
    """Return where the plan's data may lie; a lock says where they lay."""
    pins = plan.spec.data
    folder = options.data_dir
    if folder is None and pins is not None and pins.folder:
        lay = plan.spec_dir / pins.folder
        folder = lay if lay.is_dir() else None
    return DataContext(
        data_dir=folder,
        cache_dir=options.cache_dir,
        spec_dir=plan.spec_dir,
        offline=options.offline,
        pinned={} if pins is None else {f.path: (f.found, f.sha256) for f in pins.files},
    )


def _pins(context: DataContext, dataset: Dataset, run: Path) -> dict[str, Any]:
    """Return the block ``data`` of the lock."""
    files = [
        {"path": text, "found": _place(path, run), "sha256": file_sha256(path)}
        for text, path in sorted(context.used.items())
        if path.exists()
    ]
    data_dir = "" if context.data_dir is None else _place(context.data_dir, run)
    return {"sha256": dataset.sha256, "folder": data_dir, "files": files}


def _place(path: Path, run: Path) -> str:
    """Return an absolute path, as seen from the run where it is not UTF-8, else ""."""
    for text in (str(path.absolute()), os.path.relpath(path.absolute(), run.absolute())):
        with suppress(UnicodeEncodeError):
            return text.encode().decode()
    return ""


def load_dataset(plan: Plan, options: RunOptions, context: DataContext | None = None) -> Dataset:
    """Load the plan's data set and draw its sample, in the data set's order.

    Raises:
        DataError: a file is missing, damaged or not usable, there are fewer rows than asked, or the
            data are not those that the plan pins.
    """
    source: DatasetSource = plan.dataset.build()
    with blame(plan.dataset):
        dataset = source.load(context or data_context(plan, options))
    pinned = "" if plan.spec.data is None else plan.spec.data.sha256
    if pinned not in ("", dataset.sha256):
        raise DataError(
            f"{dataset.name}: the spec pins data of sha256 {pinned[:12]}..., these have"
            f" {dataset.sha256[:12]}...; give the folder that has them with --data-dir, or take the"
            " block `data` out of the spec"
        )
    for arm, components in plan.arms.items():
        for chosen in components["featurizer"].together:
            if "inputs:structure" in chosen.needs and not dataset.materials.has_structure:
                raise DataError(
                    f"{dataset.name}: only compositions were found, but featurizer {chosen.name} of"
                    f" arm {arm} needs structures; give the file that has them with --data-dir"
                )
    if plan.spec.distinct is not None:
        dataset = one_a_formula(dataset, plan.spec.distinct)
    if plan.spec.sample is None:
        return dataset
    if plan.spec.sample > len(dataset):
        raise DataError(f"sample {plan.spec.sample}: {dataset.name} has {len(dataset)} rows")
    rng = np.random.default_rng(derive_seed(plan.spec.seed, "sample"))
    rows = np.sort(rng.choice(len(dataset), plan.spec.sample, replace=False))
    return dataset.take(rows)


def one_a_formula(dataset: Dataset, which: str) -> Dataset:
    """Return the row of each reduced formula with the lowest or highest target, in file order.

    Of equal targets the first row stays.
    """
    formulas = np.asarray(dataset.materials.formulas())
    sign = 1.0 if which == "lowest" else -1.0
    order = np.lexsort((np.arange(len(dataset)), sign * dataset.target, formulas))
    first = np.append(True, formulas[order][1:] != formulas[order][:-1])
    return dataset.take(np.sort(order[first]))


def cut(plan: Plan, dataset: Dataset) -> list[Split]:
    """Return the folds.

    Raises:
        DataError: the data cannot be cut so, or a fold names rows that are not there.
    """
    splitter: Splitter = plan.split.build()
    request = SplitRequest(
        materials=dataset.materials,
        columns=dataset.columns,
        task=dataset.task,
        seed=derive_seed(plan.spec.seed, "split"),
        target=dataset.target if "target" in plan.split.needs else None,
    )
    with blame(plan.split):
        splits = list(splitter.split(request))
    names = [split.name for split in splits]
    if not splits or len(set(names)) != len(names):
        raise DataError(f"split {plan.split.name}: no folds, or two with one name")
    for split in splits:
        rows = np.concatenate(list(split.parts().values()))
        if rows.min() < 0 or rows.max() >= len(dataset):
            raise DataError(f"split {plan.split.name}, {split.name}: a row outside the data")
    return splits


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
            )
            data = CellData(
                dataset.materials, features, known, dataset.task, split, dataset.columns
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
    return Keep(folder, wanted=bool(options.save_fitted))


def _run_cells(
    jobs: list[Job],
    options: RunOptions,
    executor: Executor | None,
    folder: RunFolder,
    timeline: _Timeline,
) -> list[CellResult]:
    results: dict[int, CellResult] = {}
    dropped: dict[int, dict[str, Any]] = {}
    missing = []
    for i, job in enumerate(jobs):
        said: list[str] = []
        arm, fold = job.settings.arm, job.settings.fold
        stored = folder.stored_cell(arm, fold, said.append)
        for text in said:
            options.tell(text)
            dropped[i] = _warned(arm, fold, said)
        if stored is None:
            missing.append(i)
        else:
            results[i] = stored
    if results:
        options.tell(f"resumed: {len(results)} of {len(jobs)} cells were done before")
    engine = executor or LocalExecutor(options.workers)
    for position in missing[:1]:
        options.tell(f"training {len(missing)} cells, first: {_label(jobs[position])}")
    alone = executor is None and options.workers == 1
    function = partial(run_job, fits=FitCache(options.cache_dir, fresh=options.force))
    if alone:
        function = partial(function, tell=options.tell)
    for position, result in engine.run(function, [jobs[i] for i in missing]):
        i = missing[position]
        settings = jobs[i].settings
        folder.keep_cell(settings.arm, settings.fold, result)
        for stage, seconds in result.stages:
            timeline.add(stage, settings.arm, settings.fold, seconds)
        results[i] = result
        options.tell(f"done {len(results)} of {len(jobs)}: {_label(jobs[i])}")
    for i, record in dropped.items():  # of this run, and not of the cell, which is kept
        results[i].records.append(record)
    return [results[i] for i in range(len(jobs))]


def _label(job: Job) -> str:
    return f"arm {job.settings.arm}, {job.settings.fold}"


def _about_dataset(plan: Plan, dataset: Dataset) -> dict[str, Any]:
    return {
        "component": plan.dataset.name,
        "options": plan.dataset.config.model_dump(mode="json"),
        "name": dataset.name,
        "target": dataset.target_name,
        "unit": dataset.unit,
        "task": dataset.task,
        "rows": len(dataset),
        "distinct": plan.spec.distinct,
        "sample": plan.spec.sample,
        "sha256": dataset.sha256,
        "content": dataset.fingerprint,
        "provenance": dataset.provenance,
        "licence": dataset.licence,
        "citation": list(dataset.citation),
    }


def _about_split(plan: Plan, splits: list[Split]) -> dict[str, Any]:
    def sizes(parts: Mapping[str, I8]) -> dict[str, int]:
        return {part: len(parts[part]) for part in PARTS}

    return {
        "component": plan.split.name,
        "options": plan.split.config.model_dump(mode="json"),
        "folds": [
            {"name": s.name, "held_out": s.held_out, "sizes": sizes(s.parts())} for s in splits
        ],
    }
