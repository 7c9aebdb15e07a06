"""What a splitter promises. Light."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.component import Component
from atlas_core.errors import ContractError
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.split import Split, SplitRequest
from atlas_core.testing.outcome import require
from atlas_core.testing.samples import Sample, toy_dataset


def _request(component: Component, sample: Sample, seed: int) -> SplitRequest:
    task: Task = sample.tasks(component)[0]
    data = toy_dataset(task)
    shown = data.target.copy() if "target" in component.requires_of(sample.config) else None
    return SplitRequest(data.materials, data.columns, task, seed, shown)


def _split(component: Component, sample: Sample, seed: int = 0) -> Sequence[Split]:
    folds = component.build(sample.config).split(_request(component, sample, seed))
    require(len(folds) > 0, "there is no fold")
    require(all(isinstance(f, Split) for f in folds), "a fold is no Split")
    return folds  # type: ignore[no-any-return]


def _arrays(folds: Sequence[Split]) -> dict[str, npt.NDArray[Any] | None]:
    return {f"{f.name}/{part}": rows for f in folds for part, rows in f.parts().items()}


def outcome(component: Component, sample: Sample) -> dict[str, npt.NDArray[Any] | None]:
    """Return every part of every fold, for comparing bytes."""
    return _arrays(_split(component, sample))


def check_rows_are_in_range_and_disjoint(component: Component, sample: Sample) -> None:
    """No row stands in two parts and every row exists: a leak makes every figure a lie."""
    n = len(toy_dataset())
    for fold in _split(component, sample):
        rows = np.concatenate(list(fold.parts().values()))
        require(((rows >= 0) & (rows < n)).all(), f"fold {fold.name}: a row is out of 0..{n - 1}")
        require(len(np.unique(rows)) == len(rows), f"fold {fold.name}: a row stands in two parts")


def check_there_is_something_to_learn_and_to_test(component: Component, sample: Sample) -> None:
    """Each fold has training rows and test or held-out rows."""
    for fold in _split(component, sample):
        require(len(fold.train), f"fold {fold.name}: no training rows")
        require(len(fold.test) + len(fold.shifted), f"fold {fold.name}: no rows to test on")


def check_fold_names_are_distinct(component: Component, sample: Sample) -> None:
    """Fold names tell folds apart in files and tables."""
    names = [fold.name for fold in _split(component, sample)]
    require(all(names), "a fold has no name")
    require(len(set(names)) == len(names), f"fold names repeat: {names}")


def check_held_out_class_is_named(component: Component, sample: Sample) -> None:
    """A fold with held-out rows says in words what they are: the verdict quotes it."""
    for fold in _split(component, sample):
        if len(fold.shifted):
            require(fold.held_out.strip(), f"fold {fold.name}: held_out is empty")


def check_different_seed_different_folds(component: Component, sample: Sample) -> None:
    """Another seed cuts elsewhere: otherwise repeats over seeds would repeat nothing.

    Folds fixed by others (Matbench's) declare this as an expected failure.
    """
    first = _arrays(_split(component, sample, 0))
    for seed in (1, 2, 3):
        other = _arrays(_split(component, sample, seed))
        if other.keys() != first.keys() or any(
            not np.array_equal(first[name], other[name])  # type: ignore[arg-type]
            for name in first
        ):
            return
    raise ContractError("four seeds gave the same folds")


def check_inputs_unchanged(component: Component, sample: Sample) -> None:
    """The request is only read."""
    request = _request(component, sample, 0)
    columns = {name: np.array(values) for name, values in request.columns.items()}
    target = None if request.target is None else request.target.copy()
    before = request.materials.fingerprint
    component.build(sample.config).split(request)
    require(request.materials.fingerprint == before, "the materials were changed")
    same = all(np.array_equal(columns[name], request.columns[name]) for name in columns)
    require(same, "a metadata column was changed")
    if target is not None:
        require(np.array_equal(target, request.target), "the target was changed")  # type: ignore[arg-type]
