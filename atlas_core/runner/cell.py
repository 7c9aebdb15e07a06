"""One cell: one arm on one fold. It sees targets of train and calibration, and no others.

Light: the components that it builds import what they need.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Str
from atlas_core.context import FitContext, derive_seed
from atlas_core.errors import AtlasError, ContractError, DataError
from atlas_core.interfaces import HasEmbedding
from atlas_core.kinds.calibrator import Calibration, CalibrationRequest, Calibrator
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.featurizer import Features
from atlas_core.kinds.ood import Detector, OODInput, OODMethod, OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.split import Split
from atlas_core.kinds.uq import Predictor, UQMethod
from atlas_core.materials import Materials
from atlas_core.spec.plan import Chosen

SCORED_PARTS = ("calibration", "test", "shifted")


@dataclass(frozen=True, eq=False)
class CellData:
    """Hold what a cell may see of the data: every material, the targets of some rows.

    Attributes:
        materials: all n materials.
        features: of all n materials, by this arm's featurizer.
        known: (n,) target of train and calibration rows; NaN everywhere else.
        task: ``regression`` or ``binary``.
        split: row numbers of this fold.
    """

    materials: Materials
    features: Features
    known: F8
    task: Task
    split: Split


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
    """

    arm: str
    fold: str
    components: Mapping[str, Chosen]
    seed: int
    levels: tuple[float, ...]
    n_jobs: int
    device: str
    directory: Path


@dataclass
class CellResult:
    """Hold what a cell returns: columns of predictions and what its fits recorded.

    Attributes:
        columns: by name, one entry a scored row; ``row`` is the row number in the data set.
        records: plain data that belongs in the run folder.
        stages: (stage, seconds).
        rounds: columns of the active-learning table, empty without a loop.
    """

    columns: dict[str, npt.NDArray[Any]]
    records: list[dict[str, Any]] = field(default_factory=list)
    stages: list[tuple[str, float]] = field(default_factory=list)
    rounds: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


@dataclass
class Fitted:
    """Hold what one training of an arm leaves: predictor, calibration and detector."""

    predictor: Predictor
    calibration: Calibration | None
    detector: Detector | None


class Cell:
    """Run the stages of one arm on one fold."""

    def __init__(self, settings: CellSettings, data: CellData) -> None:
        self.settings = settings
        self.data = data
        self.records: list[dict[str, Any]] = []
        self.stages: list[tuple[str, float]] = []

    def run(self) -> CellResult:
        """Train, calibrate, detect and predict.

        Raises:
            AtlasError: a component failed; the line names arm, fold and component.
        """
        split = self.data.split
        with np.errstate(all="ignore"), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fitted = self.fit(split.train, split.calibration)
            columns = self.predict(fitted)
        self.keep_warnings(caught)
        return CellResult(columns, self.records, self.stages)

    def fit(self, train: I8, calibration: I8, *, step: str = "fit") -> Fitted:
        """Fit the arm on ``train``; calibrate and set thresholds on ``calibration``."""
        seed = derive_seed(self.settings.seed, step, self.settings.arm, self.settings.fold)
        predictor = self._train(train, seed, step)
        calibrate = self._calibrate(predictor, calibration, seed)
        detector = self._detect(predictor, train, calibration, seed)
        return Fitted(predictor, calibrate, detector)

    def _train(self, train: I8, seed: int, step: str) -> Predictor:
        model, chosen = self.settings.components["model"], self.settings.components["uq"]
        uq: UQMethod = self._build(chosen)
        context = FitContext(
            seed=seed,
            task=self.data.task,
            n_jobs=self.settings.n_jobs,
            device=self.settings.device,
            ids=self.data.materials.ids[train],
            directory=self.settings.directory / step,
            record=self._record,
        )
        target = self._targets(train)
        with self._stage(step, chosen):
            return uq.fit(
                lambda: self._build(model), self.data.features.take(train), target, context
            )

    def _calibrate(self, predictor: Predictor, rows: I8, seed: int) -> Calibration | None:
        chosen = self.settings.components.get("calibrator")
        if chosen is None:
            return None
        calibrator: Calibrator = self._build(chosen)
        with self._stage("calibrate", chosen):
            nothing = Prediction(np.zeros(0), np.zeros(0))  # no split row, no model call
            request = CalibrationRequest(
                prediction=(
                    predictor.predict(self.data.features.take(rows)) if len(rows) else nothing
                ),
                target=self._targets(rows),
                levels=self.settings.levels,
                task=self.data.task,
                seed=derive_seed(seed, "calibrate"),
            )
            return calibrator.calibrate(request)

    def _detect(
        self, predictor: Predictor, train: I8, calibration: I8, seed: int
    ) -> Detector | None:
        chosen = self.settings.components.get("ood")
        if chosen is None:
            return None
        method: OODMethod = self._build(chosen)
        with self._stage("detect", chosen):
            return method.fit(
                self.shown(predictor, train),
                self.shown(predictor, calibration),
                derive_seed(seed, "detect"),
            )

    def shown(self, predictor: Predictor, rows: I8) -> OODInput:
        """Return what a detector sees of ``rows``."""
        chosen = self.settings.components["ood"]
        features = self.data.features.take(rows)
        embedding = None
        if "model:embedding" in chosen.needs:
            if not isinstance(predictor, HasEmbedding):
                uq = self.settings.components["uq"]
                raise ContractError(
                    f"{self._label(chosen)} needs an embedding, but uq {uq.name!r} does not pass"
                    " on its model's: add embed() to its predictor"
                )
            embedding = predictor.embed(features)
        return OODInput(self.data.materials.take(rows), features, embedding)

    def look(self, fitted: Fitted, rows: I8) -> tuple[Prediction, Prediction, OODScore | None]:
        """Return raw prediction, calibrated prediction and OOD score of ``rows``."""
        if not len(rows):
            return Prediction(np.zeros(0)), Prediction(np.zeros(0)), None
        raw = fitted.predictor.predict(self.data.features.take(rows))
        if len(raw) != len(rows):
            raise ContractError(f"{self._label(self.settings.components['uq'])}: lost rows")
        calibrated = fitted.calibration(raw) if fitted.calibration is not None else raw
        score = None
        if fitted.detector is not None:
            score = fitted.detector.score(self.shown(fitted.predictor, rows))
        return raw, calibrated, score

    def predict(self, fitted: Fitted) -> dict[str, npt.NDArray[Any]]:
        """Return columns for the scored parts of the fold."""
        blocks = []
        with self._stage("predict", self.settings.components["uq"]):
            for part in SCORED_PARTS:
                rows = getattr(self.data.split, part)
                if len(rows):
                    blocks.append(self._block(part, rows, *self.look(fitted, rows)))
        return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}

    def _block(
        self, part: str, rows: I8, raw: Prediction, final: Prediction, score: OODScore | None
    ) -> dict[str, npt.NDArray[Any]]:
        n = len(rows)
        nan = np.full(n, np.nan)

        def or_nan(values: F8 | None) -> F8:
            return nan if values is None else values

        columns: dict[str, npt.NDArray[Any]] = {
            "row": rows,
            "part": np.full(n, part),
            "mean": final.mean,
            "std_epistemic": or_nan(raw.epistemic),
            "std_aleatoric": or_nan(raw.aleatoric),
            "std": or_nan(final.std),
            "ood_score": nan if score is None else score.score,
            "outside": np.zeros(n, bool) if score is None else score.outside,
            "reason": _reasons(score, n),
        }
        for level in self.settings.levels:
            lower, upper = nan, nan
            if final.levels is not None and final.lower is not None and final.upper is not None:
                match = np.flatnonzero(np.isclose(final.levels, level))
                if not match.size:
                    chosen = self.settings.components["calibrator"]
                    raise ContractError(f"{self._label(chosen)}: no interval at level {level}")
                lower, upper = final.lower[match[0]], final.upper[match[0]]
            columns[f"lower_{level:g}"] = lower
            columns[f"upper_{level:g}"] = upper
        return columns

    def _targets(self, rows: I8) -> F8:
        target = self.data.known[rows]
        if np.isnan(target).any():
            raise ContractError(f"arm {self.settings.arm}: a hidden target was asked for")
        return target

    def _record(self, name: str, content: Mapping[str, Any]) -> None:
        where = {"arm": self.settings.arm, "fold": self.settings.fold}
        self.records.append({**where, "name": name, "content": dict(content)})

    def keep_warnings(self, caught: list[warnings.WarningMessage]) -> None:
        """Record each distinct warning of a library once: nothing is swallowed."""
        texts = sorted({f"{w.category.__name__}: {w.message}" for w in caught})
        if texts:
            self._record("warnings", {"texts": texts})

    def _build(self, chosen: Chosen) -> Any:
        return chosen.build()

    def _label(self, chosen: Chosen) -> str:
        return f"arm {self.settings.arm}, {self.settings.fold}: {chosen.kind} {chosen.name}"

    def _stage(self, name: str, chosen: Chosen) -> _Stage:
        return _Stage(self, name, chosen)


def _reasons(score: OODScore | None, n: int) -> Str:
    if score is None or score.reasons is None:
        return np.full(n, "")
    return score.reasons


class _Stage:
    """Time a stage and put the component's name on whatever goes wrong inside."""

    def __init__(self, cell: Cell, name: str, chosen: Chosen) -> None:
        self.cell, self.name, self.chosen = cell, name, chosen

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.cell.stages.append((self.name, time.perf_counter() - self.start))
        if error is None or not isinstance(error, Exception):
            return
        resolved = self.chosen.resolved
        label = f"{self.cell._label(self.chosen)} ({resolved.distribution} {resolved.version})"
        text = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, AtlasError):
            if not text.startswith("arm "):
                raise type(error)(f"{label}: {text}") from error
            return
        if isinstance(error, MemoryError):
            raise DataError(f"{label}: out of memory; use fewer rows with 'sample'") from error
        raise ContractError(f"{label}: {type(error).__name__}: {text}") from error
