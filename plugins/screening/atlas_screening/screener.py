"""Ask one fitted arm about materials, as the run did. Light."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlas_core.arrays import F8, I8, Str
from atlas_core.errors import DataError
from atlas_core.kinds.featurizer import Features, Featurizer
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.split import Split
from atlas_core.kinds.trust import LABELS, Assessment, Promise
from atlas_core.materials import Materials
from atlas_core.open_arm import OpenArm
from atlas_core.runner.answers import Answers, warning_texts
from atlas_core.runner.blame import blame
from atlas_core.runner.cell import Cell, CellData, CellSettings, Fitted, quiet
from atlas_core.runner.executor import cores
from atlas_core.runner.features import side_by_side
from atlas_core.runner.rehearsal import TrustRegions
from atlas_core.saving import readable


@dataclass(frozen=True, eq=False)
class Looked:
    """Hold what an arm says of n candidates, each on its own.

    Attributes:
        prediction: calibrated.
        std: (n,) or NaN.
        lower: (n,) end of the interval at the arm's level, or NaN.
        upper: (n,) likewise.
        score: of the detector, or None.
        assessment: of the first trust method, or None.
        notes: n texts: what the featurizer could not do.
    """

    prediction: Prediction
    std: F8
    lower: F8
    upper: F8
    score: OODScore | None
    assessment: Assessment | None
    notes: list[str]

    def check(self, n: int) -> None:
        """Stop unless everything is said of n rows: what was fitted may come from anybody.

        Raises:
            DataError: something is said of another number of rows.
        """
        said = {"mean": self.prediction.mean, "std": self.std}
        said |= {"lower end": self.lower, "upper end": self.upper}
        if self.score is not None:
            said["novelty score"] = self.score.score
        if self.assessment is not None:
            said["risk"] = self.assessment.risk
        for name, values in said.items():
            if values.shape != (n,):
                raise DataError(f"its {name} has the shape {values.shape}, not ({n},); fit anew")


class Screener:
    """Ask one fitted arm about materials, as the run did."""

    def __init__(self, opened: OpenArm) -> None:
        self.opened = opened
        self.said: set[str] = set()
        self._fit = f"arm {opened.arm}, fold {opened.fold}: its fit"
        self._featurizers: list[tuple[str, Featurizer]] = [
            (one.name, one.build()) for one in opened.components["featurizer"].together
        ]
        self._settings = CellSettings(
            arm=opened.arm,
            fold=opened.fold,
            components=opened.components,
            seed=int(opened.manifest["seed"]),
            levels=opened.levels,
            n_jobs=cores(),
            device="cpu",
            directory=Path(),
        )

    def features(self, materials: Materials) -> tuple[Features, list[str]]:
        """Return features, and n notes of what could not be made.

        Raises:
            DataError: a featurizer refuses one of the materials.
        """
        chosen = self.opened.components["featurizer"]
        with blame(chosen):
            parts = [(name, one.featurize(materials)) for name, one in self._featurizers]
        joined = side_by_side(parts)
        notes = dict.fromkeys(materials.ids.tolist(), "")
        for material, why in getattr(joined, "failures", ()):
            notes[material] = why
        return joined, list(notes.values())

    def look(self, materials: Materials, features: Features, notes: list[str]) -> Looked:
        """Return what the arm says of materials; with one thread of BLAS, as in the run."""
        with readable(self._fit), quiet() as caught:
            cell, fitted, rows = self._cell(materials, features)
            _, final, score = cell.look(fitted, rows)
            assessment = self._assess(cell, fitted, rows, score)
            self.said |= warning_texts(caught) | fitted.answers.said
            n = len(materials)
            nan = np.full(n, np.nan)
            level = self.opened.level
            lower, upper = _interval(final.levels, final.lower, final.upper, level, nan)
            if assessment is not None and assessment.levels is not None:
                lower, upper = _interval(
                    assessment.levels, assessment.lower, assessment.upper, level, nan
                )
            std = nan if final.std is None else final.std
            looked = Looked(final, std, lower, upper, score, assessment, notes)
            looked.check(n)
            return looked

    def embed(self, materials: Materials, features: Features) -> F8:
        """Return (n, d) the model's inner representation."""
        with readable(self._fit), quiet():
            _, fitted, rows = self._cell(materials, features)
            return fitted.answers.embed(rows)

    def _cell(self, materials: Materials, features: Features) -> tuple[Cell, Fitted, I8]:
        saved, components = self.opened.saved, self.opened.components
        n = len(materials)
        rows = np.arange(n, dtype=np.int64)
        data = CellData(
            materials,
            features,
            np.full(n, np.nan),
            self.opened.task,
            Split("screen", np.array([0]), test=np.array([1])),  # a cell has one; none is read
            formulas=np.full(n, ""),
            bounds=self.opened.bounds,
        )
        calibrator = components.get("calibrator")
        draws = calibrator is not None and "samples" in calibrator.requires
        answers = Answers(lambda _record: saved.predictor, features, samples=draws)
        regions = None
        if saved.regions is not None and saved.promise is not None:
            regions = TrustRegions(
                components["trust"], Promise(*saved.promise), dict(saved.regions)
            )
        fitted = Fitted(answers, saved.calibration, saved.detector, regions)
        return Cell(self._settings, data, lambda _text: None), fitted, rows

    def _assess(
        self, cell: Cell, fitted: Fitted, rows: I8, score: OODScore | None
    ) -> Assessment | None:
        if fitted.trust is None:
            return None
        region = next(iter(fitted.trust.regions.values()))
        seen: Inputs = cell.shown(fitted.trust.chosen, fitted.answers, rows)
        found = region.assess(seen, fitted.answers.predict(rows), score)
        return found.within(self.opened.bounds)

    def label(self, assessment: Assessment) -> Str | None:
        """Return (n,) labels of the whole list, or None without a trust region."""
        regions = self.opened.saved.regions
        if not regions:
            return None
        with readable(self._fit):
            labels = np.asarray(next(iter(regions.values())).label(assessment), dtype=np.str_)
            if labels.shape != assessment.risk.shape:
                raise DataError(f"trust: {labels.shape} labels of {assessment.risk.shape} rows")
        if unknown := sorted(set(labels.tolist()) - set(LABELS)):
            raise DataError(f"trust: unknown labels {', '.join(unknown)}")
        return labels


def _interval(
    levels: F8 | None, lower: F8 | None, upper: F8 | None, level: float, nan: F8
) -> tuple[F8, F8]:
    if levels is None or lower is None or upper is None:
        return nan, nan
    at = np.flatnonzero(levels == level)
    return (lower[at[0]], upper[at[0]]) if at.size else (nan, nan)
