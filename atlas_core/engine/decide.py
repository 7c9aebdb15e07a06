"""Make decisions of predictions: hold them against the border that a reference draws. Light."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from atlas_core.arrays import F8, Bool, Str
from atlas_core.data.assessments import Assessments
from atlas_core.data.decisions import Decisions
from atlas_core.data.predictions import Predictions
from atlas_core.elements import MAX_Z
from atlas_core.engine.blame import blame
from atlas_core.errors import ContractError, DataError
from atlas_core.kinds.dataset import DataContext, Dataset
from atlas_core.kinds.reference import Border, BorderRows, Decision, Reference, Wording
from atlas_core.kinds.trust import labels_of, longest_prefix
from atlas_core.materials import Materials
from atlas_core.spec.plan import BoundComponent

DOUBTFUL = 0.35
"""A decision that is wrong more often than this says next to nothing: it is deferred."""


@dataclass(frozen=True)
class Decider:
    """A reference that was loaded, and the component that it is of.

    Attributes:
        chosen: the component.
        reference: what it loaded.
    """

    chosen: BoundComponent
    reference: Reference

    @classmethod
    def of(
        cls, chosen: BoundComponent | None, context: DataContext, dataset: Dataset
    ) -> Decider | None:
        """Load the reference of a plan; None where it names none; errors as those of ``load``."""
        if chosen is None:
            return None
        target = f"{dataset.target_name} of {dataset.name}"
        return cls.load(chosen, context, target=target, unit=dataset.unit or dataset.task)

    @classmethod
    def load(
        cls, chosen: BoundComponent, context: DataContext, *, target: str, unit: str
    ) -> Decider:
        """Load a reference.

        Args:
            chosen: the component.
            context: where its data may lie.
            target: what is held against it, in words.
            unit: of that.

        Raises:
            DataError: it cannot be read, or is in another unit than the targets.
        """
        with blame(chosen.parts):
            reference = chosen.build().load(context)
            if not isinstance(reference, Reference):
                raise ContractError("load returned no Reference")
            _require_stated(reference)
        if reference.unit not in ("", unit):
            raise DataError(
                f"reference {chosen.name}: needs targets in {reference.unit}, but {target} is in"
                f" {unit}"
            )
        return cls(chosen, reference)

    @property
    def identity(self) -> dict[str, str]:
        """Return what was read, for the hash of a run."""
        return {"reference": self.reference.fingerprint}

    def about(self, known: Materials) -> dict[str, Any]:
        """Return what a manifest says of the question: its words, and what is promised.

        Args:
            known: all materials of the run.
        """
        with blame(self.chosen.parts, (), "wording"):
            wording = self.reference.wording(known)
            if not isinstance(wording, Wording):
                raise ContractError("wording returned no Wording")
        return {
            "wording": asdict(wording),
            "margin": float(self.reference.margin),
            "target_reliability": float(self.reference.target_reliability),
        }

    def draw(self, asked: Materials, known: Materials, target: F8) -> Border:
        """Return the border of materials, as ``Reference.border``."""
        with blame(self.chosen.parts, (), "border"):
            drawn = self.reference.border(asked, known, target)
            if not isinstance(drawn, Border) or len(drawn.words) != len(asked):
                raise ContractError(f"it draws no border for each of {len(asked)} materials")
        return drawn

    def every(self, dataset: Dataset) -> Border:
        """Return the border of each material of a data set that all others draw.

        The target of the material itself is no part of its border, those of all others are: what
        is known of the world once a candidate is asked about.
        """
        return self.draw(dataset.materials, dataset.materials, dataset.target)

    def decide(
        self, dataset: Dataset, drawn: Border, said: Predictions, trust: Assessments | None
    ) -> Decisions | None:
        """Return a decision for each prediction that there is a border for; None for no row.

        The learner sees targets of calibration rows only.

        Args:
            dataset: of the run.
            drawn: the border of each of its materials.
            said: predictions.
            trust: what trust methods say of them; None without one.
        """
        place = {one: row for row, one in enumerate(dataset.materials.ids.tolist())}
        at = np.array([place[one] for one in said.ids.tolist()], dtype=np.int64)
        rows = border_rows(said, drawn.value[at], element_counts(dataset.materials)[at], trust)
        blocks = []
        for arm, fold in dict.fromkeys(zip(said.arm.tolist(), said.fold.tolist(), strict=True)):
            own = (said.arm == arm) & (said.fold == fold) & np.isfinite(rows.border)
            if not own.any():
                continue
            words = np.array([drawn.words[i] for i in at[own].tolist()], dtype=np.str_)
            blocks.append(self._table(said.take(own), rows.take(own), words))
        return Decisions.stacked(blocks) if blocks else None

    def _table(self, said: Predictions, rows: BorderRows, words: Str) -> Decisions:
        """Return the decisions of one arm and fold; each part is a list of its own."""
        learned = said.parts == "calibration"
        likely, near = self.learn(rows.take(learned))(rows)
        labels = np.empty(len(said), dtype="<U6")
        for part in dict.fromkeys(said.parts.tolist()):
            own = said.parts == part
            labels[own] = self.labels(likely[own], said.outside[own])
        return Decisions(
            arm=said.arm, fold=said.fold, ids=said.ids, formula=said.formula, parts=said.parts,
            target=said.target, mean=said.mean, border=rows.border, words=words,
            probability=likely, probability_near=near,
            margin=np.full(len(said), self.reference.margin), label=labels,
        )  # fmt: skip

    def learn(self, known: BorderRows) -> Learned:
        """Learn decisions from calibration rows of an arm."""
        margin = self.reference.margin
        with blame(self.chosen.parts, (), "decide"):
            at_border, near = (self.reference.learn(known, above) for above in (0.0, margin))
        return Learned(self.chosen, at_border, near, margin)

    def labels(self, probability: F8, outside: Bool) -> Str:
        """Return (n,) labels of a list of decisions: of those trusted, the promised share is right.

        Probabilities are learned from in-domain rows: of what the arm's detector flags, none is
        trusted, however sure it seems.

        Args:
            probability: (n,) that the true value is at most the border.
            outside: (n,) flagged by the detector.
        """
        risk = np.minimum(probability, 1.0 - probability)
        trusted = np.zeros(len(risk), dtype=np.bool_)
        allowed = 1.0 - self.reference.target_reliability
        trusted[~outside] = longest_prefix(risk[~outside], allowed)
        return labels_of(trusted, risk > DOUBTFUL)


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learned of an arm.

    Attributes:
        chosen: the component whose reference learned it.
        at_border: the probability of at most the border.
        near: the probability of at most ``margin`` above it.
        margin: in the target's unit.
    """

    chosen: BoundComponent
    at_border: Decision
    near: Decision
    margin: float

    def __call__(self, rows: BorderRows) -> tuple[F8, F8]:
        """Return (n,) probabilities of at most the border, and of at most a margin above it."""
        with blame(self.chosen.parts, (), "decide"):
            likely = _asked(self.at_border, rows, 0.0)
            return likely, np.maximum(likely, _asked(self.near, rows, self.margin))


def _require_stated(reference: Reference) -> None:
    """Refuse a reference whose attributes are not what they must be.

    Raises:
        ContractError: names all of them.
    """
    wrong = [
        f"{name} is no text: {getattr(reference, name)!r:.80}"
        for name in ("fingerprint", "unit")
        if not isinstance(getattr(reference, name), str)
    ]
    for name, high in (("margin", math.inf), ("target_reliability", 1.0)):
        value = getattr(reference, name)
        if not isinstance(value, int | float | np.number) or not 0 <= value < high:
            wrong.append(f"{name} is no number from 0 to {high:g}: {value!r:.80}")
    if wrong:
        raise ContractError("; ".join(wrong))


def _asked(decision: Decision, rows: BorderRows, above: float) -> F8:
    """Return (n,) probabilities; the decision sees no target."""
    hidden = np.full(len(rows), np.nan)
    found = np.asarray(decision(BorderRows(**{**vars(rows), "target": hidden})), dtype=np.float64)
    if found.shape != (len(rows),) or not ((found >= 0) & (found <= 1)).all():
        raise ContractError(f"its probabilities (margin {above:g}) are not {len(rows)} in [0, 1]")
    return found


def border_rows(
    said: Predictions, border: F8, elements: F8, trust: Assessments | None
) -> BorderRows:
    """Return n predictions with what they are held against.

    Args:
        said: the predictions.
        border: (n,).
        elements: (n,) number of different elements.
        trust: what trust methods say of them; None without one.
    """
    return BorderRows(
        border=border,
        mean=said.mean,
        std=said.std,
        expected_error=_expected(said, trust),
        score=said.ood_score,
        elements=elements,
        target=said.target,
    )


def element_counts(materials: Materials) -> F8:
    """Return (n,) how many different elements each material has."""
    pairs = np.unique(materials.owner * MAX_Z + materials.numbers.astype(np.int64) - 1)
    return np.bincount(pairs // MAX_Z, minlength=len(materials)).astype(np.float64)


def _expected(said: Predictions, trust: Assessments | None) -> F8:
    """Return (n,) the error that the first trust method of each arm expects; NaN without one."""
    if trust is None:
        return np.full(len(said), np.nan)
    found: dict[tuple[str, ...], float] = {}
    keys = zip(*(trust.arm, trust.fold, trust.parts, trust.ids), strict=True)
    for key, error in zip(keys, trust.expected_error.tolist(), strict=True):
        found.setdefault(tuple(map(str, key)), error)
    asked = zip(*(said.arm, said.fold, said.parts, said.ids), strict=True)
    return np.array([found.get(tuple(map(str, key)), np.nan) for key in asked])
