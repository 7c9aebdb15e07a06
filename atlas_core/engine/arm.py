"""An arm, and what was fitted of it: the one object that runs, loops and screens ask. Light.

The components that are built import what they need.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.arrays import I8
from atlas_core.context import FitContext, Record, derive_seed
from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import SCORED_PARTS, Predictions
from atlas_core.data.tables import ends
from atlas_core.engine.fits import FitCache, FitIdentity, rows_name
from atlas_core.engine.kept import (
    MOST,
    PREDICTOR,
    Keep,
    PostHoc,
    about,
    allowed_by,
    read_fit,
    write_post_hoc,
)
from atlas_core.engine.notes import Notes
from atlas_core.engine.reference import Reference
from atlas_core.engine.regions import TrustRegions
from atlas_core.engine.trained import Shelf, Trained
from atlas_core.engine.view import ArmData, View
from atlas_core.errors import ContractError
from atlas_core.kinds.calibrator import Calibration, CalibrationRequest, Calibrator
from atlas_core.kinds.ood import Detector, OODMethod, OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.reason import texts
from atlas_core.kinds.split import Split
from atlas_core.kinds.trust import Assessment, ReliabilityTarget
from atlas_core.kinds.uq import Predictor, UQFit, UQMethod
from atlas_core.resolver import Resolved
from atlas_core.spec.plan import BoundComponent

TRAINED = ("model", "uq")
"""Kinds that make a predictor; all others only ask it."""


@dataclass(frozen=True)
class Arm:
    """Name what is fitted.

    Attributes:
        name: of the arm.
        fold: whose rows it is fitted on.
        components: {kind: component}.
        levels: coverage levels of intervals.
    """

    name: str
    fold: str
    components: Mapping[str, BoundComponent]
    levels: tuple[float, ...]

    @cached_property
    def structures(self) -> bool:
        """Return whether the featurizer reads cells and sites, not only compositions."""
        return "inputs:structure" in self.components["featurizer"].requires

    @cached_property
    def samples(self) -> bool:
        """Return whether the draws of a prediction are needed; they are large."""
        calibrator = self.components.get("calibrator")
        return calibrator is not None and "samples" in calibrator.requires

    @property
    def parts(self) -> tuple[Resolved, ...]:
        """Return what is installed of the components."""
        return tuple(part for one in self.components.values() for part in one.parts)

    @property
    def makers(self) -> tuple[Resolved, ...]:
        """Return what is installed of those that make the predictor."""
        return tuple(part for kind in TRAINED for part in self.components[kind].parts)


@dataclass(frozen=True, eq=False)
class Answer:
    """What an arm says of n materials.

    Attributes:
        view: of the materials.
        final: calibrated prediction.
        score: of the detector, or None.
    """

    view: View
    final: Prediction
    score: OODScore | None

    @property
    def raw(self) -> Prediction:
        """Return the prediction as it was before calibration."""
        return self.view.prediction


@dataclass(eq=False)
class FittedArm:
    """A fitted arm, which predicts.

    Attributes:
        arm: what it is a fit of.
        trained: the predictor.
        calibration: None where the arm has no calibrator.
        detector: None where it has none.
        trust: None where it has no trust method.
        baseline: median of the training targets; NaN where it was read from a file.
        seen: views of the training rows and, once they were looked at, the calibration rows.
        reference: the training materials; None until it is saved.
        remarks: one line for each thing that is another here than where the arm was fitted.
    """

    arm: Arm
    trained: Trained
    calibration: Calibration | None = None
    detector: Detector | None = None
    trust: TrustRegions | None = None
    baseline: float = np.nan
    seen: list[View] = field(default_factory=list)
    reference: Reference | None = None
    remarks: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls, arm: Arm, data: ArmData, train: I8, context: FitContext, *, notes: Notes,
        calibration: I8, fits: FitCache | None = None, step: str = "fit",
    ) -> FittedArm:  # fmt: skip
        """Train, calibrate and fit the detector.

        Args:
            arm: what is fitted.
            data: of all materials.
            train: training rows.
            context: seed, machine and folder of the fit.
            notes: collect what the fit leaves.
            calibration: rows that calibrate, and set thresholds.
            fits: what earlier fits answered; None: nothing is kept.
            step: name of the stage.
        """
        fitted = cls.of_training(arm, data, train, context, notes=notes, fits=fits, step=step)
        aside = fitted.view(data, calibration)
        fitted.calibrate(aside, context, notes)
        fitted.detect(aside, context, notes)
        return fitted

    @classmethod
    def of_training(
        cls, arm: Arm, data: ArmData, train: I8, context: FitContext, *, notes: Notes,
        fits: FitCache | None = None, step: str = "fit",
    ) -> FittedArm:  # fmt: skip
        """Train only, now or in an earlier run; arguments as those of ``fit``."""
        target = data.targets(train)

        def fresh(record: Record) -> UQFit:
            with notes.stage(step, arm.components["uq"].parts):
                return _trained(arm, data, train, replace(context, record=record))

        start = time.perf_counter()
        shelf = None
        if fits is not None:
            identity = FitIdentity(
                **{kind: arm.components[kind].key for kind in TRAINED},
                features=data.features,
                train=train,
                target=target,
                ids=data.every.ids[train],
                seed=context.seed,
                task=data.task,
                device=context.device,
            )
            shelf = Shelf(fits, identity.key(), allowed_by(arm.makers))
        trained = Trained(fresh, shelf=shelf, samples=arm.samples)
        if trained.stored:
            notes.stages.append((f"{step}, stored", time.perf_counter() - start))
        for name, content in trained.records:
            notes.record(name, content)
        # no constant has a smaller mean error on these
        fitted = cls(arm, trained, baseline=float(np.median(target)))
        fitted.seen.append(fitted.view(data, train))
        return fitted

    @property
    def train(self) -> View:
        """Return the view of the training rows."""
        return self.seen[0]

    def view(self, data: ArmData, rows: I8) -> View:
        """Return a view of rows, the same one for rows that were looked at while fitting."""
        for one in self.seen:
            if one.data is data and np.array_equal(one.rows, rows):
                return one
        return View(data, rows, self.trained)

    def calibrate(self, view: View, context: FitContext, notes: Notes) -> None:
        """Fit the calibrator, where the arm has one, on predictions of rows not trained on."""
        train = self.train
        self.seen.append(view)
        chosen = self.arm.components.get("calibrator")
        if chosen is None:
            return
        with notes.stage("calibrate", chosen.parts):
            calibrator: Calibrator = chosen.build()
            refits = "refit" in chosen.requires
            request = CalibrationRequest(
                prediction=view.prediction,
                target=view.targets,
                inputs=view.inputs(chosen.requires),
                levels=self.arm.levels,
                context=context.child("calibrate"),
                train=train.inputs(chosen.requires) if refits else None,
                train_target=train.targets if refits else None,
                refit=partial(self._refit, context) if refits else None,
            )
            self.calibration = calibrator.calibrate(request)

    def _refit(self, context: FitContext, part: I8) -> Predictor:
        """Train the arm's model on a part of its training rows, for a calibrator."""
        data, rows = self.train.data, self.train.rows[part]
        seed = derive_seed(context.seed, "refit", rows_name(rows))
        own = replace(context, seed=seed, directory=None)
        return _trained(self.arm, data, rows, own)[0]

    def detect(self, view: View, context: FitContext, notes: Notes) -> None:
        """Fit the detector, where the arm has one; the rows of ``view`` set its threshold."""
        chosen = self.arm.components.get("ood")
        if chosen is None:
            return
        with notes.stage("detect", chosen.parts):
            method: OODMethod = chosen.build()
            self.detector = method.fit(
                self.train.inputs(chosen.requires),
                view.inputs(chosen.requires),
                context.child("detect"),
            )

    def ask(self, data: ArmData, rows: I8) -> Answer:
        """Return what the arm says of rows."""
        view = self.view(data, rows)
        final = view.prediction
        if self.calibration is not None and len(rows):
            inputs = view.inputs(self.arm.components["calibrator"].requires)
            final = self.calibration(final, inputs).within(data.bounds)
        return Answer(view, final, self.score(view))

    def score(self, view: View) -> OODScore | None:
        """Return the detector's scores; None without a detector, or a row."""
        if self.detector is None or not len(view):
            return None
        if view.score is not None:
            return view.score
        return self.detector.score(view.inputs(self.arm.components["ood"].requires))

    def assess(self, answer: Answer) -> dict[str, Assessment]:
        """Return what each trust method says of an answer; nothing without one."""
        if self.trust is None:
            return {}
        inputs = answer.view.inputs(self.arm.components["trust"].requires)
        return self.trust.assess(inputs, answer.raw, answer.score)

    def predict(self, data: ArmData, rows: I8 | None = None, *, part: str = "") -> Predictions:
        """Return predictions of rows, or of all materials."""
        every = np.arange(len(data.every), dtype=np.int64)
        return self.table(self.ask(data, every if rows is None else rows), part)

    def of_split(self, split: Split, notes: Notes) -> tuple[Predictions, Assessments | None]:
        """Return predictions of the scored parts of a fold, and what trust methods say of them.

        Each part is a list of candidates of its own.
        """
        said, judged = [], []
        data = self.train.data
        with notes.stage("predict", self.arm.components["uq"].parts):
            for part in SCORED_PARTS:
                rows = getattr(split, part)
                if not len(rows):
                    continue
                answer = self.ask(data, rows)
                said.append(self.table(answer, part))
                if self.trust is not None:
                    assessed = self.assess(answer)
                    judged.append(self.trust.table(assessed, said[-1], bounds=data.bounds))
        return Predictions.stacked(said), Assessments.stacked(judged) if judged else None

    def table(self, answer: Answer, part: str) -> Predictions:
        """Return an answer as a table.

        Raises:
            ContractError: the calibrator gives no interval at one of the arm's levels.
        """
        arm, data, rows, final = self.arm, answer.view.data, answer.view.rows, answer.final
        n = len(rows)
        given = arm.levels if final.levels is None else final.levels.tolist()
        if missing := set(arm.levels) - set(given):
            label = arm.components["calibrator"].label
            raise ContractError(f"{label} gives no interval at level {min(missing)}")
        lower, upper = ends(arm.levels, final.levels, final.lower, final.upper, n)
        known: dict[str, Any] = {
            "std_epistemic": final.epistemic,
            "std_aleatoric": final.aleatoric,
            "std": final.std,
        }
        if (score := answer.score) is not None:
            reason = texts(score.reasons, n)
            known |= {"ood_score": score.score, "outside": score.outside, "reason": reason}
        return Predictions(
            ids=data.every.ids[rows],
            formula=data.formulas[rows],
            arm=np.full(n, arm.name),
            fold=np.full(n, arm.fold),
            parts=np.full(n, part),
            target=data.known[rows],
            mean=final.mean,
            baseline=np.full(n, self.baseline),
            lower=lower,
            upper=upper,
            **known,
        )

    @contextmanager
    def left_behind(self, notes: Notes) -> Iterator[None]:
        """Keep the fit where a calibrator, a detector or whatever comes after it fails."""
        try:
            yield
        except Exception:  # whatever it is: raised again below
            why = self.trained.leave(about(self.arm.makers))
            outcome = f"cannot be kept: {why}" if why else "is kept, the next run starts there"
            notes.say(f"a step after the fit failed; the fit {outcome}")
            raise

    def save(self, keep: Keep, notes: Notes) -> None:
        """Write the fit, or say why not.

        Raises:
            ContractError: it was asked for, and a component's answer cannot be saved.
            DataError: the folder cannot be written to.
        """
        path, most = keep.folder / PREDICTOR, None if keep.wanted else MOST
        try:
            why = self.trained.keep(path, about(self.arm.makers), most=most)
            if not why:
                unmarked = write_post_hoc(keep, self._post_hoc(), about(self.arm.parts))
                if unmarked:
                    notes.say(unmarked)
        except ContractError as err:
            if keep.wanted:
                raise ContractError(f"{notes.where}: {err}") from err
            why = str(err)
        if why:
            shutil.rmtree(keep.folder, ignore_errors=True)
            notes.say(f"the fit is not kept for `atlas screen`: {why}")

    def _post_hoc(self) -> PostHoc:
        asked = any("model:embedding" in one.requires for one in self.arm.components.values())
        trust = self.trust
        return PostHoc(
            calibration=self.calibration,
            detector=self.detector,
            regions=None if trust is None else dict(trust.regions),
            reliability=None
            if trust is None
            else (trust.reliability.error_tolerance, trust.reliability.target_reliability),
            reference=Reference.of(self.train, embedded=asked),
        )

    @classmethod
    def load(
        cls, folder: Path, arm: Arm, *, trust: bool = False, key_file: Path | None = None
    ) -> FittedArm:
        """Read what ``save`` wrote; arguments and errors as those of ``kept.read_fit``."""
        made, post_hoc, remarks = read_fit(folder, arm.parts, trust=trust, key_file=key_file)
        regions = None
        if post_hoc.regions is not None and post_hoc.reliability is not None:
            regions = TrustRegions(ReliabilityTarget(*post_hoc.reliability), post_hoc.regions)
        return cls(
            arm=arm,
            trained=Trained(lambda _record: made, samples=arm.samples),
            calibration=post_hoc.calibration,
            detector=post_hoc.detector,
            trust=regions,
            reference=post_hoc.reference,
            remarks=remarks,
        )


def _trained(arm: Arm, data: ArmData, rows: I8, context: FitContext) -> UQFit:
    uq: UQMethod = arm.components["uq"].build()
    model = arm.components["model"]
    context = replace(context, ids=data.every.ids[rows])
    return uq.fit(model.build, data.features.take(rows), data.targets(rows), context)
