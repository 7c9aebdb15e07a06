"""Nested training: an arm is trained again without classes of its own training rows. Light.

Its errors on them tell trust methods how errors grow outside the domain. Only targets of train and
calibration rows are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.context import FitContext, derive_seed
from atlas_core.engine.arm import FittedArm
from atlas_core.engine.fits import FitCache
from atlas_core.engine.notes import Heard, Notes
from atlas_core.engine.regions import TrustRegions
from atlas_core.engine.view import View
from atlas_core.errors import ContractError, DataError
from atlas_core.kinds.split import Split, SplitRequest, Splitter
from atlas_core.kinds.trust import Evidence, ReliabilityTarget, TrustMethod, TrustRegion
from atlas_core.materials import Materials
from atlas_core.spec.model import Nested, Trust
from atlas_core.spec.plan import BoundComponent

IN_DOMAIN = "in-domain"
FEWEST = 20
"""Rows of a class below which its errors say too little to learn from."""


@dataclass(frozen=True)
class TrustSettings:
    """What trust regions are learned from.

    Attributes:
        stated: the spec's block: error tolerance, target reliability, sizes.
        nested_splits: splits of the training rows.
        refitted: {kind: component} that is fitted again without each class.
        materials: all n of the data set, which splits may read.
    """

    stated: Trust
    nested_splits: tuple[BoundComponent, ...]
    refitted: Mapping[str, BoundComponent]
    materials: Materials


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
    chosen, heard = fitted.arm.components["trust"], Heard()
    calibration = fitted.seen[1]
    with notes.stage("trust", chosen.parts):
        if not len(calibration):
            raise DataError(
                "trust: the split keeps no calibration rows to judge the arm's errors by; raise its"
                " `calibration` fraction"
            )
        in_domain = _evidence(IN_DOMAIN, chosen.requires, fitted, calibration, ood_test=0)
        reliability = ReliabilityTarget(
            _error_tolerance(settings.stated, in_domain.error), settings.stated.share
        )
        nested = list(_nested(fitted, settings, context, notes=notes, fits=fits, heard=heard))
        notes.record("trust", _described(reliability, in_domain, nested))
        regions: dict[str, TrustRegion] = {}
        for one in chosen.together:
            method: TrustMethod = one.build()
            region = method.fit(
                in_domain,
                nested,
                reliability=reliability,
                levels=fitted.arm.levels,
                context=context.child("trust", one.name),
            )
            if not isinstance(region, TrustRegion):
                raise ContractError(f"{one.label}: fit returned no TrustRegion")
            regions[one.name] = region
    fitted.trust = TrustRegions(reliability, regions)
    return heard


def _nested(
    fitted: FittedArm,
    settings: TrustSettings,
    context: FitContext,
    *,
    notes: Notes,
    fits: FitCache | None,
    heard: Heard,
) -> Iterator[Evidence]:
    """Train again without each class, and yield how the errors on it compare."""
    requires, train = fitted.arm.components["trust"].requires, fitted.train
    small, data = replace(fitted.arm, components=settings.refitted), train.data
    # what a nested training records is not of the run
    own = replace(notes, components=small.parts, records=[])
    whole = SplitRequest(settings.materials, data.every.columns, context, data.known)
    first: HeldOut | None = None
    classes = held_out(settings.nested_splits, settings.stated, whole, train.rows, context.seed)
    for number, one in enumerate(classes, start=1):
        notes.step(f"nested fit {number}, {one.name}")
        if first is None or not one.same_training(first):
            first, step = one, f"nested {one.name}"
            at = None if context.directory is None else context.directory.parent / step
            again = FittedArm.of_training(
                small,
                data,
                one.train,
                replace(context, seed=derive_seed(one.seed, "fit"), directory=at),
                notes=own,
                fits=fits,
                step=step,
            )
            spare = again.view(data, one.spare)
            again.detect(spare, replace(context, seed=derive_seed(one.seed, "detect")), own)
        rows = np.concatenate([one.ood_test, one.inside(first.rest)])
        view = again.view(data, rows)
        yield _evidence(one.name, requires, again, view, ood_test=len(one.ood_test))
        heard.said |= {f"in a nested fit: {text}" for text in again.trained.heard.said}


def _evidence(
    name: str, requires: frozenset[str], fitted: FittedArm, seen: View, *, ood_test: int
) -> Evidence:
    """Return predictions and errors of rows, the first ``ood_test`` of which are of the class."""
    train = fitted.train
    return Evidence(
        name=name,
        train=train.inputs(requires),
        train_target=train.targets,
        inputs=seen.inputs(requires),
        prediction=seen.prediction,
        target=seen.targets,
        ood=fitted.score(seen),
        ood_test=np.arange(len(seen)) < ood_test,
    )


def _described(
    reliability: ReliabilityTarget, in_domain: Evidence, nested: list[Evidence]
) -> dict[str, Any]:
    """Return what ``records.json`` says of the nested trainings."""
    return {
        "error_tolerance": reliability.error_tolerance,
        "target_reliability": reliability.target_reliability,
        "in_domain_error": float(in_domain.error.mean()),
        "trainings": len({tuple(one.train.ids.tolist()) for one in nested}),
        "nested": [
            {
                "name": one.name,
                "trained_on": len(one.train),
                "held_out_rows": int(one.ood_test.sum()),
                "held_out_error": float(one.error[one.ood_test].mean()),
                "in_domain_error": float(one.error[~one.ood_test].mean()),
            }
            for one in nested
        ],
    }


def _error_tolerance(stated: Trust, error: F8) -> float:
    if stated.error_tolerance is not None:
        return stated.error_tolerance
    error_tolerance = float(np.quantile(error, stated.error_tolerance_quantile or 0.0))
    if error_tolerance <= 0:
        raise DataError(
            "trust: the error_tolerance_quantile of the errors is 0; state an error_tolerance"
        )
    return error_tolerance


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Name a class that is held out of the training rows, and the rows that are used.

    Attributes:
        name: of the splitter and the class.
        seed: of the training without it.
        split: of the training rows, in the data set's row numbers.
        stated: sizes.
        train: rows that are trained on.
        spare: rows for the detector's threshold.
        rest: in-domain rows that nothing has seen.
        ood_test: rows of the class that are scored.
    """

    name: str
    seed: int
    split: Split
    stated: Nested
    train: I8
    spare: I8
    rest: I8
    ood_test: I8

    def inside(self, rest: I8) -> I8:
        """Return which of the in-domain rows are scored.

        Raises:
            DataError: there are too few.
        """
        inside = _some(rest, self.stated.scored, derive_seed(self.seed, "inside"))
        if len(inside) < FEWEST:
            raise DataError(
                f"trust: {self.name} leaves {len(inside)} in-domain test rows of the training part;"
                " raise the `test` fraction of that split"
            )
        return inside

    def same_training(self, other: HeldOut) -> bool:
        """Return whether the training of the other one does for this class, too."""
        return all(
            np.array_equal(getattr(self.split, part), getattr(other.split, part))
            for part in ("train", "calibration", "test")
        )


def held_out(
    nested_splits: Sequence[BoundComponent],
    stated: Trust,
    whole: SplitRequest,
    train: I8,
    seed: int,
) -> Iterator[HeldOut]:
    """Yield the classes that are held out of the training rows.

    Args:
        nested_splits: splits of the training rows.
        stated: the spec's block.
        whole: all n materials, with the targets of the training rows.
        train: the training rows.
        seed: of the job.

    Raises:
        DataError: no class can be held out.
    """
    sizes, found = stated.nested, False
    for place, chosen in enumerate(nested_splits):
        for split in _folds(chosen, whole, train, derive_seed(seed, "shift", place)):
            if len(split.ood_test) < FEWEST:
                continue
            found = True
            name = f"{chosen.name} {split.name}"
            own = derive_seed(seed, "nested", name)
            spare, rest = _spared(split, own)
            yield HeldOut(
                name=name,
                seed=own,
                split=split,
                stated=sizes,
                train=_some(split.train, sizes.rows, derive_seed(own, "rows")),
                spare=spare,
                rest=rest,
                ood_test=_some(split.ood_test, sizes.scored, derive_seed(own, "ood_test")),
            )
    if not found:
        names = ", ".join(chosen.name for chosen in nested_splits)
        raise DataError(
            f"trust: {names} held no class of {FEWEST} rows or more out of {len(train)} training"
            " rows; name other splits in trust.nested.splits"
        )


def _folds(chosen: BoundComponent, whole: SplitRequest, train: I8, seed: int) -> Iterator[Split]:
    """Yield folds of the training rows, in the data set's row numbers."""
    splitter: Splitter = chosen.build()
    target = whole.target if "target" in chosen.requires else None
    request = SplitRequest(
        materials=whole.materials.take(train),
        columns={name: np.asarray(values)[train] for name, values in whole.columns.items()},
        context=replace(whole.context, seed=seed),
        target=None if target is None else target[train],
    )
    for split in splitter.split(request):
        parts = {part: train[rows] for part, rows in split.parts().items()}
        yield Split(name=split.name, held_out=split.held_out, **parts)


def _spared(split: Split, seed: int) -> tuple[I8, I8]:
    """Return rows for the detector's threshold, and the in-domain rows that nothing has seen."""
    if len(split.calibration):
        return split.calibration, split.test
    spare = _some(split.test, len(split.test) // 2, derive_seed(seed, "spare"))
    return spare, np.setdiff1d(split.test, spare)


def _some(rows: I8, most: int, seed: int) -> I8:
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])
