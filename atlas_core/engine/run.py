"""Run a plan: load, split, featurize, run every job, then score and report. Light.

The run folder is named by the hash of all that changes numbers, so that the same question asked
twice finds its answer, and a killed run goes on where it stopped.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from atlas_core import __version__
from atlas_core.context import Notify
from atlas_core.data.assessments import Assessments
from atlas_core.data.decisions import Decisions
from atlas_core.data.predictions import Predictions
from atlas_core.engine.decide import Decider
from atlas_core.engine.failures import Failure, failed_jobs, sorted_out
from atlas_core.engine.features import FeatureCache, Featurized
from atlas_core.engine.final import FINAL, about_final
from atlas_core.engine.finish import Found, audited, finish, with_targets
from atlas_core.engine.folder import FITTED, RunFolder
from atlas_core.engine.job import Job, JobResult, Name, in_words
from atlas_core.engine.jobs import make_jobs, require_borders, run_jobs
from atlas_core.engine.loading import (
    about_dataset,
    about_split,
    cut,
    data_context,
    load_dataset,
    pins,
    recorded,
    warned,
)
from atlas_core.engine.machine import core_source, environment, hardware, packages, peak_memory_mb
from atlas_core.engine.notes import warning_lines
from atlas_core.engine.options import RunOptions
from atlas_core.engine.preflight import Preflight
from atlas_core.engine.reporting import Report, complete, ready, require_room, stored
from atlas_core.errors import AtlasError, SpecError
from atlas_core.kinds.evaluator import AuditRequest
from atlas_core.kinds.executor import Executor
from atlas_core.kinds.reference import Border
from atlas_core.kinds.split import Split
from atlas_core.links import below
from atlas_core.observe import FinishedRun, RunInfo, StageInfo
from atlas_core.printing import counted
from atlas_core.progress import Step
from atlas_core.resolver import NoObservers, Observers
from atlas_core.rows import UNREADABLE, RowsError, all_rows_reported, unreadable_csv
from atlas_core.seal import MANIFEST
from atlas_core.spec.plan import Plan
from atlas_core.stages import identity, stages_of
from atlas_core.store import DROPPED, as_written, canonical_hash, write_bytes

WORDS = {"name", "question", "reports", "final"}
"""Keys of a spec that change no number of the evaluation."""


def _warn_ahead(preflight: Preflight, notify: Notify) -> None:
    """Check before features are made, which take time; report and keep what is found."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        preflight.require({})
    for text in warning_lines(caught):
        notify(f"warning: {text}")


def run(
    plan: Plan,
    options: RunOptions,
    *,
    observers: Observers | None = None,
    executor: Executor | None = None,
) -> FinishedRun:
    """Run a plan and return what came of it.

    Raises:
        AtlasError: a component, a data file or the output folder failed; one line says which.
    """
    watching = observers or NoObservers()
    reports = ready(plan.reports)
    going = _Run(plan, options, watching, reports)
    folder = going.folder
    if options.resume and not folder.path.exists():
        raise SpecError(f"--resume: nothing to go on with at {folder.path}; run without --resume")
    below(options.out, folder.path)  # else --force would empty the folder that a link names
    with folder.lock():
        require_room(folder, reports)
        anew = options.force
        damaged = [] if anew else folder.damage()
        texts = [f"stored result {DROPPED}: {line}" for line in damaged]
        for text in texts:
            options.notify(text)
        if texts:
            going.records.append(warned("", "", texts))
        if folder.complete(going.science) and not (anew or damaged):
            anew = bool(options.save_fitted) and not (folder.path / FITTED).is_dir()
            anew = anew or (plan.spec.final and not folder.keeps(plan.arms, FINAL))
            if not anew:
                resolver = plan.dataset.resolved.resolver
                found = stored(folder, reports, watching, resolver, notify=options.notify)
                return replace(found, reused=True)
        earlier = anew and (folder.path / MANIFEST).exists()
        with folder.replaced() if anew else _discarded(folder):
            finished, failed, jobs = going.through(executor)
            if failed:
                # an earlier result comes back, and its report with it
                report = None if earlier else finished.report
                raise failed_jobs(failed, jobs, arms=list(finished.arms), report=report)
    return finished


@dataclass
class _Clock:
    """Keep what each stage took, in events.jsonl, too, and show it to observers."""

    folder: RunFolder
    observers: Observers
    stages: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what stands inside."""
        start = time.perf_counter()
        yield
        self.took(name, "", "", time.perf_counter() - start)

    def took(self, name: str, arm: str, fold: str, seconds: float) -> None:
        """Note a stage that has ended."""
        stage = {"stage": name, "arm": arm, "fold": fold, "seconds": round(seconds, 3)}
        self.stages.append(stage)
        self.folder.event("stage", stage)
        info = StageInfo(self.folder.path.name, name, arm, fold, seconds)
        self.observers.call("atlas_stage_finished", stage=info)


class _Run:
    """Load what a run is about, and go through its stages in its folder.

    Attributes:
        folder: named by the science.
        science: the hash of all that changes numbers.
        records: plain data for ``records.json``.
    """

    def __init__(
        self, plan: Plan, options: RunOptions, observers: Observers, reports: Sequence[Report]
    ) -> None:
        self._reports = reports
        self._started, self._clock = datetime.now(UTC), time.perf_counter()
        self._plan, self._options, self._observers = plan, options, observers
        self.records: list[dict[str, Any]] = []
        self._say(f"load: {plan.dataset.name}", brief=True)
        self._context = data_context(plan.spec.data, plan.spec_dir, options)
        with recorded(self.records):
            try:
                self._dataset = load_dataset(
                    plan.dataset, plan.spec, plan.featurizers, self._context
                )
            except RowsError as err:
                raise all_rows_reported(err, options.out) from err
            self._decider = Decider.of(plan.reference, self._context, self._dataset)
        texts = [str(text) for record in self.records for text in record["content"]["texts"]]
        for line in dict.fromkeys([*self._dataset.reading.lines(), *texts]):
            options.notify(line)
        self._loaded = time.perf_counter() - self._clock
        self._described, self._metrics = plan.describe(), plan.scored_by()
        parts = plan.components
        self._versions = packages(one.resolved.distribution for one in parts)
        asked = {k: v for k, v in self._described.items() if k not in WORDS}
        self._core = identity(*stages_of(one.kind for one in parts))
        self.science = canonical_hash(
            {
                "stages": self._core,
                "spec": asked,
                "data": self._dataset.fingerprint,
                "components": [one.identity for one in parts],
                **({} if self._decider is None else self._decider.identity),
            }
        )
        self.folder = RunFolder(options.out / f"{plan.spec.name}-{self.science[:8]}")
        self._timer = _Clock(self.folder, observers)
        self._border: Border | None = None

    def through(self, executor: Executor | None) -> tuple[FinishedRun, dict[Name, AtlasError], int]:
        """Run every job, score and report.

        Returns:
            The run with the arms that are left, the errors of the jobs that failed, and how many
            jobs there were.

        Raises:
            AtlasError: no arm is left.
        """
        plan = self._plan
        self._begin()
        with self._timer.stage("split"), recorded(self.records):
            splits = cut(plan.split, self._dataset, plan.spec.seed)
        jobs, audit = self._prepared(splits)
        done = run_jobs(jobs, self._options, executor, self.folder, self._timer.took)
        names = [job.name for job in jobs]
        every = dict(zip(names, done, strict=True))
        results, failed = sorted_out({n: one for n, one in every.items() if n[1] != FINAL})
        arms = [arm for arm in plan.arms if (arm, splits[0].name, 1) in results]
        # an arm that was evaluated stays so where its final fit fails
        failed |= {n: one.error for n, one in every.items() if isinstance(one, Failure)}
        if failed and not arms:
            raise failed_jobs(failed, len(jobs))
        manifest = self._manifest(splits, arms, failed)
        results = {
            name: with_targets(results[name], job.split, self._dataset.target)
            for name, job in zip(names, jobs, strict=True)
            if name in results
        }
        self.records += _records_of(results)
        rows = sum(len(result.predictions) for result in results.values())
        self._say(f"score: {counted(rows, 'prediction')}")
        with self._timer.stage("score"):
            found = Found(manifest, self.records, audit, self._decided(results))
            finished = finish(
                self.folder.path,
                results,
                found,
                evaluator=plan.evaluator,
                levels=plan.spec.levels,
                metrics=self._metrics,
            )
        manifest |= {
            "stages": self._timer.stages,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._clock, 2),
            "peak_memory_mb": peak_memory_mb(),
        }
        finished = complete(
            self.folder,
            replace(finished, manifest=as_written(manifest)),
            self._reports,
            self._observers,
            notify=self._options.notify,
            status="incomplete" if failed else "complete",
        )
        return finished, failed, len(jobs)

    def _say(self, text: str, *, brief: bool = False) -> None:
        """Name the stage that begins."""
        self._options.notify(Step(text, stage=text.partition(":")[0], brief=brief))

    def _begin(self) -> None:
        """Write the spec and what could not be read."""
        folder, reading = self.folder, self._dataset.reading
        data = pins(self._context, self._dataset, folder.path)
        plan = self._plan
        write_bytes(folder.path / "spec.yaml", plan.text.encode())
        write_bytes(folder.path / "spec.lock.yaml", plan.locked(data).encode())
        folder.event("started", {})
        if reading.dropped or reading.flagged:
            rows = unreadable_csv(reading.dropped, reading.flagged)
            write_bytes(folder.path / UNREADABLE, rows)
        info = RunInfo(folder.path.name, self._described)
        self._observers.call("atlas_run_started", run=info)
        self._timer.took("load", "", "", self._loaded)

    def _prepared(self, splits: list[Split]) -> tuple[list[Job], Mapping[str, Any]]:
        """Return the jobs, once it is known that none fails for what can be seen before."""
        plan, dataset, notify = self._plan, self._dataset, self._options.notify
        if self._decider is not None:
            self._say("border")
            with self._timer.stage("border"), recorded(self.records):
                self._border = self._decider.every(dataset)
                require_borders(plan.spec, dataset, splits, self._decider)
        with recorded(self.records):
            preflight = Preflight(
                plan.spec, plan.asked, plan.nested_splits, dataset=dataset, splits=splits
            )
            _warn_ahead(preflight, notify)
            cache = FeatureCache(self._options.cache_dir)
            featurized = Featurized(dataset.materials, cache, self._timer.stage, notify)
            features = {}
            for arm, featurizer in plan.featurizers.items():
                features[arm] = featurized.of(featurizer)
                self.records += featurized.failures(featurizer, arm)
            preflight.require(features)
        self._say("audit of the split")
        with self._timer.stage("audit"):
            request = AuditRequest(
                splits, dataset.materials, dataset.target, features, plan.spec.seed
            )
            audit = audited(self.folder.path, plan.evaluator, request)
        if audit:
            notify(f"split audit: {audit['sentence']}")
        jobs = make_jobs(
            plan,
            dataset,
            preflight.every,
            splits,
            features=features,
            options=self._options,
            folder=self.folder,
            decider=self._decider,
        )
        return jobs, audit

    def _decided(self, results: Mapping[Name, JobResult]) -> Decisions | None:
        """Return what the first trainings say as decisions; None without a reference."""
        if self._decider is None or self._border is None:
            return None
        first = [result for (_, _, repeat), result in results.items() if repeat == 1]
        said = Predictions.stacked([one.predictions for one in first])
        trust = [one.trust for one in first if one.trust is not None]
        assessed = Assessments.stacked(trust) if trust else None
        return self._decider.decide(self._dataset, self._border, said, assessed)

    def _about_reference(self) -> dict[str, Any]:
        """Return what the manifest says of the reference; {} without one."""
        plan, decider = self._plan, self._decider
        if plan.reference is None or decider is None:
            return {}
        about = decider.about(self._dataset.materials)
        return {"reference": {**plan.reference.describe(), **about}}

    def _manifest(
        self, splits: list[Split], arms: list[str], failed: Mapping[Name, AtlasError]
    ) -> dict[str, Any]:
        plan, options = self._plan, self._options
        errors = {in_words(name): str(err) for name, err in failed.items()}
        return {
            "atlas": __version__,
            "run_id": self.folder.path.name,
            "name": plan.spec.name,
            "question": plan.spec.question,
            "seed": plan.spec.seed,
            **({"repeats": plan.spec.repeats} if plan.spec.repeats > 1 else {}),
            "science_hash": self.science,
            "started": self._started.isoformat(timespec="seconds"),
            "dataset": {
                **about_dataset(plan.dataset.named(), self._dataset),
                "distinct": plan.spec.deduplicate,
                "sample": plan.spec.sample,
            },
            "split": about_split(plan.split.named(), splits),
            "metrics": [one.describe() for one in plan.shown],
            "figures": self._metrics.described(),
            "evaluator": plan.evaluator.describe(),
            **self._about_reference(),
            "arm_order": arms,
            **({"final": about_final(self._dataset)} if plan.spec.final else {}),
            "arms": {
                arm: {kind: one.describe() for kind, one in plan.arms[arm].items()} for arm in arms
            },
            "reports": [report.about for report in self._reports],
            "packages": self._versions,
            "stage_versions": self._core["stages"],
            "core_source": core_source(),
            "environment": environment(),
            "hardware": {**hardware(options.device), "workers": options.workers},
            **({"failed": errors} if errors else {}),
        }


def _records_of(results: Mapping[Name, JobResult]) -> list[dict[str, Any]]:
    """Return the records of the first training of each arm and fold, and warnings of the others.

    These lower no verdict, which is that of the first.
    """
    found: list[dict[str, Any]] = []
    for (arm, fold, repeat), result in results.items():
        if repeat == 1:
            found += result.records
            continue
        for one in result.records:
            if one["name"] == "warnings":
                texts = [f"in training {repeat}: {text}" for text in one["content"]["texts"]]
                found.append(warned(arm, fold, texts))
    return found


@contextmanager
def _discarded(folder: RunFolder) -> Iterator[None]:
    """Leave no folder behind when a run fails before anything was computed, nor an older result."""
    try:
        yield
    except AtlasError:
        folder.discard()
        raise
    folder.forget_replaced()
