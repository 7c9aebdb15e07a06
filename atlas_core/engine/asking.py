"""Ask one fitted arm about materials, as the run did. Light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_core.arrays import F8, I8, Str
from atlas_core.engine.blame import blame
from atlas_core.engine.features import side_by_side
from atlas_core.engine.notes import Heard, quiet
from atlas_core.engine.view import ArmData
from atlas_core.errors import DataError
from atlas_core.kinds.featurizer import Features, Featurizer, Vectors
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.trust import Assessment
from atlas_core.materials import Materials
from atlas_core.open_arm import OpenArm
from atlas_core.saving import readable


@dataclass(frozen=True, eq=False)
class Looked:
    """Hold what an arm says of n materials, each on its own.

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


class ArmAsker:
    """Ask one fitted arm about materials, as the run did."""

    def __init__(self, opened: OpenArm) -> None:
        self.opened = opened
        self.said: set[str] = set()
        self._fit = f"arm {opened.arm}, fold {opened.fold}: its fit"
        self._featurizers: list[tuple[str, Featurizer]] = [
            (one.name, one.build()) for one in opened.components["featurizer"].together
        ]

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
        fitted, n = self.opened.fitted, len(materials)
        with readable(self._fit), quiet() as caught:
            answer = fitted.ask(self._data(materials, features), np.arange(n))
            assessment = None
            if fitted.trust is not None:
                found = next(iter(fitted.assess(answer).values()))
                assessment = found.within(self.opened.bounds)
            heard = Heard()
            heard.listen(caught)
            self.said |= heard.said | fitted.trained.heard.said
            nan = np.full(n, np.nan)
            level, final = self.opened.level, answer.final
            lower, upper = _interval(final.levels, final.lower, final.upper, level, nan)
            if assessment is not None and assessment.levels is not None:
                lower, upper = _interval(
                    assessment.levels, assessment.lower, assessment.upper, level, nan
                )
            std = nan if final.std is None else final.std
            looked = Looked(final, std, lower, upper, answer.score, assessment, notes)
            looked.check(n)
            return looked

    def embed(self, materials: Materials, features: Features) -> F8:
        """Return (n, d) the model's inner representation."""
        with readable(self._fit), quiet():
            data = self._data(materials, features)
            return self.opened.fitted.view(data, np.arange(len(materials))).embedding

    def nearest(
        self, materials: Materials, count: int, features: Features | None = None
    ) -> tuple[I8, F8]:
        """Return (n, k) the nearest training materials, and how far they are in the arm's space.

        Args:
            materials: n materials.
            count: k, how many of each.
            features: of the materials, where they were made before.
        """
        reference = self.opened.reference
        values: F8 | None = None
        if reference.space != "fractions":
            made = self.features(materials)[0] if features is None else features
            if reference.space == "embedding":
                values = self.embed(materials, made)
            elif isinstance(made, Vectors):
                values = made.values
            else:
                raise DataError(
                    "the fit measures distances in vectors, which the arm does not have"
                )
        return reference.nearest(reference.place(materials, values), count)

    def _data(self, materials: Materials, features: Features) -> ArmData:
        n = len(materials)
        unknown, formulas = np.full(n, np.nan), np.full(n, "")
        return ArmData(
            materials, features, unknown, self.opened.task, formulas, bounds=self.opened.bounds
        )

    def label(self, assessment: Assessment) -> Str | None:
        """Return (n,) labels of the whole list, or None without a trust region."""
        trust = self.opened.fitted.trust
        if trust is None:
            return None
        with readable(self._fit):
            return trust.label(assessment)


def _interval(
    levels: F8 | None, lower: F8 | None, upper: F8 | None, level: float, nan: F8
) -> tuple[F8, F8]:
    if levels is None or lower is None or upper is None:
        return nan, nan
    at = np.flatnonzero(levels == level)
    return (lower[at[0]], upper[at[0]]) if at.size else (nan, nan)
