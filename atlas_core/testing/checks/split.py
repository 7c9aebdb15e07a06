"""What a splitter promises. Light."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atlas_core.kinds.split import Split, SplitRequest
from atlas_core.testing.checks.shared import state_of, used
from atlas_core.testing.outcome import require
from atlas_core.testing.samples import Sample, toy_dataset

SHARED = ("inputs_unchanged",)


def given(sample: Sample, seed: int = 0) -> SplitRequest:
    """Return the request to cut the toy data set."""
    context = sample.context(seed=seed)
    data = toy_dataset(context.task)
    shown = data.target.copy() if "target" in sample.requires else None
    return SplitRequest(data.materials, data.columns, context, shown)


def make(sample: Sample, request: SplitRequest) -> Sequence[Split]:
    """Return the folds; each is disjoint, and has rows to learn from and to test on."""
    folds: Sequence[Split] = sample.build().split(request)
    require(len(folds) > 0, "there is no fold")
    require(all(isinstance(f, Split) for f in folds), "a fold is no Split")
    return folds


def check_rows_exist(sample: Sample) -> None:
    """Every row of every part is one of the data set."""
    n = len(toy_dataset())
    for fold in used(sample).made:
        rows = np.concatenate([*fold.parts().values()])
        require(((rows >= 0) & (rows < n)).all(), f"fold {fold.name}: a row is out of 0..{n - 1}")


def check_fold_names_are_distinct(sample: Sample) -> None:
    """Fold names tell folds apart in files and tables."""
    names = [fold.name for fold in used(sample).made]
    require(all(names), "a fold has no name")
    require(len(set(names)) == len(names), f"fold names repeat: {names}")


def check_held_out_class_is_named(sample: Sample) -> None:
    """A fold with held-out rows says in words what they are: the verdict quotes it."""
    for fold in used(sample).made:
        if len(fold.ood_test):
            require(fold.held_out.strip(), f"fold {fold.name}: held_out is empty")


def check_different_seed_different_folds(sample: Sample) -> None:
    """Another seed cuts elsewhere: otherwise repeats over seeds would repeat nothing.

    Folds fixed by others (Matbench's) declare this as an expected failure.
    """
    folds = (make(sample, given(sample, seed)) for seed in range(4))
    first, *others = (state_of([fold.parts() for fold in found]) for found in folds)
    require(any(other != first for other in others), "four seeds gave the same folds")
