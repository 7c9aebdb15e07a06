"""Run a plan: load, split, featurize, run every cell, then score and report. Light.

The run folder is named by the hash of all that changes numbers, so that the same question asked
twice finds its answer, and a killed run goes on where it stopped.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core import __version__
from atlas_core.arrays import F8, I8, Str
from atlas_core.cache import FeatureCache
from atlas_core.context import Tell, derive_seed
from atlas_core.errors import AtlasError, DataError, SpecError, WorkerError
from atlas_core.fits import FitCache
from atlas_core.fitted import Keep
from atlas_core.kinds.dataset import (
    DataContext,
    Dataset,
    DatasetSource,
    file_sha256,
    written_bounds,
)
from atlas_core.kinds.split import PARTS, Split, SplitRequest, Splitter
from atlas_core.links import below
from atlas_core.observe import RunInfo, StageInfo
from atlas_core.reading.rows import UNREADABLE, RowsError, all_rows_told, unreadable_csv
from atlas_core.resolver import NoObservers, Observers
from atlas_core.runner.answers import caution_texts, warning_texts
from atlas_core.runner.auditing import audit_run
from atlas_core.runner.blame import blame
from atlas_core.runner.cell import Cell, CellData, CellResult, CellSettings
from atlas_core.runner.executor import Executor, JobsLostError, LocalExecutor, cores
from atlas_core.runner.failures import Failure, failed_cells, of_the_system, sorted_out
from atlas_core.runner.features import Featurized
from atlas_core.runner.finish import finish, predictions_table
from atlas_core.runner.folder import FITTED, RunFolder
from atlas_core.runner.loop import Oracle, run_loop
from atlas_core.runner.machine import core_source, environment, hardware, packages, peak_memory_mb
from atlas_core.runner.preflight import Preflight
from atlas_core.runner.rehearsal import TrustSettings
from atlas_core.spec.model import ActiveLearning
from atlas_core.spec.plan import Plan
from atlas_core.store import DROPPED, canonical_hash, write_bytes


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
        key_file: of the user, whose mark a kept fit gets; None: it gets none.
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
    key_file: Path | None = None
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


def attempt_job(job: Job, fits: FitCache, tell: Tell = _say_nothing) -> CellResult | Failure:
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
    dataset = _loaded(plan, options, context, records)
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
            if dataset.reading.dropped or dataset.reading.flagged:
                rows = unreadable_csv(dataset.reading.dropped, dataset.reading.flagged)
                write_bytes(folder.path / UNREADABLE, rows)
            watching.call("atlas_run_started", run=RunInfo(folder.path.name, described))
            timeline.add("load", "", "", loaded)
            with timeline.stage("split"), _recorded(records):
                splits = cut(plan, dataset)
            with _recorded(records):
                preflight = Preflight(plan, dataset, splits)
                preflight.require({})  # before features, which take time
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
                "dataset": _about_dataset(plan, dataset),
                "split": _about_split(plan, splits),
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
                status="incomplete" if failed else "complete",
            )
            if failed:
                report = folder.path / "report.html"
                raise failed_cells(failed, len(cells), arms=list(arms), report=report)
    return RunOutcome(folder.path, reused=False)


def _loaded(
    plan: Plan, options: RunOptions, context: DataContext, records: list[dict[str, Any]]
) -> Dataset:
    """Return the data set, and tell what was left out of it and what its reader warned of."""
    with _recorded(records):
        try:
            dataset = load_dataset(plan, options, context)
        except RowsError as err:
            raise all_rows_told(err, options.out) from err
    texts = [str(text) for record in records for text in record["content"]["texts"]]
    for line in dict.fromkeys([*dataset.reading.lines(), *texts]):
        options.tell(line)
    return dataset


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
    texts = sorted(warning_texts(caught))
    if texts:
        records.append(_warned("", "", texts, sorted(caution_texts(caught))))


def _warned(arm: str, fold: str, texts: list[str], cautions: Sequence[str] = ()) -> dict[str, Any]:
    content = {"texts": texts, "cautions": list(cautions)}
    return {"arm": arm, "fold": fold, "name": "warnings", "content": content}


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

    Of equal targets the first row stays. With ``mean`` or ``median`` the first row stays, with that
    target of all rows of its formula.
    """
    formulas = np.asarray(dataset.materials.formulas())
    if which in ("mean", "median"):
        return _averaged(dataset, formulas, np.mean if which == "mean" else np.median)
    sign = 1.0 if which == "lowest" else -1.0
    order = np.lexsort((np.arange(len(dataset)), sign * dataset.target, formulas))
    first = np.append(True, formulas[order][1:] != formulas[order][:-1])
    return dataset.take(np.sort(order[first]))


def _averaged(
    dataset: Dataset, formulas: Str, average: Callable[[F8], np.floating[Any]]
) -> Dataset:
    if dataset.task == "binary":
        raise DataError(
            "distinct: a mean or median of true and false is neither; use lowest or highest"
        )
    _, first, group = np.unique(formulas, return_index=True, return_inverse=True)
    order = np.argsort(group, kind="stable")
    parts = np.split(dataset.target[order], np.cumsum(np.bincount(group))[:-1])
    target = np.empty(len(dataset))
    target[first] = [float(average(part)) for part in parts]
    rows = np.sort(first)
    return replace(dataset.take(rows), target=target[rows])


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
                dataset.materials,
                features,
                known,
                dataset.task,
                split,
                dataset.columns,
                dataset.formulas,
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
        stored = folder.stored_cell(arm, fold, said.append)
        for text in said:
            tell(text)
            dropped[i] = _warned(arm, fold, said)
        if stored is not None:
            results[i] = stored
    return results, dropped


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
                folder.keep_cell(settings.arm, settings.fold, result)
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


def _about_dataset(plan: Plan, dataset: Dataset) -> dict[str, Any]:
    return {
        "component": plan.dataset.name,
        "options": plan.dataset.config.model_dump(mode="json"),
        "name": dataset.name,
        "target": dataset.target_name,
        "unit": dataset.unit,
        "task": dataset.task,
        "rows": len(dataset),
        **({} if dataset.bounds is None else {"bounds": written_bounds(dataset.bounds)}),
        "distinct": plan.spec.distinct,
        "sample": plan.spec.sample,
        "sha256": dataset.sha256,
        "content": dataset.fingerprint,
        "provenance": dataset.provenance,
        "licence": dataset.licence,
        "citation": list(dataset.citation),
        "reading": dataset.reading.describe(),
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
