"""The folds are Matbench's own, held against the file that its package ships."""

from __future__ import annotations

import bz2
import importlib.util
import json
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from atlas_core.api import FitContext, Materials, SplitRequest
from atlas_splits.hooks import MatbenchFoldsConfig
from atlas_splits.matbench_folds import ROWS, MatbenchFolds

BINARY = {
    "matbench_expt_is_metal": "is_metal",
    "matbench_mp_is_metal": "is_metal",
    "matbench_glass": "gfa",
}
TASKS = [
    "matbench_dielectric",
    "matbench_expt_gap",
    "matbench_expt_is_metal",
    "matbench_glass",
    "matbench_jdft2d",
    "matbench_log_gvrh",
    "matbench_log_kvrh",
    "matbench_mp_e_form",
    "matbench_mp_gap",
    "matbench_mp_is_metal",
    "matbench_perovskites",
    "matbench_phonons",
    "matbench_steels",
]


@lru_cache(maxsize=1)
def official():
    spec = importlib.util.find_spec("matbench")
    if spec is None or spec.origin is None:
        pytest.skip("the matbench package is not installed: pip install --no-deps matbench==0.6")
    path = Path(spec.origin).parent / "matbench_v0.1_validation.json"
    return json.loads(path.read_text())["splits"]


def binary_target(task):
    places = [Path(p) for p in [os.environ.get("ATLAS_DATA", "")] if p]
    above = Path(__file__).resolve().parents
    places += [parent / "shared" / "data" / "matbench_v0.1" for parent in above]
    for place in places:
        path = place / f"{task}.json.bz2"
        if path.is_file():
            table = json.loads(bz2.decompress(path.read_bytes()))
            column = table[BINARY[task]]
            return np.asarray([float(column[str(i)]) for i in range(len(column))])
    pytest.skip(f"{task}.json.bz2 is not here: stratified folds need its targets")


@pytest.mark.parametrize("task", TASKS)
def test_folds_equal_matbenchs_own(task):
    folds = official()[task]
    target = binary_target(task) if task in BINARY else None
    ids = sorted({i for fold in folds.values() for part in fold.values() for i in part})
    n = len(ids)
    request = SplitRequest(
        materials=Materials(
            ids=np.asarray(ids),
            offsets=np.arange(n + 1),
            numbers=np.ones(n, np.int16),
            amounts=np.ones(n),
        ),
        columns={},
        context=FitContext(1, "binary" if task in BINARY else "regression"),
        target=target,
    )
    ours = MatbenchFolds(MatbenchFoldsConfig()).split(request)
    assert [fold.name for fold in ours] == list(folds)
    for fold in ours:
        theirs = folds[fold.name]
        # zero-padded and 1-based, so the sorted ids stand in file order
        assert [ids[i] for i in fold.test] == sorted(theirs["test"])
        assert [ids[i] for i in fold.train] == sorted(theirs["train"])


def plain(n, task="regression"):
    return SplitRequest(
        materials=Materials.from_formulas([f"m{i}" for i in range(n)], ["FeO"] * n),
        columns={},
        context=FitContext(0, task),
        target=np.arange(n) % 2.0,
    )


@pytest.mark.parametrize(
    ("n", "task"), [(311, "regression"), (312, "binary"), (4921, "regression")]
)
def test_rows_that_are_no_whole_task_are_cut_with_a_warning(n, task):
    with pytest.warns(UserWarning, match="matbench_folds") as caught:
        folds = MatbenchFolds(MatbenchFoldsConfig()).split(plain(n, task))
    assert [fold.name for fold in folds] == [f"fold_{i}" for i in range(5)]
    assert [str(one.message) for one in caught] == [
        f"matbench_folds: {n} rows are no whole Matbench task of this kind ({task}):"
        " these are not its official folds"
    ]


@pytest.mark.parametrize(("n", "task"), [(312, "regression"), (4921, "binary")])
@pytest.mark.filterwarnings("error")
def test_the_rows_of_a_whole_task_are_cut_without_a_warning(n, task):
    assert len(MatbenchFolds(MatbenchFoldsConfig()).split(plain(n, task))) == 5


def test_the_known_sizes_are_those_of_matbench():
    folds = official()
    found = {"binary": set(), "regression": set()}
    for name in TASKS:
        n = sum(len(fold["test"]) for fold in folds[name].values())
        found["binary" if name in BINARY else "regression"].add(n)
    assert {task: set(sizes) for task, sizes in ROWS.items()} == found
