"""Hold what an arm predicts against a reference: a decision of each prediction. Light.

Nothing of it is kept in a fit: the decision is learned from what the run itself predicted of its
calibration rows, and tried on its test rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from atlas_core.arrays import F8, Bool, Str
from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import Predictions
from atlas_core.elements import SYMBOLS
from atlas_core.engine.decide import Decider, Learned, border_rows, element_counts
from atlas_core.errors import DataError
from atlas_core.kinds.reference import BorderRows, HasPhases, Phases, Wording
from atlas_core.materials import Materials
from atlas_core.printing import counted, listed
from atlas_screening.folder import TABLE
from atlas_statistics.binomial import wilson

LEARNED, TRIED = "calibration", "test"
NAMED = 20
"""Places of candidates that a line names."""


@dataclass(frozen=True, eq=False)
class Decided:
    """Decisions of n candidates.

    Attributes:
        border: (n,) what each is held against, in the target's unit; NaN where there is nothing.
        words: (n,) what that rests on, such as ``LiF + MgF2``, or why there is none.
        above: (n,) how far the prediction lies above it: E_hull.
        lower: (n,) lower end of the interval of that.
        upper: (n,) upper end.
        probability: (n,) that the true value is at most the border; NaN without one.
        near: (n,) that it is at most the margin above it.
        label: (n,) of the decision in this list; "" without one.
        flip: (n,) the standard deviations that ``above`` is away from 0; NaN without any.
        known: (n,) what the reference knows of the same composition, in the target's unit.
        phases: all phases that compete; None where the border is no hull.
    """

    border: F8
    words: Str
    above: F8
    lower: F8
    upper: F8
    probability: F8
    near: F8
    label: Str
    flip: F8
    known: F8
    phases: Phases | None = None

    def __len__(self) -> int:
        return len(self.border)

    @property
    def call(self) -> Any:
        """Return (n,) whether the decision is "at or below the border"."""
        return self.probability >= 0.5

    def columns(self) -> dict[str, Any]:
        """Return the columns of a table."""
        return {
            "border": self.border,
            "against": self.words.astype(object),
            "above_border": self.above,
            "above_lower": self.lower,
            "above_upper": self.upper,
            "probability": self.probability,
            "probability_near": self.near,
            "decision": self.label.astype(object),
            "sigmas_to_flip": self.flip,
            "reference_value": self.known,
            "reference_above_border": self.known - self.border,
        }


@dataclass(frozen=True, eq=False)
class Said:
    """What an arm says of n candidates, as far as a decision needs it.

    Attributes:
        canonical: (n,) formulas by which one composition is known again.
        places: n places in the list, for a message.
        mean: (n,) predictions.
        std: (n,), NaN where unknown.
        lower: (n,) ends of the intervals, or NaN.
        upper: (n,).
        expected_error: (n,) or NaN.
        score: (n,) of the detector, or NaN.
        outside: (n,) flagged by the detector.
    """

    canonical: Str
    places: Sequence[str]
    mean: F8
    std: F8
    lower: F8
    upper: F8
    expected_error: F8
    score: F8
    outside: Bool


@dataclass(frozen=True, eq=False)
class Against:
    """A reference, and what was learned of one arm's predictions held against it.

    Attributes:
        decider: the reference.
        known: k materials of the run whose true values are known.
        target: (k,) these.
        rows: r predictions that the decision is learned from and tried on.
        borders: (r,) what each of these rows is held against; NaN where there is nothing.
        elements: (r,) number of different elements.
        trust: what trust methods say of the arm's predictions; None without one.
        pooled: whether these are of the evaluation's fits, and another fit is asked.
    """

    decider: Decider
    known: Materials
    target: F8
    rows: Predictions
    borders: F8
    elements: F8
    trust: Assessments | None
    pooled: bool

    @classmethod
    def of(
        cls,
        decider: Decider,
        *,
        training: tuple[Str, Str, F8],
        rows: Predictions,
        trust: Assessments | None,
        pooled: bool,
    ) -> Against:
        """Hold the run's own predictions against a reference.

        Args:
            decider: the reference.
            training: ids, formulas and true values of the training materials.
            rows: predictions of the arm, of one fold or of all.
            trust: of the same arm.
            pooled: whether another fit is asked than these are of.
        """
        ids = np.concatenate([training[0], rows.ids])
        formulas = np.concatenate([training[1], rows.formula])
        _, first = np.unique(ids, return_index=True)
        first.sort()
        target = np.concatenate([training[2], rows.target])[first]
        known = Materials.from_formulas(ids[first].tolist(), formulas[first].tolist())
        place = {one: row for row, one in enumerate(known.ids.tolist())}
        at = np.array([place[one] for one in rows.ids.tolist()], dtype=np.int64)
        some, inverse = np.unique(at, return_inverse=True)
        asked = known.take(some)
        lacking, _ = _lacking(decider, asked, known, target)
        there = np.flatnonzero(~lacking)
        borders = np.full(len(some), np.nan)
        if len(there):
            borders[there] = decider.draw(asked.take(there), known, target).value
        elements = element_counts(asked)
        return cls(decider, known, target, rows, borders[inverse], elements[inverse], trust, pooled)

    @property
    def margin(self) -> float:
        """Return how far above the border is still near it."""
        return self.decider.reference.margin

    @property
    def hull(self) -> bool:
        """Return whether the border is a hull of phases."""
        return isinstance(self.decider.reference, HasPhases)

    @property
    def wording(self) -> Wording:
        """Return the question in words."""
        return self.decider.reference.wording(self.known)

    @cached_property
    def learned(self) -> Learned:
        """Return the decision, learned from all calibration rows that have a border."""
        return self.decider.learn(self._all.take(self._learned_rows()))

    @cached_property
    def _all(self) -> BorderRows:
        return border_rows(self.rows, self.borders, self.elements, self.trust)

    def _learned_rows(self) -> Any:
        return (self.rows.parts == LEARNED) & np.isfinite(self.borders)

    @cached_property
    def record(self) -> dict[str, Any]:
        """Return how the decision was learned, and how it fared on test rows of each fold.

        ``rows`` calibration rows, of which the share ``base`` lies at or below the border. Of
        ``tested`` rows: the Brier score, that of ``base``, and of the calls labeled trust how many
        there are, the share that is right with Wilson's interval, and the share at or below the
        border (``trusted_base``).
        """
        learned = self._learned_rows()
        truth = self._all.target <= self._all.border
        found: dict[str, Any] = {
            "rows": int(learned.sum()),
            "base": float(truth[learned].mean()) if learned.any() else None,
            "without_border": int((~np.isfinite(self.borders)).sum()),
            "tested": 0,
        }
        probability, labels, true = [], [], []
        for fold in dict.fromkeys(self.rows.fold.tolist()):
            own = (self.rows.fold == fold) & np.isfinite(self.borders)
            tried = own & (self.rows.parts == TRIED)
            if not tried.any():
                continue
            one_fold = len(set(self.rows.fold.tolist())) == 1
            asked = (
                self.learned
                if one_fold
                else self.decider.learn(self._all.take(own & (self.rows.parts == LEARNED)))
            )
            likely, _ = asked(self._all.take(tried))
            probability.append(likely)
            labels.append(self.decider.labels(likely, self.rows.outside[tried]))
            true.append(truth[tried])
        if not probability:
            return found
        p, label, is_true = map(np.concatenate, (probability, labels, true))
        found |= {"tested": len(p), "brier": float(np.mean((p - is_true) ** 2))}
        if found["base"] is not None:
            found["base_brier"] = float(np.mean((found["base"] - is_true) ** 2))
        right = ((p >= 0.5) == is_true)[label == "trust"]
        found["trusted"] = len(right)
        if len(right):
            share = float(right.mean())
            found["right"], (found["low"], found["high"]) = share, wilson(share, len(right))
            found["trusted_base"] = float(is_true[label == "trust"].mean())
        return found

    def decide(self, said: Said) -> tuple[Decided, list[str]]:
        """Return the decisions of a list of candidates, and what is to be said of the list."""
        names, inverse = np.unique(said.canonical, return_inverse=True)
        asked = self._named(names)
        lacking, phases = _lacking(self.decider, asked, self.known, self.target)
        value, words = np.full(len(names), np.nan), np.full(len(names), "", dtype=object)
        there = np.flatnonzero(~lacking)
        if len(there):
            drawn = self.decider.draw(asked.take(there), self.known, self.target)
            value[there], words[there] = drawn.value, list(drawn.words)
        if phases is not None:
            for row in np.flatnonzero(lacking).tolist():
                words[row] = f"the reference has nothing of {_missing(asked, row, phases)}"
        border = value[inverse]
        rows = BorderRows(
            border=border, mean=said.mean, std=said.std, expected_error=said.expected_error,
            score=said.score, elements=element_counts(asked)[inverse],
            target=np.full(len(border), np.nan),
        )  # fmt: skip
        n, some = len(border), np.isfinite(border)
        likely, near = np.full(n, np.nan), np.full(n, np.nan)
        label = np.full(n, "", dtype="<U6")
        if some.any():
            likely[some], near[some] = self.learned(rows.take(some))
            label[some] = self.decider.labels(likely[some], said.outside[some])
        with np.errstate(divide="ignore", invalid="ignore"):
            flip = np.where(said.std > 0, np.abs(said.mean - border) / said.std, np.nan)
        decided = Decided(
            border=border, words=words[inverse].astype(np.str_), above=said.mean - border,
            lower=said.lower - border, upper=said.upper - border, probability=likely, near=near,
            label=label, flip=flip, known=_known(asked, phases)[inverse],
            phases=phases,
        )  # fmt: skip
        return decided, self._remarks(asked, inverse, said, decided, phases)

    def _named(self, names: Str) -> Materials:
        """Return compositions under the id of the lowest known material of each.

        A candidate is taken for the known material of its composition: that one is left out, as it
        is where an evaluation asks about it.
        """
        lowest: dict[str, tuple[float, str]] = {}
        every = zip(
            self.known.formulas(), self.target.tolist(), self.known.ids.tolist(), strict=True
        )
        for name, value, own in every:
            lowest[name] = min(lowest.get(name, (np.inf, "")), (value, own))
        ids = [lowest[one][1] if one in lowest else f"candidate {one}" for one in names.tolist()]
        return Materials.from_formulas(ids, names.tolist())

    def _remarks(
        self, asked: Materials, inverse: Any, said: Said, decided: Decided, phases: Phases | None
    ) -> list[str]:
        """Say which candidates have no decision, and why: an element each, with the places."""
        found = []
        lacking = sorted(phases.lacking) if phases is not None else []
        for z in lacking:
            rows = np.unique(asked.owner[asked.numbers == z])
            found.append(
                f"the reference has nothing of {SYMBOLS[z]}: no decision for"
                f" {_places(said, np.isin(inverse, rows))}"
            )
        without = ~np.isfinite(decided.border)
        if lacking:
            out = np.unique(asked.owner[np.isin(asked.numbers, lacking)])
            without &= ~np.isin(inverse, out)
        reasons = dict.fromkeys(decided.words[without].tolist())
        return found + [
            f"{why}: no decision for {_places(said, without & (decided.words == why))}"
            for why in reasons
        ]


def _places(said: Said, some: Any) -> str:
    """Return where candidates stand in the list, in words."""
    named = [said.places[i] for i in np.flatnonzero(some).tolist()]
    more = len(named) - NAMED
    rest = f" and {more} more (all have an empty `decision` in {TABLE})" if more > 0 else ""
    return f"{counted(len(named), 'candidate')}: {', '.join(named[:NAMED])}{rest}"


def _missing(asked: Materials, row: int, phases: Phases) -> str:
    own = set(asked.numbers[asked.offsets[row] : asked.offsets[row + 1]].tolist())
    return listed([SYMBOLS[z] for z in sorted(own & phases.lacking)])


def _lacking(
    decider: Decider, asked: Materials, known: Materials, target: F8
) -> tuple[Any, Phases | None]:
    """Return (n,) whether a material has an element that no phase has, and all phases."""
    none = np.zeros(len(asked), dtype=bool)
    if not isinstance(decider.reference, HasPhases):
        return none, None
    phases = decider.reference.phases(asked, known, target)
    if not isinstance(phases, Phases):
        raise DataError(f"reference {decider.chosen.name}: phases returned no Phases")
    out = np.isin(asked.numbers, sorted(phases.lacking))
    none[asked.owner[out]] = True
    return none, phases


def _known(asked: Materials, phases: Phases | None) -> F8:
    """Return (n,) the energy of the phase of each composition; NaN where there is none."""
    found = np.full(len(asked), np.nan)
    if phases is not None:
        wanted = {name: row for row, name in enumerate(asked.formulas())}
        for name, energy in zip(phases.materials.formulas(), phases.energy.tolist(), strict=True):
            if name in wanted:
                found[wanted[name]] = energy
    return found
