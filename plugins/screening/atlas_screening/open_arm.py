"""Open a fitted arm of a finished run, and ask it about materials. Light."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8, Str
from atlas_core.component import Use, uses
from atlas_core.data.meaning import read_bounds
from atlas_core.engine.arm import Arm, FittedArm
from atlas_core.engine.blame import blame
from atlas_core.engine.decide import Decider
from atlas_core.engine.features import side_by_side
from atlas_core.engine.final import FINAL, remark
from atlas_core.engine.folder import RunFolder
from atlas_core.engine.kept import PREDICTOR
from atlas_core.engine.notes import Heard, listening, quiet
from atlas_core.engine.reference import Reference
from atlas_core.engine.view import ArmData
from atlas_core.errors import CautionWarning, DataError, SpecError
from atlas_core.finished import foreign
from atlas_core.kinds.featurizer import Features, Featurizer, Vectors
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.trust import Assessment
from atlas_core.materials import Materials
from atlas_core.observe import FinishedRun
from atlas_core.resolver import Resolver
from atlas_core.saving import readable
from atlas_core.seal import require_intact
from atlas_core.spec.load import load_arm_plan
from atlas_core.spec.plan import BoundComponent
from atlas_screening.against import Against, Decided, Said
from atlas_screening.asked import ArmPrediction, Asked, materials_of
from atlas_screening.named_reference import Wanted

NEIGHBORS = 3


@dataclass(frozen=True, eq=False)
class OpenArm:
    """A fitted arm read from a run folder, which predicts materials as in the run.

    Attributes:
        run: whose arm it is.
        arm: its name.
        fold: whose fit it is.
        dataset: of the run.
        levels: of the run's intervals.
        components: {kind: component}.
        fitted: what was fitted.
        wanted: what predictions are held against.
        reference_of: loads it.
        said: what its components warned of so far.
    """

    run: FinishedRun
    arm: str
    fold: str
    dataset: Use
    levels: tuple[float, ...]
    components: Mapping[str, BoundComponent]
    fitted: FittedArm
    wanted: Wanted = field(default_factory=Wanted)
    reference_of: Callable[[Wanted], Decider | None] = lambda _wanted: None
    said: set[str] = field(default_factory=set)

    def __repr__(self) -> str:
        said = "".join(f"; {remark}" for remark in self.fitted.remarks)
        return f"OpenArm({self.arm!r}, fold {self.fold!r}{said})"

    @property
    def final(self) -> bool:
        """Return whether the fit is one of all rows: its errors are those of the evaluation."""
        return self.fold == FINAL

    @property
    def task(self) -> Any:
        """Return ``regression`` or ``binary``."""
        return self.run.manifest["dataset"]["task"]

    @property
    def level(self) -> float:
        """Return the level of the intervals that are reported."""
        return 0.9 if 0.9 in self.levels else max(self.levels)

    @property
    def record(self) -> Mapping[str, Any]:
        """Return how its labels fared in the run; {} without a trust region."""
        trust = self.run.trust
        if trust is None:
            return {}
        mine = trust.arm == self.arm
        own = trust.take(mine if self.final else mine & (trust.fold == self.fold))
        own = own.of(str(own.method[0])) if len(own) else own
        parts = {"in_domain": own.part("test"), "class": own.part("ood_test")}
        return {name: rows.tally() for name, rows in parts.items() if len(rows)}

    @property
    def reference(self) -> Reference:
        """Return the training materials of the fit."""
        if self.fitted.reference is None:
            raise DataError("the fit holds no training materials; fit anew")
        return self.fitted.reference

    @property
    def reliability(self) -> tuple[float, float] | None:
        """Return error tolerance and target reliability of its trust region; None without one."""
        trust = self.fitted.trust
        return (
            None
            if trust is None
            else (trust.reliability.error_tolerance, trust.reliability.target_reliability)
        )

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Return what is possible for the target, as the run's data set states it.

        Raises:
            DataError: the manifest states something else.
        """
        written = self.run.manifest["dataset"].get("bounds")
        try:
            return read_bounds(written)
        except (TypeError, ValueError) as err:
            raise DataError(
                f"manifest.json: bounds {written!r} are no [low, high]; run the spec again"
            ) from err

    @cached_property
    def against(self) -> Against | None:
        """Return what predictions are held against, learned anew; None without a reference.

        Raises:
            SpecError: it is not clear which reference is meant.
            DataError: it cannot be read, or is in another unit than the target.
        """
        with listening() as heard:
            found = self._against(self.reference_of(self.wanted))
        self.said.update(heard.said)
        for text in sorted(heard.said):
            warnings.warn(text.partition(": ")[2], CautionWarning, stacklevel=2)
        return found

    def _against(self, decider: Decider | None) -> Against | None:
        if decider is None:
            return None
        every, reference = self.run.predictions, self.reference
        mine = every.arm == self.arm
        return Against.of(
            decider,
            training=(reference.ids, reference.canonical, reference.target),
            rows=every.take(mine if self.final else mine & (every.fold == self.fold)),
            trust=self.run.trust,
            pooled=self.final,
        )

    def held_against(
        self,
        reference: str | Mapping[str, Any] | None,
        *,
        data_dir: str | Path | None = None,
        cache_dir: str | Path | None = None,
    ) -> OpenArm:
        """Return the arm with its predictions held against a reference, such as known phases.

        Args:
            reference: as ``atlas screen --reference`` takes it, or ``{use: ..., options: ...}``;
                None: that of the run; ``"none"``: nothing.
            data_dir: folder with local copies of data files; None: where those of the run lay.
            cache_dir: of downloads; None: the user's.
        """
        data, cache = (None if one is None else Path(one) for one in (data_dir, cache_dir))
        return replace(self, wanted=Wanted(reference, data, cache))

    def predict(self, materials: Sequence[Any] | Any) -> Asked:
        """Return what the arm says of materials.

        Args:
            materials: formulas as text, or ``Structure`` objects of pymatgen, or a list of either;
                an arm that reads crystals takes crystals only.

        Raises:
            DataError: a formula or crystal cannot be read; all bad ones are named.
        """
        read, names = materials_of(materials, structures=self.fitted.arm.structures)
        return self.ask(read, names)

    def ask(self, materials: Materials, names: Sequence[str]) -> Asked:
        """Return what the arm says of materials; an arm that reads crystals needs their cells.

        Args:
            materials: n of them.
            names: n formulas as they were given; "": as chemists write it.
        """
        features, notes = self.features(materials)
        predicted = self.predicted(materials, features, notes)
        near, apart = self.nearest(materials, NEIGHBORS, features)
        shown, target = self.reference.formulas.tolist(), self.reference.target
        nearest = [
            [
                {"formula": shown[j], "value": float(target[j]), "distance": float(d)}
                for j, d in zip(rows, far, strict=True)
            ]
            for rows, far in zip(near.tolist(), apart.tolist(), strict=True)
        ]
        written = materials.written()
        shown_as = [name or own for name, own in zip(names, written, strict=True)]
        return Asked(
            materials=np.array(shown_as, dtype=np.str_),
            value=predicted.prediction.mean,
            std=predicted.std,
            lower=predicted.lower,
            upper=predicted.upper,
            level=self.level,
            label=None if predicted.assessment is None else self.label(predicted.assessment),
            outside=None if predicted.score is None else predicted.score.outside,
            reasons=predicted.reasons(),
            nearest=nearest,
            known=np.isin(np.array(materials.formulas()), self.reference.canonical),
            decided=self._decided(materials, predicted),
        )

    def _decided(self, materials: Materials, predicted: ArmPrediction) -> Decided | None:
        """Return predictions held against the reference; None without one."""
        if self.against is None:
            return None
        unknown = np.full(len(materials), np.nan)
        trust, score = predicted.assessment, predicted.score
        said = Said(
            canonical=np.array(materials.formulas(), dtype=np.str_),
            places=[f"material {place}" for place in range(1, len(materials) + 1)],
            mean=predicted.prediction.mean,
            std=predicted.std,
            lower=predicted.lower,
            upper=predicted.upper,
            expected_error=unknown if trust is None else trust.expected_error,
            score=unknown if score is None else score.score,
            outside=np.zeros(len(unknown), np.bool_) if score is None else score.outside,
        )
        decided, remarks = self.against.decide(said)
        for text in remarks:
            warnings.warn(text, CautionWarning, stacklevel=2)
        return decided

    @cached_property
    def _fit(self) -> str:
        return f"arm {self.arm}, fold {self.fold}: its fit"

    @cached_property
    def _featurizers(self) -> list[tuple[str, Featurizer]]:
        return [(one.name, one.build()) for one in self.components["featurizer"].together]

    def features(self, materials: Materials) -> tuple[Features, list[str]]:
        """Return features, and n notes of what could not be made.

        Raises:
            DataError: a featurizer refuses one of the materials.
        """
        chosen = self.components["featurizer"]
        with blame(chosen.parts):
            parts = [(name, one.featurize(materials)) for name, one in self._featurizers]
        joined = side_by_side(parts)
        notes = dict.fromkeys(materials.ids.tolist(), "")
        for material, why in getattr(joined, "failures", ()):
            notes[material] = why
        return joined, list(notes.values())

    def predicted(
        self, materials: Materials, features: Features, notes: list[str]
    ) -> ArmPrediction:
        """Return what the arm says of materials; with one thread of BLAS, as in the run."""
        fitted, n = self.fitted, len(materials)
        with readable(self._fit), quiet() as caught:
            answer = fitted.ask(self._data(materials, features), np.arange(n))
            assessment = None
            if fitted.trust is not None:
                found = next(iter(fitted.assess(answer).values()))
                assessment = found.within(self.bounds)
            heard = Heard()
            heard.listen(caught)
            self.said.update(heard.said | fitted.trained.heard.said)
            nan = np.full(n, np.nan)
            level, final = self.level, answer.final
            lower, upper = _interval(final.levels, final.lower, final.upper, level, nan)
            if assessment is not None and assessment.levels is not None:
                lower, upper = _interval(
                    assessment.levels, assessment.lower, assessment.upper, level, nan
                )
            std = nan if final.std is None else final.std
            predicted = ArmPrediction(final, std, lower, upper, answer.score, assessment, notes)
            predicted.check(n)
            return predicted

    def embed(self, materials: Materials, features: Features) -> F8:
        """Return (n, d) the model's inner representation."""
        with readable(self._fit), quiet():
            data = self._data(materials, features)
            return self.fitted.view(data, np.arange(len(materials))).embedding

    def nearest(
        self, materials: Materials, count: int, features: Features | None = None
    ) -> tuple[I8, F8]:
        """Return (n, k) the nearest training materials, and how far they are in the arm's space.

        Args:
            materials: n materials.
            count: k, how many of each.
            features: of the materials, where they were made before.
        """
        reference = self.reference
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
        if values is None:
            values = materials.element_fractions()
        return reference.nearest(reference.place(values), count)

    def _data(self, materials: Materials, features: Features) -> ArmData:
        n = len(materials)
        unknown, formulas = np.full(n, np.nan), np.full(n, "")
        every = Inputs.of(materials, structures=self.fitted.arm.structures)
        return ArmData(every, features, unknown, self.task, formulas, self.bounds)

    def label(self, assessment: Assessment) -> Str | None:
        """Return (n,) labels of the whole list, or None without a trust region."""
        trust = self.fitted.trust
        if trust is None:
            return None
        with readable(self._fit):
            return trust.label(assessment)


def open_arm(
    run: FinishedRun,
    resolver: Resolver,
    *,
    arm: str | None = None,
    fold: str | None = None,
    trust: bool = False,
    key_file: Path | None = None,
    wanted: Wanted | None = None,
) -> OpenArm:
    """Read a fitted arm from a run folder.

    Args:
        run: a finished run.
        resolver: of its components.
        arm: its name; None: the only one.
        fold: whose fit; None: the final one, or else the only one.
        trust: open it although it was not made by this user.
        key_file: of the user; None: every fit is one from elsewhere.
        wanted: what predictions are held against; None: the reference of the run, if it has one.

    Raises:
        SpecError: the run kept no fit, or it is not clear which one is meant.
        DataError: a file is missing, damaged or names what it may not name; or the fit is from
            elsewhere and not trusted.
    """
    with foreign(run.folder):
        folder = RunFolder(run.folder)
        name, kept_fold = _kept(folder, run.manifest, arm, fold)
        # of the other arms, a plugin may be missing here
        spec, components = load_arm_plan(run.folder / "spec.lock.yaml", resolver, name)
        kept_in = folder.fitted(name, kept_fold)
        place = kept_in.relative_to(run.folder).as_posix()
        require_intact(run.folder, run.manifest, only=(place,))
        own = Arm(name, kept_fold, components, spec.levels)
        fitted = FittedArm.load(kept_in, own, trust=trust, key_file=key_file)
        if kept_fold == FINAL and fitted.reference is not None:
            line = remark(len(fitted.reference.ids))
            fitted = replace(fitted, remarks=(*fitted.remarks, line))
        data = next(use for _, kind, use in uses(spec) if kind == "dataset")
        return OpenArm(
            run, name, kept_fold, data, spec.levels, components, fitted, wanted or Wanted(),
            reference_of=partial(Wanted.load, run=run, spec=spec, resolver=resolver),
        )  # fmt: skip


def public(resolver: Resolver) -> Callable[..., OpenArm]:
    """Return what ``atlas_core.Run.arm`` opens an arm with: ``open_arm`` with its resolver."""
    return partial(open_arm, resolver=resolver)


def _kept(
    folder: RunFolder, manifest: Mapping[str, Any], arm: str | None, fold: str | None
) -> tuple[str, str]:
    """Return whose fit is meant: arm and fold."""
    folds = [FINAL, *(str(one["name"]) for one in manifest["split"]["folds"])]
    kept = [
        (name, one)
        for name in manifest["arm_order"]
        for one in folds
        if (folder.fitted(name, one) / PREDICTOR).is_file()
    ]
    if not kept:
        raise SpecError(
            f"{folder.path}: it keeps no fitted arm; run its spec again with --save-fitted (what is"
            " in the cache is not computed anew)"
        )
    name = _one("arm", arm, list(dict.fromkeys(name for name, _ in kept)), folder.path)
    of_arm = [one for own, one in kept if own == name]
    if fold is None and FINAL in of_arm:
        return name, FINAL
    return name, _one("fold", fold, of_arm, folder.path)


def _one(what: str, given: str | None, there: list[str], run: Path) -> str:
    if given is None and len(there) == 1:
        return there[0]
    if given in there and given is not None:
        return given
    if given is not None:
        raise SpecError(f"{run}: no {what} {given!r} is kept; there is {', '.join(there)}")
    raise SpecError(
        f"{run}: which {what}? Name one (on the command line with --{what}): {', '.join(there)}"
    )


def _interval(
    levels: F8 | None, lower: F8 | None, upper: F8 | None, level: float, nan: F8
) -> tuple[F8, F8]:
    if levels is None or lower is None or upper is None:
        return nan, nan
    at = np.flatnonzero(levels == level)
    return (lower[at[0]], upper[at[0]]) if at.size else (nan, nan)
