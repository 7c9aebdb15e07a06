"""One job: one arm on one fold. It sees targets of train and calibration, and no others. Light."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Str
from atlas_core.context import FitContext, Notify, derive_seed
from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import SCORED_PARTS, Predictions
from atlas_core.engine.arm import Arm, FittedArm
from atlas_core.engine.fits import FitCache
from atlas_core.engine.kept import Keep
from atlas_core.engine.nested import TrustSettings, learn_trust
from atlas_core.engine.notes import Heard, Notes, quiet
from atlas_core.engine.sought import Sought
from atlas_core.engine.view import ArmData
from atlas_core.errors import ContractError
from atlas_core.kinds.split import Split
from atlas_core.spec.model import ActiveLearning
from atlas_core.spec.plan import BoundComponent

Name = tuple[str, str, int]
"""An arm, a fold and a repeat."""


def seed_of_repeat(seed: int, repeat: int) -> int:
    """Return the root seed of a repeat: of the first, that of the run itself."""
    return seed if repeat == 1 else derive_seed(seed, "repeat", repeat)


def in_words(name: Name) -> str:
    """Return arm and fold, and which training of theirs it is where it is not the first."""
    arm, fold, repeat = name
    return f"{arm}, {fold}" if repeat == 1 else f"{arm}, {fold}, training {repeat}"


@dataclass(frozen=True, eq=False)
class Oracle:
    """Look labels up, one asked row at a time; components never see it.

    Attributes:
        target: (n,) every target; read through ``ask`` only.
    """

    target: F8

    def ask(self, rows: I8) -> F8:
        """Return the labels of ``rows``."""
        return self.target[rows]


@dataclass(frozen=True, eq=False)
class Job:
    """One job as plain data, for this process or another.

    Attributes:
        label: arm and fold, for a message.
        arm: what is fitted.
        data: what it may see.
        split: row numbers of the fold.
        seed: root of every random number: of the run, or of the repeat.
        n_jobs: threads the job may use.
        device: ``cpu``, ``cuda``, ``cuda:0``, ...
        directory: where the job keeps checkpoints.
        trust: what trust methods learn from; None without any.
        keep: where the fit is written for later use; None: it is not.
        key_file: of the user, whose mark working files get; None: they get none.
        loop: of active learning, or None.
        oracle: knows the labels that a loop asks for, or None.
        final: whether the fit is one of all rows, which is kept and not scored.
        evaluator: scores the test rows after each round of a loop, or None.
        repeat: which training of this arm and fold it is, from 1.
        seeks: what its loop seeks; None without one.
    """

    label: str
    arm: Arm
    data: ArmData
    split: Split
    seed: int
    n_jobs: int
    device: str
    directory: Path
    trust: TrustSettings | None = None
    keep: Keep | None = None
    key_file: Path | None = None
    loop: ActiveLearning | None = None
    oracle: Oracle | None = None
    final: bool = False
    evaluator: BoundComponent | None = None
    repeat: int = 1
    seeks: Sought | None = None

    @property
    def sought(self) -> Sought:
        """Return what its loop seeks.

        Raises:
            ContractError: it has no loop.
        """
        if self.seeks is None:
            raise ContractError(f"{self.label}: it has no loop")
        return self.seeks

    @property
    def name(self) -> Name:
        """Return arm, fold and repeat."""
        return self.arm.name, self.arm.fold, self.repeat

    def notes(self, notify: Notify) -> Notes:
        """Return empty notes of this job."""
        return Notes(self.arm.name, self.arm.fold, self.arm.parts, notify, repeat=self.repeat)

    def context(self, step: str, notes: Notes) -> FitContext:
        """Return the context of a fit: what two arms share, they share to the last bit."""
        return FitContext(
            seed=derive_seed(self.seed, step, self.arm.fold),
            task=self.data.task,
            n_jobs=self.n_jobs,
            device=self.device,
            directory=self.directory / step,
            notify=notes.hear,
        )


@dataclass(frozen=True)
class JobResult:
    """What a job returns: predictions and what its fits recorded.

    Attributes:
        predictions: of the rows that are scored; those of hidden targets have none.
        records: plain data that belongs in the run folder.
        stages: (stage, seconds).
        rounds: columns of the active-learning table, empty without a loop.
        trust: what each trust method says of the rows, likewise; None without one.
    """

    predictions: Predictions
    records: list[dict[str, Any]] = field(default_factory=list)
    stages: list[tuple[str, float]] = field(default_factory=list)
    rounds: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    trust: Assessments | None = None


def scored(split: Split, *, times: int = 1) -> tuple[I8, Str]:
    """Return row numbers and parts of a table that has ``times`` rows for each scored row."""
    parts = {part: getattr(split, part) for part in SCORED_PARTS}
    rows = np.concatenate([np.tile(here, times) for here in parts.values()])
    return rows, np.repeat(list(parts), [len(here) * times for here in parts.values()])


def fit_and_predict(job: Job, fits: FitCache, notify: Notify) -> JobResult:
    """Train, calibrate, detect and predict.

    Raises:
        AtlasError: a component failed; the line names arm, fold and component.
    """
    notes = job.notes(notify)
    context, split = job.context("fit", notes), job.split
    heard = Heard()
    with quiet() as caught:
        fitted = FittedArm.of_training(
            job.arm, job.data, split.train, context, notes=notes, fits=fits
        )
        with fitted.left_behind(notes):
            aside = fitted.view(job.data, split.calibration)
            fitted.calibrate(aside, context, notes)
            fitted.detect(aside, context, notes)
            if job.trust is not None:
                heard.add(learn_trust(fitted, job.trust, context, notes=notes, fits=fits))
            predictions, trust = fitted.of_split(split, notes)
            if job.keep is not None:
                fitted.save(job.keep, notes)
    heard.listen(caught)
    heard.add(fitted.trained.heard)
    notes.keep(heard)
    return JobResult(predictions, notes.records, notes.stages, trust=trust)
