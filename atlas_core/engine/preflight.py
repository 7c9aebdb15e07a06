"""Find what would fail after a training before the first one: sizes, classes, spread. Light.

The core counts rows and asks components (``Component.check``); it knows no method by name.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.context import FitContext, derive_seed
from atlas_core.data.meaning import Meaning
from atlas_core.engine.blame import blame
from atlas_core.engine.loop import first_labels, too_few
from atlas_core.engine.nested import HeldOut, held_out
from atlas_core.engine.view import seen_by
from atlas_core.errors import AtlasError, DataError
from atlas_core.foresight import FoldFacts
from atlas_core.kinds.dataset import Dataset, Task
from atlas_core.kinds.featurizer import Features, Vectors
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.split import Split, SplitRequest
from atlas_core.printing import counted
from atlas_core.spec.model import Spec, Trust
from atlas_core.spec.plan import Asked, BoundComponent

Problem = tuple[str, str]
"""Who has it (arm and component), and what it is."""


class Preflight:
    """Look at every arm on every fold, as often as more is known of the features.

    Args:
        spec: what is run.
        asked: who is asked, by arm.
        nested_splits: splits of the training rows that the trust methods learn from.
        dataset: its data.
        splits: the folds.

    Attributes:
        every: all materials, as components see them.
    """

    def __init__(
        self,
        spec: Spec,
        asked: Mapping[str, Asked],
        nested_splits: Sequence[BoundComponent],
        *,
        dataset: Dataset,
        splits: Sequence[Split],
    ) -> None:
        self.every = Inputs.of(dataset.materials, structures=True, columns=dataset.columns)
        targets = Targets(dataset.target, dataset.target_name, dataset.task, dataset.meaning)
        nested = partial(_nested, spec.trust, nested_splits, dataset)
        self._folds = [_Fold(spec, asked, targets, self.every, one, nested) for one in splits]

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


@dataclass(frozen=True, eq=False)
class Targets:
    """The (n,) targets of a data set, their name and task, and what they mean."""

    values: F8
    name: str
    task: Task
    meaning: Meaning


@dataclass
class _Fold:
    """Look at one fold for every arm; of a loop, at its first round."""

    spec: Spec
    asked: Mapping[str, Asked]
    targets: Targets
    every: Inputs
    split: Split
    nested: Callable[[I8, int], list[HeldOut]]
    _inputs: dict[bytes, Inputs] = field(default_factory=dict)
    _planned: list[HeldOut] | None = None

    def warn(self) -> None:
        """Warn of parts whose rows are evaluated and share one target."""
        for part in ("test", "ood_test"):
            if problem := _nothing_to_tell_apart(self.targets, self.split.parts()[part]):
                warnings.warn(f"{self.split.name}, {part}: {problem}", stacklevel=3)

    def problems(self, features: Mapping[str, Features]) -> Iterator[Problem]:
        loop = self.spec.active_learning
        train, step = self.split.train, "fit"
        if loop is not None:
            if problem := too_few(self.split, loop):
                yield "", problem
            train, step = first_labels(self.split, loop, self.spec.seed), "round-0"
        what = "labeled at first" if loop is not None else "training"
        if problem := _nothing_to_learn(self.targets, train, what):
            yield "", problem
        for arm, asked in self.asked.items():
            own = features.get(arm)
            facts = self._facts(train, self.split.calibration, own, asked.requires)
            for one in asked.arm:
                yield from _answered(f"arm {arm}, ", one, facts)
            if asked.nested is not None:
                yield from self._nested(arm, train, step, own)

    def _facts(
        self, train: I8, calibration: I8, features: Features | None, requires: frozenset[str]
    ) -> FoldFacts:
        target = self.targets.values
        classes = {}
        if self.targets.task == "binary":
            for name, rows in (("train", train), ("calibration", calibration)):
                ones = int(target[rows].sum())
                classes[name] = (len(rows) - ones, ones)
        return FoldFacts(
            task=self.targets.task,
            levels=self.spec.levels,
            train=seen_by(self._shown(train, features), requires),
            calibration=seen_by(self._shown(calibration, features), requires),
            classes=classes,
            meaning=self.targets.meaning,
        )

    def _shown(self, rows: I8, features: Features | None) -> Inputs:
        key = rows.tobytes()
        if key not in self._inputs:
            self._inputs[key] = self.every.take(rows)
        # graphs are large, and no check reads them
        seen = features.take(rows) if isinstance(features, Vectors) else None
        return replace(self._inputs[key], features=seen)

    def _nested(
        self, arm: str, train: I8, step: str, features: Features | None
    ) -> Iterator[Problem]:
        """Look at the nested fits of an arm's trust methods."""
        asked, who = self.asked[arm], f"arm {arm}, trust"
        if not len(self.split.calibration):
            yield (
                who,
                "the split keeps no calibration rows to judge the arm's errors by; raise its"
                " `calibration` fraction",
            )
            return
        try:
            for one in self._plan_nested(train, step):
                if problem := _nothing_to_learn(self.targets, one.train, "training"):
                    yield who, f"nested fit {one.name}: {problem}"
                    continue
                facts = self._facts(one.train, one.spare, features, asked.requires)
                for chosen in asked.nested or ():
                    yield from _answered(f"arm {arm}, nested fit {one.name}, ", chosen, facts)
        except AtlasError as err:
            yield who, str(err).removeprefix("trust: ")

    def _plan_nested(self, train: I8, step: str) -> list[HeldOut]:
        """Return what is held out of the training rows, the same for every arm."""
        if self._planned is None:
            seed = derive_seed(self.spec.seed, step, self.split.name)
            self._planned = self.nested(train, seed)
        return self._planned


def _nested(
    stated: Trust | None,
    nested_splits: Sequence[BoundComponent],
    dataset: Dataset,
    train: I8,
    seed: int,
) -> list[HeldOut]:
    """Return the classes that are held out of training rows."""
    if stated is None:
        return []
    known: F8 = np.full(len(dataset), np.nan)
    known[train] = dataset.target[train]
    whole = SplitRequest(dataset.materials, dataset.columns, FitContext(seed, dataset.task), known)
    found = []
    for one in held_out(nested_splits, stated, whole, train, seed):
        one.inside(one.rest)  # enough of them
        found.append(one)
    return found


def _answered(who: str, one: BoundComponent, facts: FoldFacts) -> Iterator[Problem]:
    """Ask a component."""
    with blame(one.parts):
        problems = one.problems(facts)
    for text in problems:
        yield f"{who}{one.label}", text


def _nothing_to_tell_apart(targets: Targets, rows: I8) -> str:
    """Return what one class or value all rows share that are evaluated, "" where they differ."""
    target = targets.values[rows]
    if len(np.unique(target)) != 1:
        return ""
    binary = targets.task == "binary"
    what = targets.meaning.quoted(int(target[0])) if binary else f"target {target[0]:g}"
    return (
        f"{what} in each of {counted(len(rows), 'row')}, so nothing can be said of"
        " how well a model tells them apart"
    )


def _nothing_to_learn(targets: Targets, rows: I8, what: str) -> str:
    """Return why there is nothing to learn from the targets of ``rows``, "" where there is."""
    target = targets.values[rows]
    if len(np.unique(target)) > 1:
        return ""
    if targets.task == "binary":
        other = int((targets.values != target[0]).sum())
        return (
            f"all {len(rows)} {what} rows are {targets.meaning.of_class(int(target[0]))} (elsewhere"
            f" {other} are of the other class); use a stratified split, or more data"
        )
    return (
        f"the target {targets.name!r} is {target[0]:g} for all {len(rows)} {what} rows:"
        " there is nothing to learn; choose another target column, or more data"
    )
