"""Nested training: an arm is trained again without classes of its own training rows. Light.

Its errors on them tell trust methods how errors grow outside the domain. Only targets of train and
calibration rows are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8
from atlas_core.context import FitContext, derive_seed
from atlas_core.engine.arm import Arm, FittedArm
from atlas_core.engine.notes import Heard, Notes
from atlas_core.engine.regions import TrustRegions
from atlas_core.engine.view import View
from atlas_core.errors import ContractError, DataError
from atlas_core.fits import FitCache
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.split import Split, SplitRequest, Splitter
from atlas_core.kinds.trust import Evidence, Promise, TrustMethod, TrustRegion
from atlas_core.materials import Materials
from atlas_core.spec.model import Trust
from atlas_core.spec.plan import Chosen

HOME = "in-domain"
FEWEST = 20
"""Rows of a class below which its errors say too little to learn from."""


@dataclass(frozen=True)
class TrustSettings:
    """Hold what trust regions are learned from.

    Attributes:
        stated: the spec's block: budget, confidence, sizes.
        shifts: splits of the training rows.
        smaller: {kind: component} trained for each class in place of the arm's own.
    """

    stated: Trust
    shifts: tuple[Chosen, ...]
    smaller: Mapping[str, Chosen]


def learn_trust(
    fitted: FittedArm,
    settings: TrustSettings,
    context: FitContext,
    *,
    notes: Notes,
    fits: FitCache | None = None,
) -> Heard:
    """Fit the arm's trust methods; return the warnings of the nested trainings.

    Args:
        fitted: trained and calibrated; gets the trust regions.
        settings: what they learn from.
        context: of the arm's own fit.
        notes: collect what the trainings leave.
        fits: what earlier fits answered.

    Raises:
        DataError: there are no calibration rows, or no class can be held out of the training rows.
    """
    chosen = fitted.arm.components["trust"]
    train, calibration = fitted.seen
    with notes.stage("trust", chosen):
        if not len(calibration):
            raise DataError(
                "trust: the split keeps no calibration rows to judge the arm's errors by; raise its"
                " `calibration` fraction"
            )
        inside = np.zeros(len(calibration), dtype=np.bool_)
        score = fitted.score(calibration)
        home = _evidence(HOME, chosen, train, calibration, score=score, shifted=inside)
        promise = Promise(_budget(settings.stated, home.error), settings.stated.share)
        nested = _Nested(fitted, settings, context, notes, fits)
        rehearsals = list(nested.evidence())
        notes.record("trust", _described(promise, home, rehearsals))
        regions: dict[str, TrustRegion] = {}
        for one in chosen.together:
            method: TrustMethod = one.build()
            region = method.fit(
                home,
                rehearsals,
                promise=promise,
                levels=fitted.arm.levels,
                seed=derive_seed(context.seed, "trust", one.name),
            )
            if not isinstance(region, TrustRegion):
                raise ContractError(f"{one.label}: fit returned no TrustRegion")
            regions[one.name] = region
    fitted.trust = TrustRegions(promise, regions)
    return nested.heard


def _described(promise: Promise, home: Evidence, rehearsals: list[Evidence]) -> dict[str, Any]:
    """Return what ``records.json`` says of the nested trainings."""
    return {
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
    }


def _budget(stated: Trust, error: F8) -> float:
    if stated.budget is not None:
        return stated.budget
    budget = float(np.quantile(error, stated.budget_quantile or 0.0))
    if budget <= 0:
        raise DataError("trust: the budget quantile of the errors is 0; state a budget instead")
    return budget


class _Nested:
    """Train an arm again and again, each time without some classes of its training rows."""

    def __init__(
        self,
        fitted: FittedArm,
        settings: TrustSettings,
        context: FitContext,
        notes: Notes,
        fits: FitCache | None,
    ) -> None:
        components = {**fitted.arm.components, **settings.smaller}
        for kind in ("calibrator", "trust", "acquisition"):
            components.pop(kind, None)
        self._small: Arm = replace(fitted.arm, components=components)
        self._judge = fitted.arm.components["trust"]
        self._train, self._settings, self._context = fitted.train, settings, context
        self._notes, self._fits = notes, fits
        # what a small training records is not of the run
        self._own = Notes(notes.arm, notes.fold, components.values(), notes.tell)
        self.heard = Heard()

    def evidence(self) -> Iterator[Evidence]:
        """Yield the evidence of each class that is held out of the training rows.

        Raises:
            DataError: there is none.
        """
        data, train, seed = self._train.data, self._train.rows, self._context.seed
        found = 0
        last: tuple[Split, FittedArm, I8] | None = None
        for place, chosen in enumerate(self._settings.shifts):
            for split in _folds(
                chosen,
                data.materials,
                data.columns,
                task=data.task,
                known=data.known,
                train=train,
                seed=derive_seed(seed, "shift", place),
            ):
                if len(split.shifted) < FEWEST:
                    continue
                found += 1
                name = f"{chosen.name} {split.name}"
                self._notes.say(f"rehearsal {found}, {name}")
                branch = derive_seed(seed, "rehearse", name)
                if last is None or not _same_training(last[0], split):
                    last = (split, *self._trained(split, name, branch))
                yield self._of(split, last[1], last[2], name=name, seed=branch)
                self._listen(last[1])
        self._notes.stages.extend(self._own.stages)
        if not found:
            raise _nothing_held_out(self._settings.shifts, train)

    def _listen(self, fitted: FittedArm) -> None:
        heard = fitted.trained.heard
        self.heard.said |= {f"in a rehearsal: {text}" for text in heard.said}

    def _trained(self, split: Split, name: str, seed: int) -> tuple[FittedArm, I8]:
        """Train on at most as many rows as the spec says; return in-domain rows, too, not seen."""
        rows = _some(
            split.train, self._settings.stated.pseudo_shift.rows, derive_seed(seed, "rows")
        )
        step, home = f"rehearse {name}", self._context.directory
        context = replace(
            self._context,
            seed=derive_seed(seed, "fit"),
            directory=None if home is None else home.parent / step,
        )
        fitted = FittedArm.of_training(
            self._small,
            self._train.data,
            rows,
            context,
            notes=self._own,
            fits=self._fits,
            step=step,
        )
        spare, inside = _spared(split, seed)
        fitted.detect(spare, derive_seed(seed, "detect"), self._own)
        return fitted, inside

    def _of(self, split: Split, fitted: FittedArm, inside: I8, *, name: str, seed: int) -> Evidence:
        """Score rows of the class and in-domain ones."""
        stated = self._settings.stated
        shifted = _some(split.shifted, stated.pseudo_shift.scored, derive_seed(seed, "shifted"))
        rows = np.concatenate([shifted, _inside(inside, stated, name=name, seed=seed)])
        view = fitted.view(self._train.data, rows)
        return _evidence(
            name,
            self._judge,
            fitted.train,
            view,
            score=fitted.score(view),
            shifted=np.arange(len(rows)) < len(shifted),
        )


def _same_training(one: Split, other: Split) -> bool:
    """Tell whether the same training does for another class."""
    return all(
        np.array_equal(getattr(one, part), getattr(other, part))
        for part in ("train", "calibration", "test")
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
    name: str,
    judge: Chosen,
    train: View,
    seen: View,
    *,
    score: OODScore | None,
    shifted: npt.NDArray[np.bool_],
) -> Evidence:
    return Evidence(
        name=name,
        train=train.inputs(judge),
        train_target=train.targets,
        inputs=seen.inputs(judge),
        prediction=seen.prediction,
        target=seen.targets,
        ood=score,
        shifted=shifted,
    )
