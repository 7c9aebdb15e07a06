"""Run a plan: load, split, featurize, run every cell, then score and report. Light.

The run folder is named by the hash of all that changes numbers, so that the same question asked
twice finds its answer, and a killed run goes on where it stopped.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from atlas_core import __version__
from atlas_core.cache import FeatureCache
from atlas_core.context import Tell
from atlas_core.engine.cells import Job
from atlas_core.engine.jobs import Jobs, run_jobs
from atlas_core.engine.notes import warning_lines
from atlas_core.errors import AtlasError, SpecError
from atlas_core.kinds.dataset import DataContext, Dataset
from atlas_core.kinds.split import Split
from atlas_core.links import below
from atlas_core.observe import FinishedRun, RunInfo, StageInfo
from atlas_core.reading.rows import UNREADABLE, unreadable_csv
from atlas_core.resolver import NoObservers, Observers
from atlas_core.runner.auditing import audit_run
from atlas_core.runner.executor import Executor
from atlas_core.runner.failures import Name, failed_cells, sorted_out
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
from atlas_core.runner.machine import core_source, environment, hardware, packages, peak_memory_mb
from atlas_core.runner.options import RunOptions, RunOutcome
from atlas_core.runner.preflight import Preflight
from atlas_core.seal import MANIFEST
from atlas_core.spec.plan import Plan
from atlas_core.store import DROPPED, canonical_hash, write_bytes


def _tell_ahead(preflight: Preflight, tell: Tell) -> None:
    """Look before features are made, which take time; what says little is told, and kept later."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        preflight.require({})
    for text in warning_lines(caught):
        tell(f"warning: {text}")


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
    asked = _Asked.of(plan, options)
    folder = RunFolder(options.out / f"{plan.spec.name}-{asked.science[:8]}")
    if options.resume and not folder.path.exists():
        raise SpecError(f"--resume: nothing to go on with at {folder.path}; run without --resume")
    below(options.out, folder.path)  # else --force would empty the folder that a link names
    with folder.lock():
        anew = options.force
        damaged = [] if anew else folder.damage()
        texts = [f"stored result {DROPPED}: {line}" for line in damaged]
        for text in texts:
            options.tell(text)
        if texts:
            asked.records.append(warned("", "", texts))
        if folder.complete(asked.science) and not (anew or damaged):
            anew = bool(options.save_fitted) and not (folder.path / FITTED).is_dir()
            if not anew:
                return RunOutcome(folder.path, reused=True)
        earlier = anew and (folder.path / MANIFEST).exists()
        with folder.replaced() if anew else _discarded(folder):
            going = _Going(asked, folder, observers or NoObservers(), executor)
            failed = going.run()
            if failed:
                # an earlier result comes back, and its report with it
                report = None if earlier else folder.path / "report.html"
                raise failed_cells(failed, going.cells, arms=going.arms, report=report)
    return RunOutcome(folder.path, reused=False)


@dataclass(frozen=True, eq=False)
class _Asked:
    """Hold a plan with its data, and all that changes numbers as one hash.

    Attributes:
        plan: of the run.
        options: of the run.
        context: where the data were found.
        dataset: its data.
        described: the spec with every default filled.
        versions: of the distributions that take part.
        science: the hash.
        records: what loading warned of; grows.
        started: when it began.
        clock: the same, of the clock that never goes back.
        loaded: seconds that loading took.
    """

    plan: Plan
    options: RunOptions
    context: DataContext
    dataset: Dataset
    described: Mapping[str, Any]
    versions: Mapping[str, str]
    science: str
    records: list[dict[str, Any]]
    started: datetime
    clock: float
    loaded: float

    @classmethod
    def of(cls, plan: Plan, options: RunOptions) -> _Asked:
        """Load the data."""
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
        return cls(
            *(plan, options, context, dataset, described, versions, science),
            *(records, started, clock, loaded),
        )


class _Going:
    """Go through the stages of a run in its folder."""

    def __init__(
        self, asked: _Asked, folder: RunFolder, observers: Observers, executor: Executor | None
    ) -> None:
        self._asked, self._folder = asked, folder
        self._observers, self._executor = observers, executor
        self._timeline = _Timeline(folder, observers, folder.path.name)
        self._splits: list[Split] = []
        self.cells = 0
        self.arms: list[str] = []

    def run(self) -> dict[Name, AtlasError]:
        """Run every cell, score and report; return the errors of the cells that failed.

        Raises:
            AtlasError: no arm is left.
        """
        plan, folder, records = self._asked.plan, self._folder, self._asked.records
        self._begin()
        with self._timeline.stage("split"), recorded(records):
            self._splits = cut(plan, self._asked.dataset)
        jobs = self._prepared()
        self.cells = len(jobs)
        done = run_jobs(jobs, self._asked.options, self._executor, folder, self._timeline.add)
        names = [(job.arm.name, job.arm.fold) for job in jobs]
        results, failed = sorted_out(dict(zip(names, done, strict=True)))
        self.arms = [arm for arm in plan.arms if (arm, self._splits[0].name) in results]
        if failed and not self.arms:
            raise failed_cells(failed, self.cells)
        manifest = self._manifest(failed)
        target = self._asked.dataset.target
        results = {
            name: with_targets(results[name], job.split, target)
            for name, job in zip(names, jobs, strict=True)
            if name in results
        }
        records += [record for result in results.values() for record in result.records]
        with self._timeline.stage("score"):
            finished = finish(folder, results, manifest, levels=plan.spec.levels, records=records)
        self._end(finished, failed)
        return failed

    def _begin(self) -> None:
        asked, folder = self._asked, self._folder
        data = pins(asked.context, asked.dataset, folder.path)
        folder.begin(asked.plan, {**asked.described, "data": data})
        reading = asked.dataset.reading
        if reading.dropped or reading.flagged:
            rows = unreadable_csv(reading.dropped, reading.flagged)
            write_bytes(folder.path / UNREADABLE, rows)
        info = RunInfo(folder.path.name, asked.described)
        self._observers.call("atlas_run_started", run=info)
        self._timeline.add("load", "", "", asked.loaded)

    def _prepared(self) -> list[Job]:
        """Return the cells, once it is known that none fails for what can be seen before."""
        asked = self._asked
        plan, dataset, options = asked.plan, asked.dataset, asked.options
        with recorded(asked.records):
            preflight = Preflight(plan, dataset, self._splits)
            _tell_ahead(preflight, options.tell)
            featurized = Featurized(
                dataset.materials,
                FeatureCache(options.cache_dir),
                self._timeline.stage,
                options.tell,
            )
            features = {}
            for arm, components in plan.arms.items():
                features[arm] = featurized.of(components["featurizer"])
                asked.records.extend(featurized.failures(components["featurizer"], arm))
            preflight.require(features)
        with self._timeline.stage("audit"):
            audited = audit_run(
                self._folder.path, dataset, self._splits, features=features, seed=plan.spec.seed
            )
        options.tell(f"split audit: {audited.sentence}")
        return Jobs(plan, dataset, self._splits, options, self._folder).of(features)

    def _manifest(self, failed: Mapping[Name, AtlasError]) -> dict[str, Any]:
        asked, plan = self._asked, self._asked.plan
        manifest = {
            "atlas": __version__,
            "run_id": self._folder.path.name,
            "name": plan.spec.name,
            "question": plan.spec.question,
            "seed": plan.spec.seed,
            "science_hash": asked.science,
            "started": asked.started.isoformat(timespec="seconds"),
            "dataset": about_dataset(plan, asked.dataset),
            "split": about_split(plan, self._splits),
            "arm_order": self.arms,
            "arms": {
                arm: {kind: chosen.describe() for kind, chosen in plan.arms[arm].items()}
                for arm in self.arms
            },
            "packages": asked.versions,
            "core_source": core_source(),
            "environment": environment(),
            "hardware": {**hardware(asked.options.device), "workers": asked.options.workers},
        }
        if failed:
            manifest["failed"] = {f"{arm}, {fold}": str(err) for (arm, fold), err in failed.items()}
        return manifest

    def _end(self, finished: FinishedRun, failed: Mapping[Name, AtlasError]) -> None:
        seconds = round(time.perf_counter() - self._asked.clock, 2)
        manifest = {
            **finished.manifest,
            "stages": self._timeline.stages,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": seconds,
            "peak_memory_mb": peak_memory_mb(),
        }
        status = "incomplete" if failed else "complete"
        self._folder.complete_with(manifest, self._observers, status=status)


@contextmanager
def _discarded(folder: RunFolder) -> Iterator[None]:
    """Leave no folder behind when a run fails before anything was computed, nor an older result."""
    try:
        yield
    except AtlasError:
        folder.discard()
        raise
    folder.forget_replaced()
