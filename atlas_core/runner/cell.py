"""One cell: one arm on one fold. It sees targets of train and calibration, and no others.

Light: the components that it builds import what they need.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from atlas_core.arrays import F8, I8, Str
from atlas_core.context import FitContext, Record, Tell, derive_seed
from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import SCORED_PARTS, Predictions
from atlas_core.data.tables import ends
from atlas_core.errors import ContractError
from atlas_core.fits import FitCache, FitIdentity, rows_name
from atlas_core.fitted import TRAINED, Keep, about, keep_fitted
from atlas_core.kinds.calibrator import Calibration, CalibrationRequest, Calibrator
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.featurizer import Features, Graphs
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.ood import Detector, OODMethod, OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.split import Split
from atlas_core.kinds.uq import Predictor, UQMethod
from atlas_core.materials import Materials
from atlas_core.runner.answers import Answers, caution_texts, warning_texts
from atlas_core.runner.blame import blame
from atlas_core.runner.rehearsal import (
    TrustRegions,
    TrustSettings,
    assessments,
    judge,
    learn_trust,
)
from atlas_core.spec.plan import Chosen


@dataclass(frozen=True, eq=False)
class CellData:
    """Hold what a cell may see of the data: every material, the targets of some rows.

    Attributes:
        materials: all n materials.
        features: of all n materials, by this arm's featurizer.
        known: (n,) target of train and calibration rows; NaN everywhere else.
        task: ``regression`` or ``binary``.
        split: row numbers of this fold.
        columns: metadata by name, (n,) each.
        formulas: (n,) as their source writes them, or else as chemists do.
        bounds: of the target (``Dataset.bounds``); intervals are cut there.
    """

    materials: Materials
    features: Features
    known: F8
    task: Task
    split: Split
    formulas: Str
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True)
class CellSettings:
    """Name a cell and its share of the machine.

    Attributes:
        arm: the arm's name.
        fold: the fold's name.
        components: {kind: component} of the arm.
        seed: root seed of the run.
        levels: coverage levels of intervals.
        n_jobs: threads the cell may use.
        device: ``cpu``, ``cuda``, ``cuda:0``, ...
        directory: where the cell keeps checkpoints.
        trust: what trust methods learn from; None without any.
        keep: where the fit is written for later use; None: it is not.
        key_file: of the user, whose mark working files get; None: they get none.
    """

    arm: str
    fold: str
    components: Mapping[str, Chosen]
    seed: int
    levels: tuple[float, ...]
    n_jobs: int
    device: str
    directory: Path
    trust: TrustSettings | None = None
    keep: Keep | None = None
    key_file: Path | None = None


@dataclass
class CellResult:
    """Hold what a cell returns: predictions and what its fits recorded.

    Attributes:
        predictions: of the rows that are scored; those of hidden targets have none.
        records: plain data that belongs in the run folder.
        stages: (stage, seconds).
        rounds: columns of the active-learning table, empty without a loop.
        trust: what each trust method says of them, likewise; None without one.
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


@contextmanager
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Collect warnings, and sum in one order: BLAS threads would change the last bits."""
    # SciPy brings a BLAS of its own; one that a component loads later would not be limited
    import scipy.linalg  # noqa: F401

    with (
        np.errstate(all="ignore"),
        warnings.catch_warnings(record=True) as caught,
        threadpool_limits(1, user_api="blas"),
    ):
        warnings.simplefilter("always")
        yield caught


@dataclass
class Fitted:
    """Hold what one training of an arm leaves: the predictor's answers, calibration, detector."""

    answers: Answers
    calibration: Calibration | None
    detector: Detector | None
    trust: TrustRegions | None = None


class Cell:
    """Run the stages of one arm on one fold."""

    def __init__(
        self, settings: CellSettings, data: CellData, tell: Tell, fits: FitCache | None = None
    ) -> None:
        self.settings = settings
        self.data = data
        self.tell = tell
        self.fits = fits
        self.records: list[dict[str, Any]] = []
        self.answers: Answers | None = None  # of the arm's own training, once there are any
        self.rehearsed: set[str] = set()  # warnings of rehearsals
        self.stages: list[tuple[str, float]] = []
        self.baseline = np.nan
        self.trusted: list[Assessments] = []
        self.judged: Chosen | None = settings.components.get("trust")

    def run(self) -> CellResult:
        """Train, calibrate, detect and predict.

        Raises:
            AtlasError: a component failed; the line names arm, fold and component.
        """
        split = self.data.split
        with quiet() as caught, self._fit_left_behind():
            fitted = self.fit(split.train, split.calibration)
            predictions = self.predict(fitted)
            if self.settings.keep is not None:
                keep_fitted(self, fitted, self.settings.keep)
        self.keep_warnings(caught, fitted)
        trust = Assessments.stacked(self.trusted) if self.trusted else None
        return CellResult(predictions, self.records, self.stages, trust=trust)

    @contextmanager
    def _fit_left_behind(self) -> Iterator[None]:
        """Keep the fit where a calibrator, a detector or whatever comes after it fails."""
        try:
            yield
        except Exception:
            if self.answers is not None:
                components = self.settings.components
                why = self.answers.leave(about({kind: components[kind] for kind in TRAINED}))
                told = f"cannot be kept: {why}" if why else "is kept, the next run starts there"
                self.tell(f"{self.where}: a step after the fit failed; the fit {told}")
            raise

    def fit(self, train: I8, calibration: I8, *, step: str = "fit") -> Fitted:
        """Fit the arm on ``train``; calibrate and set thresholds on ``calibration``."""
        # the same for every arm: what two arms share, they share to the last bit
        seed = derive_seed(self.settings.seed, step, self.settings.fold)
        answers = self.train(train, seed, step)
        calibrate = self._calibrate(answers, calibration, train=train, seed=seed)
        detector = self.detect(answers, train, calibration, seed=seed)
        fitted = Fitted(answers, calibrate, detector)
        if "trust" in self.settings.components:
            with self._stage("trust", self.settings.components["trust"]):
                fitted.trust = learn_trust(
                    self, fitted, train=train, calibration=calibration, seed=seed
                )
        return fitted

    def again(self, settings: CellSettings) -> Cell:
        """Return a cell on the same data with other settings, for a rehearsal."""
        cell = Cell(settings, self.data, self.tell, self.fits)
        cell.judged = self.judged
        return cell

    def train(self, train: I8, seed: int, step: str) -> Answers:
        """Return what can be asked of the arm's predictor, trained now or in an earlier run."""
        components, data = self.settings.components, self.data
        model, chosen = components["model"], components["uq"]
        target, ids = self.targets(train), data.materials.ids[train]
        self.baseline = float(np.median(target))  # no constant has a smaller mean error on these

        def fit(record: Record) -> Predictor:
            context = self._context(train, seed, self.settings.directory / step)
            with self._stage(step, chosen):
                return self._fresh(train, replace(context, record=record))

        start = time.perf_counter()
        if self.fits is None:
            answers = Answers(fit, data.features)
        else:
            identity = FitIdentity(
                model=model,
                uq=chosen,
                features=data.features,
                train=train,
                target=target,
                ids=ids,
                seed=seed,
                task=data.task,
                device=self.settings.device,
            )
            calibrator = components.get("calibrator")
            # draws are large: they are kept where the arm says that it needs them
            samples = calibrator is not None and "samples" in calibrator.requires
            answers = Answers(
                fit,
                data.features,
                cache=self.fits,
                key=identity.key(),
                samples=samples,
                packages={model.package, chosen.package},
            )
        self.answers = answers
        if answers.stored:
            self.stages.append((f"{step}, stored", time.perf_counter() - start))
        for name, content in answers.records:
            self.record(name, content)
        return answers

    def _calibrate(self, answers: Answers, rows: I8, *, train: I8, seed: int) -> Calibration | None:
        chosen = self.settings.components.get("calibrator")
        if chosen is None:
            return None
        with self._stage("calibrate", chosen):
            calibrator: Calibrator = chosen.build()
            nothing = Prediction(np.zeros(0), np.zeros(0))  # no split row, no model call
            refits = "refit" in chosen.requires
            request = CalibrationRequest(
                prediction=answers.predict(rows) if len(rows) else nothing,
                target=self.targets(rows),
                inputs=self.shown(chosen, answers, rows),
                levels=self.settings.levels,
                task=self.data.task,
                seed=derive_seed(seed, "calibrate"),
                train=self.shown(chosen, answers, train) if refits else None,
                train_target=self.targets(train) if refits else None,
                refit=partial(self._refit, train, seed) if refits else None,
            )
            return calibrator.calibrate(request)

    def _refit(self, train: I8, seed: int, part: I8) -> Predictor:
        """Train the arm's model on a part of its training rows, for a calibrator."""
        rows = train[part]
        context = self._context(rows, derive_seed(seed, "refit", rows_name(rows)), None)
        return self._fresh(rows, context)

    def _fresh(self, rows: I8, context: FitContext) -> Predictor:
        model, chosen = self.settings.components["model"], self.settings.components["uq"]
        uq: UQMethod = chosen.build()
        features = self.data.features.take(rows)
        return uq.fit(model.build, features, self.targets(rows), context)

    def _context(self, rows: I8, seed: int, directory: Path | None) -> FitContext:
        return FitContext(
            seed=seed,
            task=self.data.task,
            n_jobs=self.settings.n_jobs,
            device=self.settings.device,
            ids=self.data.materials.ids[rows],
            directory=directory,
            tell=lambda text: self.tell(f"{self.where}: {text}"),
        )

    def detect(self, answers: Answers, train: I8, calibration: I8, *, seed: int) -> Detector | None:
        """Return the arm's detector, fitted; None where it has none."""
        chosen = self.settings.components.get("ood")
        if chosen is None:
            return None
        with self._stage("detect", chosen):
            method: OODMethod = chosen.build()
            return method.fit(
                self.shown(chosen, answers, train),
                self.shown(chosen, answers, calibration),
                derive_seed(seed, "detect"),
            )

    def shown(self, chosen: Chosen | None, answers: Answers, rows: I8) -> Inputs:
        """Return what a component sees of ``rows``: no target, and only what it needs."""
        data, needs = self.data, frozenset() if chosen is None else chosen.requires
        # who trains the arm's model anew predicts with it, too
        graphs = isinstance(data.features, Graphs) and not needs & {"features:graphs", "refit"}
        read = self.settings.components["featurizer"].together
        return Inputs(
            materials=data.materials.take(rows),
            features=None if graphs else data.features.take(rows),
            embedding=answers.embed(rows) if "model:embedding" in needs else None,
            std=_std(answers.predict(rows)) if "epistemic" in needs and len(rows) else None,
            leaves=answers.leaves(rows) if "model:leaves" in needs else None,
            columns={name: values[rows] for name, values in data.columns.items()},
            structures=any("inputs:structure" in one.requires for one in read),
        )

    def look(self, fitted: Fitted, rows: I8) -> tuple[Prediction, Prediction, OODScore | None]:
        """Return raw prediction, calibrated prediction and OOD score of ``rows``."""
        if not len(rows):
            return Prediction(np.zeros(0)), Prediction(np.zeros(0)), None
        raw = fitted.answers.predict(rows)
        calibrated, score = raw, None
        components = self.settings.components
        if fitted.calibration is not None:
            seen = self.shown(components["calibrator"], fitted.answers, rows)
            calibrated = fitted.calibration(raw, seen).within(self.data.bounds)
        if fitted.detector is not None:
            score = self.score(fitted, rows)
        return raw, calibrated, score

    def score(self, fitted: Fitted, rows: I8) -> OODScore | None:
        """Return the detector's scores of ``rows``; None without a detector."""
        if fitted.detector is None:
            return None
        chosen = self.settings.components["ood"]
        return fitted.detector.score(self.shown(chosen, fitted.answers, rows))

    def predict(self, fitted: Fitted) -> Predictions:
        """Return the predictions of the scored parts of the fold."""
        blocks = []
        with self._stage("predict", self.settings.components["uq"]):
            for part in SCORED_PARTS:
                rows = getattr(self.data.split, part)
                if len(rows):
                    raw, final, score = self.look(fitted, rows)
                    said = self._table(part, rows, final, score)
                    blocks.append(said)
                    if fitted.trust is not None:
                        seen = self.shown(fitted.trust.chosen, fitted.answers, rows)
                        self.trusted.append(self._judge(fitted.trust, seen, raw, score, said))
        return Predictions.stacked(blocks)

    def _judge(
        self,
        trust: TrustRegions,
        seen: Inputs,
        raw: Prediction,
        score: OODScore | None,
        said: Predictions,
    ) -> Assessments:
        """Return what the trust methods say of one part; the part is the list of candidates."""
        found = judge(trust, inputs=seen, prediction=raw, ood=score)
        return assessments(found, said, trust.promise, self.settings.levels, self.data.bounds)

    def _table(self, part: str, rows: I8, final: Prediction, score: OODScore | None) -> Predictions:
        n, settings = len(rows), self.settings
        missing = set() if final.levels is None else set(settings.levels) - {*final.levels.tolist()}
        if missing:
            chosen = settings.components["calibrator"]
            raise ContractError(f"{chosen.label} gives no interval at level {min(missing)}")
        lower, upper = ends(settings.levels, final.levels, final.lower, final.upper, n)
        known: dict[str, Any] = {
            "std_epistemic": final.epistemic,
            "std_aleatoric": final.aleatoric,
            "std": final.std,
        }
        if score is not None:
            known |= {"ood_score": score.score, "outside": score.outside, "reason": score.reasons}
        return Predictions(
            ids=self.data.materials.ids[rows],
            formula=self.data.formulas[rows],
            arm=np.full(n, settings.arm),
            fold=np.full(n, settings.fold),
            parts=np.full(n, part),
            target=self.data.known[rows],
            mean=final.mean,
            baseline=np.full(n, self.baseline),
            lower=lower,
            upper=upper,
            **known,
        )

    def targets(self, rows: I8) -> F8:
        """Return the targets of train and calibration rows.

        Raises:
            ContractError: a row of another part was asked for.
        """
        target = self.data.known[rows]
        if np.isnan(target).any():
            raise ContractError(f"arm {self.settings.arm}: a hidden target was asked for")
        return target

    def record(self, name: str, content: Mapping[str, Any]) -> None:
        """Keep plain data for records.json."""
        where = {"arm": self.settings.arm, "fold": self.settings.fold}
        self.records.append({**where, "name": name, "content": dict(content)})

    def keep_warnings(self, caught: list[warnings.WarningMessage], fitted: Fitted) -> None:
        """Record each distinct warning of a library once: nothing is swallowed."""
        texts = sorted(warning_texts(caught) | fitted.answers.said | self.rehearsed)
        cautions = sorted(caution_texts(caught) | fitted.answers.cautions)
        if texts:
            self.record("warnings", {"texts": texts, "cautions": cautions})

    @property
    def where(self) -> str:
        """Return arm and fold, for a message."""
        return f"arm {self.settings.arm}, {self.settings.fold}"

    @contextmanager
    def _stage(self, name: str, chosen: Chosen) -> Iterator[None]:
        """Time a stage, and name the component that fails in it."""
        start = time.perf_counter()
        with blame(chosen, self.settings.components.values(), self.where):
            yield
        self.stages.append((name, time.perf_counter() - start))


def _std(prediction: Prediction) -> F8:
    if prediction.std is None:
        raise ContractError("a component needs sigma, but the predictions carry none")
    return prediction.std
