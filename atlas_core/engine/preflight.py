"""Find what would fail after a training before the first one: sizes, classes, spread. Light.

The core counts rows and asks components (``Component.check``); it knows no method by name.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.context import FitContext, derive_seed
from atlas_core.engine.blame import blame
from atlas_core.engine.loop import first_labels, too_few
from atlas_core.engine.nested import HeldOut, held_out
from atlas_core.errors import AtlasError, DataError
from atlas_core.foresight import FoldFacts
from atlas_core.kinds.dataset import Dataset
from atlas_core.kinds.featurizer import Features, Vectors
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.split import Split, SplitRequest
from atlas_core.metrics.digits import counted
from atlas_core.spec.model import Trust
from atlas_core.spec.plan import Chosen, Plan

Problem = tuple[str, str]
"""Who has it (arm and component), and what it is."""


class Preflight:
    """Look at every arm on every fold, as often as more is known of the features.

    Args:
        plan: the spec.
        dataset: its data.
        splits: the folds.
    """

    def __init__(self, plan: Plan, dataset: Dataset, splits: Sequence[Split]) -> None:
        self._folds = [_Fold(plan, dataset, split) for split in splits]

    def require(self, features: Mapping[str, Features]) -> None:
        """Refuse a run that would fail after a training.

        Args:
            features: of all materials by arm, as far as they are at hand.

        Raises:
            DataError: something would; one line each, the same in several folds once.
        """
        found: dict[Problem, list[str]] = {}
        for fold in self._folds:
            fold.warn()
            for problem in fold.problems(features):
                found.setdefault(problem, []).append(fold.split.name)
        lines = []
        for (who, what), folds in found.items():
            more = f" and {len(folds) - 1} more" if len(folds) > 1 else ""
            lines.append(f"{who}{', ' if who else ''}{folds[0]}{more}: {what}")
        if lines:
            raise DataError("\n".join(lines))


@dataclass
class _Fold:
    """Look at one fold for every arm; of a loop, at its first round."""

    plan: Plan
    dataset: Dataset
    split: Split
    _inputs: dict[bytes, Inputs] = field(default_factory=dict)
    _planned: list[HeldOut] | None = None

    def warn(self) -> None:
        """Warn of parts whose rows are judged and share one target."""
        for part in ("test", "shifted"):
            if told := _nothing_to_tell_apart(self.dataset, self.split.parts()[part]):
                warnings.warn(f"{self.split.name}, {part}: {told}", stacklevel=3)

    def problems(self, features: Mapping[str, Features]) -> Iterator[Problem]:
        loop = self.plan.spec.active_learning
        train, step = self.split.train, "fit"
        if loop is not None:
            if told := too_few(self.split, loop):
                yield "", told
            train, step = first_labels(self.split, loop, self.plan.spec.seed), "round-0"
        what = "labelled at first" if loop is not None else "training"
        if told := _nothing_to_learn(self.dataset, train, what):
            yield "", told
        for arm, components in self.plan.arms.items():
            own = features.get(arm)
            facts = self._facts(train, self.split.calibration, own, arm)
            for chosen in components.values():
                yield from _asked(f"arm {arm}, ", chosen, facts)
            if "trust" in components and self.plan.spec.trust is not None:
                yield from self._rehearsals(arm, train, step, own)

    def _facts(self, train: I8, calibration: I8, features: Features | None, arm: str) -> FoldFacts:
        read = self.plan.arms[arm]["featurizer"].together
        structures = any("inputs:structure" in one.requires for one in read)
        target = self.dataset.target
        classes = {}
        if self.dataset.task == "binary":
            for name, rows in (("train", train), ("calibration", calibration)):
                ones = int(target[rows].sum())
                classes[name] = (len(rows) - ones, ones)
        return FoldFacts(
            task=self.dataset.task,
            levels=self.plan.spec.levels,
            train=replace(self._shown(train, features), structures=structures),
            calibration=replace(self._shown(calibration, features), structures=structures),
            classes=classes,
        )

    def _shown(self, rows: I8, features: Features | None) -> Inputs:
        key = rows.tobytes()
        if key not in self._inputs:
            data = self.dataset
            columns = {name: np.asarray(values)[rows] for name, values in data.columns.items()}
            self._inputs[key] = Inputs(data.materials.take(rows), columns=columns)
        # graphs are large, and no check reads them
        seen = features.take(rows) if isinstance(features, Vectors) else None
        return replace(self._inputs[key], features=seen)

    def _rehearsals(
        self, arm: str, train: I8, step: str, features: Features | None
    ) -> Iterator[Problem]:
        """Look at what the trust methods of an arm rehearse."""
        plan, data, who = self.plan, self.dataset, f"arm {arm}, trust"
        if plan.spec.trust is None:
            return
        if not len(self.split.calibration):
            yield (
                who,
                "the split keeps no calibration rows to judge the arm's errors by; raise its"
                " `calibration` fraction",
            )
            return
        smaller = {**plan.arms[arm], **plan.smaller.get(arm, {})}
        again = [smaller[kind] for kind in ("model", "uq", "ood") if kind in smaller]
        try:
            for one in self._plan_rehearsals(train, step, plan.spec.trust):
                if told := _nothing_to_learn(data, one.train, "training"):
                    yield who, f"rehearsal {one.name}: {told}"
                    continue
                facts = self._facts(one.train, one.spare, features, arm)
                for chosen in again:
                    yield from _asked(f"arm {arm}, rehearsal {one.name}, ", chosen, facts)
        except AtlasError as err:
            yield who, str(err).removeprefix("trust: ")

    def _plan_rehearsals(self, train: I8, step: str, stated: Trust) -> list[HeldOut]:
        """Return what is rehearsed, the same for every arm."""
        if self._planned is None:
            data = self.dataset
            known: F8 = np.full(len(data), np.nan)
            known[train] = data.target[train]
            seed = derive_seed(self.plan.spec.seed, step, self.split.name)
            whole = SplitRequest(data.materials, data.columns, FitContext(seed, data.task), known)
            self._planned = []
            for one in held_out(self.plan.shifts, stated, whole, train, seed):
                one.inside(one.rest)  # enough of them
                self._planned.append(one)
        return self._planned


def _asked(who: str, chosen: Chosen, facts: FoldFacts) -> Iterator[Problem]:
    """Ask a component, those beside it and those that its options name."""
    for one in chosen.every:
        with blame(one):
            told = one.resolved.component.problems(one.config, facts)
        for text in told:
            yield f"{who}{one.label}", text


def _nothing_to_tell_apart(dataset: Dataset, rows: I8) -> str:
    """Return what one class or value all rows share that are judged, "" where they differ."""
    target = dataset.target[rows]
    if len(np.unique(target)) != 1:
        return ""
    what = "class" if dataset.task == "binary" else "target"
    return (
        f"{what} {target[0]:g} in each of {counted(len(rows), 'row')}, so nothing can be said of"
        " how well a model tells them apart"
    )


def _nothing_to_learn(dataset: Dataset, rows: I8, what: str) -> str:
    """Return why there is nothing to learn from the targets of ``rows``, "" where there is."""
    target = dataset.target[rows]
    if len(np.unique(target)) > 1:
        return ""
    if dataset.task == "binary":
        other = int((dataset.target != target[0]).sum())
        return (
            f"all {len(rows)} {what} rows have class {target[0]:g} (elsewhere {other} rows have the"
            " other one); use a stratified split, or more data"
        )
    return (
        f"the target {dataset.target_name!r} is {target[0]:g} for all {len(rows)} {what} rows:"
        " there is nothing to learn; choose another target column, or more data"
    )
