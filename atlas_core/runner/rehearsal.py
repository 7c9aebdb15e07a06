"""Rehearse the shift: train an arm without classes of its own training rows, and note its errors.

Light. Only targets of train and calibration rows are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8
from atlas_core.context import derive_seed
from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import Predictions
from atlas_core.data.tables import ends
from atlas_core.errors import ContractError, DataError
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.ood import Detector, OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.split import Split, SplitRequest, Splitter
from atlas_core.kinds.trust import LABELS, Assessment, Evidence, Promise, TrustMethod, TrustRegion
from atlas_core.materials import Materials
from atlas_core.runner.answers import Answers
from atlas_core.spec.model import Trust
from atlas_core.spec.plan import Chosen

if TYPE_CHECKING:
    from atlas_core.runner.cell import Cell, Fitted

HOME = "in-domain"
FEWEST = 20
"""Rows of a class below which its errors say too little to learn from."""


@dataclass(frozen=True)
class TrustSettings:
    """What a cell needs to fit trust regions.

    Attributes:
        stated: the spec's block: budget, confidence, sizes.
        shifts: splits of the training rows.
        smaller: {kind: component} trained for each class in place of the arm's own.
    """

    stated: Trust
    shifts: tuple[Chosen, ...]
    smaller: Mapping[str, Chosen]


@dataclass(frozen=True, eq=False)
class TrustRegions:
    """Hold what the trust methods of one cell learned.

    Attributes:
        chosen: all of them together; what they need is shown.
        promise: budget and confidence.
        regions: by the component's name; the first one decides.
    """

    chosen: Chosen
    promise: Promise
    regions: Mapping[str, TrustRegion]


def learn_trust(
    cell: Cell, fitted: Fitted, *, train: I8, calibration: I8, seed: int
) -> TrustRegions:
    """Fit the arm's trust methods.

    Raises:
        DataError: there are no calibration rows, or no class can be held out of the training rows.
    """
    settings, chosen = cell.settings.trust, cell.settings.components["trust"]
    if settings is None:
        raise ContractError("an arm has a trust method, but no budget was stated")
    if not len(calibration):
        raise DataError(
            "trust: the split keeps no calibration rows to judge the arm's errors by; raise its"
            " `calibration` fraction"
        )
    home = _evidence(
        cell,
        fitted.answers,
        cell.score(fitted, calibration),
        name=HOME,
        train=train,
        rows=calibration,
        shifted=np.zeros(len(calibration), dtype=np.bool_),
    )
    promise = Promise(_budget(settings.stated, home.error), settings.stated.share)
    rehearsals = list(_rehearsals(cell, settings, train=train, seed=seed))
    cell.record(
        "trust",
        {
            "budget": promise.budget,
            "confidence": promise.confidence,
            "home_error": float(home.error.mean()),
            "trainings": len({tuple(one.train.materials.ids.tolist()) for one in rehearsals}),
            "rehearsals": [
                {
                    "name": one.name,
                    "trained_on": len(one.train),
                    "held_out_rows": int(one.shifted.sum()),
                    "held_out_error": float(one.error[one.shifted].mean()),
                    "in_domain_error": float(one.error[~one.shifted].mean()),
                }
                for one in rehearsals
            ],
        },
    )
    regions: dict[str, TrustRegion] = {}
    for one in chosen.together:
        method: TrustMethod = one.build()
        region = method.fit(
            home,
            rehearsals,
            promise=promise,
            levels=cell.settings.levels,
            seed=derive_seed(seed, "trust", one.name),
        )
        if not isinstance(region, TrustRegion):
            raise ContractError(f"{one.label}: fit returned no TrustRegion")
        regions[one.name] = region
    return TrustRegions(chosen, promise, regions)


def _budget(stated: Trust, error: F8) -> float:
    if stated.budget is not None:
        return stated.budget
    budget = float(np.quantile(error, stated.budget_quantile or 0.0))
    if budget <= 0:
        raise DataError("trust: the budget quantile of the errors is 0; state a budget instead")
    return budget


def _rehearsals(cell: Cell, settings: TrustSettings, *, train: I8, seed: int) -> Iterator[Evidence]:
    """Yield the evidence of each class that is held out of the training rows."""
    components = dict(cell.settings.components) | dict(settings.smaller)
    for kind in ("calibrator", "trust", "acquisition"):
        components.pop(kind, None)
    small = cell.again(replace(cell.settings, components=components, trust=None))
    found = 0
    rehearsal: _Rehearsal | None = None
    for place, chosen in enumerate(settings.shifts):
        for split in _splits(cell, chosen, train, derive_seed(seed, "shift", place)):
            if len(split.shifted) < FEWEST:
                continue
            found += 1
            name = f"{chosen.name} {split.name}"
            cell.tell(f"{cell.where}: rehearsal {found}, {name}")
            branch = derive_seed(seed, "rehearse", name)
            if rehearsal is None or not rehearsal.serves(split):
                rehearsal = _Rehearsal.of(small, split, settings.stated, name=name, seed=branch)
            yield rehearsal.evidence(small, split, settings.stated, name=name, seed=branch)
            cell.rehearsed |= {f"in a rehearsal: {text}" for text in rehearsal.answers.said}
    cell.stages.extend(small.stages)
    if not found:
        raise _nothing_held_out(settings.shifts, train)


def _splits(cell: Cell, chosen: Chosen, train: I8, seed: int) -> list[Split]:
    data = cell.data
    return _folds(
        chosen,
        data.materials,
        data.columns,
        task=data.task,
        known=data.known,
        train=train,
        seed=seed,
    )


def _folds(
    chosen: Chosen,
    materials: Materials,
    columns: Mapping[str, npt.NDArray[Any]],
    *,
    task: Task,
    known: F8,
    train: I8,
    seed: int,
) -> list[Split]:
    """Return folds of the training rows, in the data set's row numbers."""
    splitter: Splitter = chosen.build()
    request = SplitRequest(
        materials=materials.take(train),
        columns={name: np.asarray(values)[train] for name, values in columns.items()},
        task=task,
        seed=seed,
        target=known[train] if "target" in chosen.requires else None,
    )
    return [
        Split(
            name=split.name,
            held_out=split.held_out,
            **{part: train[rows] for part, rows in split.parts().items()},
        )
        for split in splitter.split(request)
    ]


def planned_rehearsals(
    shifts: tuple[Chosen, ...],
    stated: Trust,
    *,
    materials: Materials,
    columns: Mapping[str, npt.NDArray[Any]],
    task: Task,
    known: F8,
    train: I8,
    seed: int,
) -> list[tuple[str, I8, I8]]:
    """Return what ``learn_trust`` will train on: a name, training rows and spare rows each.

    Args:
        shifts: splits of the training rows.
        stated: the spec's block.
        materials: all n materials.
        columns: metadata by name, (n,) each.
        task: ``regression`` or ``binary``.
        known: (n,) targets of the training rows.
        train: the training rows.
        seed: of the cell.

    Raises:
        DataError: no class can be held out, or too few rows would remain to judge by.
    """
    found = []
    for place, chosen in enumerate(shifts):
        own = derive_seed(seed, "shift", place)
        for split in _folds(
            chosen, materials, columns, task=task, known=known, train=train, seed=own
        ):
            if len(split.shifted) < FEWEST:
                continue
            name = f"{chosen.name} {split.name}"
            branch = derive_seed(seed, "rehearse", name)
            rows = _some(split.train, stated.pseudo_shift.rows, derive_seed(branch, "rows"))
            spare, inside = _spared(split, branch)
            _inside(inside, stated, name=name, seed=branch)
            found.append((name, rows, spare))
    if not found:
        raise _nothing_held_out(shifts, train)
    return found


def _nothing_held_out(shifts: tuple[Chosen, ...], train: I8) -> DataError:
    names = ", ".join(chosen.name for chosen in shifts)
    return DataError(
        f"trust: {names} held no class of {FEWEST} rows or more out of {len(train)} training"
        " rows; name other splits in trust.pseudo_shift.splits"
    )


def _spared(split: Split, seed: int) -> tuple[I8, I8]:
    """Return rows for the detector's threshold, and the in-domain rows that nothing has seen."""
    if len(split.calibration):
        return split.calibration, split.test
    spare = _some(split.test, len(split.test) // 2, derive_seed(seed, "spare"))
    return spare, np.setdiff1d(split.test, spare)


@dataclass(frozen=True, eq=False)
class _Rehearsal:
    """A training without some classes of the training rows, and the detector fitted with it.

    Attributes:
        split: the fold that it was trained for; folds with the same training rows share it.
        inside: in-domain rows that neither the training nor the detector saw.
        train: the rows of the fold's training part that were drawn.
        answers: the predictor's.
        detector: None where the arm has none.
    """

    split: Split
    inside: I8
    train: I8
    answers: Answers
    detector: Detector | None

    def serves(self, split: Split) -> bool:
        """Tell whether the same training does for another class."""
        return all(
            np.array_equal(getattr(self.split, part), getattr(split, part))
            for part in ("train", "calibration", "test")
        )

    @classmethod
    def of(cls, small: Cell, split: Split, stated: Trust, *, name: str, seed: int) -> _Rehearsal:
        """Train on at most so many rows as the spec says."""
        train = _some(split.train, stated.pseudo_shift.rows, derive_seed(seed, "rows"))
        answers = small.train(train, derive_seed(seed, "fit"), f"rehearse {name}")
        spare, inside = _spared(split, seed)
        detector = small.detect(answers, train, spare, seed=derive_seed(seed, "detect"))
        return cls(split, inside, train, answers, detector)

    def evidence(
        self, small: Cell, split: Split, stated: Trust, *, name: str, seed: int
    ) -> Evidence:
        """Score rows of the class and in-domain ones."""
        shifted = _some(split.shifted, stated.pseudo_shift.scored, derive_seed(seed, "shifted"))
        rows = np.concatenate([shifted, _inside(self.inside, stated, name=name, seed=seed)])
        score = None
        if self.detector is not None:
            seen = small.shown(small.settings.components["ood"], self.answers, rows)
            score = self.detector.score(seen)
        return _evidence(
            small,
            self.answers,
            score,
            name=name,
            train=self.train,
            rows=rows,
            shifted=np.arange(len(rows)) < len(shifted),
        )


def _some(rows: I8, most: int, seed: int) -> I8:
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])


def _inside(rows: I8, stated: Trust, *, name: str, seed: int) -> I8:
    """Return the in-domain rows that are scored.

    Raises:
        DataError: there are too few.
    """
    inside = _some(rows, stated.pseudo_shift.scored, derive_seed(seed, "inside"))
    if len(inside) < FEWEST:
        raise DataError(
            f"trust: {name} leaves {len(inside)} in-domain test rows of the training part; raise"
            " the `test` fraction of that split"
        )
    return inside


def _evidence(
    cell: Cell,
    answers: Answers,
    score: OODScore | None,
    *,
    name: str,
    train: I8,
    rows: I8,
    shifted: npt.NDArray[np.bool_],
) -> Evidence:
    return Evidence(
        name=name,
        train=cell.shown(cell.judged, answers, train),
        train_target=cell.targets(train),
        inputs=cell.shown(cell.judged, answers, rows),
        prediction=answers.predict(rows),
        target=cell.targets(rows),
        ood=score,
        shifted=shifted,
    )


def judge(
    regions: TrustRegions, *, inputs: Inputs, prediction: Prediction, ood: OODScore | None
) -> dict[str, tuple[Assessment, npt.NDArray[np.str_]]]:
    """Return what each method says of a list of candidates, and how it labels them.

    Raises:
        ContractError: a method returned another number of rows, or an unknown label.
    """
    found = {}
    for name, region in regions.regions.items():
        assessment = region.assess(inputs, prediction, ood)
        labels = np.asarray(region.label(assessment), dtype=np.str_)
        if len(assessment) != len(inputs) or labels.shape != (len(inputs),):
            raise ContractError(f"trust {name}: {len(labels)} labels for {len(inputs)} rows")
        if unknown := sorted(set(labels.tolist()) - set(LABELS)):
            raise ContractError(f"trust {name}: unknown labels {', '.join(unknown)}")
        found[name] = (assessment, labels)
    return found


def assessments(
    judged: Mapping[str, tuple[Assessment, npt.NDArray[np.str_]]],
    said: Predictions,
    promise: Promise,
    levels: tuple[float, ...],
    bounds: tuple[float, float] | None,
) -> Assessments:
    """Return a row for each method and prediction, method after method."""
    n = len(said)
    blocks = []
    reason: Any
    for name, (assessed, labels) in judged.items():
        found = assessed.within(bounds)
        reason = found.reasons
        lower, upper = ends(levels, found.levels, found.lower, found.upper, n)
        blocks.append(
            Assessments(
                arm=said.arm,
                fold=said.fold,
                ids=said.ids,
                formula=said.formula,
                target=said.target,
                mean=said.mean,
                parts=said.parts,
                method=np.full(n, name),
                budget=np.full(n, promise.budget),
                confidence=np.full(n, promise.confidence),
                risk=found.risk,
                expected_error=found.expected_error,
                label=labels,
                reason=reason,
                lower=lower,
                upper=upper,
            )
        )
    return Assessments.stacked(blocks)
