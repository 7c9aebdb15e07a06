"""What a saved model from a stranger holds is checked where compiled code reads it."""

from __future__ import annotations

import os

import numpy as np
import pytest

from atlas_core.api import DataError, FitContext, Vectors
from atlas_core.testing import find_component
from atlas_sklearn import extra_trees, gradient_boosting, hooks, quantile_forest, random_forest

RNG = np.random.default_rng(0)
TABLE, TARGET = RNG.normal(size=(60, 4)), RNG.normal(size=60)
LABELS = np.array(["a", "b", "c", "d"])


def fitted(module, config, columns=4):
    model = find_component(module.__name__.rpartition(".")[2], "model")[0].build(config)
    rows = Vectors(TABLE[:, :columns], LABELS[:columns])
    model.fit(rows, TARGET, FitContext(seed=0, task="regression"))
    return model


FORESTS = {
    "random_forest": (random_forest, hooks.RandomForestConfig(trees=3)),
    "extra_trees": (extra_trees, hooks.ExtraTreesConfig(trees=3)),
}


@pytest.mark.parametrize("name", FORESTS)
def test_trees_of_another_width_are_not_asked(name):
    """132 columns and trees of 131, say: the compiled tree would read beside the table."""
    wide, narrow = fitted(*FORESTS[name]), fitted(*FORESTS[name], columns=3)
    narrow.estimator = wide.estimator
    rows = Vectors(TABLE[:, :3], LABELS[:3])
    for ask in (narrow.predict, narrow.members, narrow.leaves):
        with pytest.raises(DataError, match="another number of columns"):
            ask(rows)


def test_options_that_claim_more_trees_than_there_are_take_no_memory():
    model = fitted(*FORESTS["random_forest"])
    before = model.predict(Vectors(TABLE, LABELS))
    model._config = hooks.RandomForestConfig(trees=100_000)
    assert model.members(Vectors(TABLE, LABELS)).shape == (3, 60)
    assert model.predict(Vectors(TABLE, LABELS)).tobytes() == before.tobytes()


@pytest.mark.parametrize("jobs", [10**9, 0, -4])
def test_threads_are_those_of_the_machine(jobs):
    for module, config in (
        FORESTS["random_forest"],
        (gradient_boosting, hooks.GradientBoostingConfig(trees=5)),
    ):
        model = fitted(module, config)
        before = model.predict(Vectors(TABLE, LABELS))
        model._jobs = jobs
        assert model.predict(Vectors(TABLE, LABELS)).tobytes() == before.tobytes()
    from atlas_sklearn._columns import threads

    assert 1 <= threads(jobs) <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda leaves: np.where(leaves == leaves.max(), -1, leaves),
        lambda leaves: np.where(leaves == leaves.max(), 10**6, leaves),
        lambda leaves: np.where(leaves == leaves.max(), 2**62, leaves),
        lambda leaves: leaves[:, :2],
        lambda leaves: leaves[:5],
        lambda leaves: leaves[:0],
        lambda leaves: leaves.astype(np.float64),
        lambda leaves: leaves.ravel(),
        np.zeros_like,
    ],
)
def test_leaves_that_are_none_of_the_trees_reach_no_sparse_table(change):
    config = hooks.QuantileForestConfig(trees=3)
    model = fitted(quantile_forest, config)
    model._leaves = change(model._leaves)
    with pytest.raises(DataError, match="quantile_forest"):
        model.quantiles(Vectors(TABLE, LABELS), np.array([0.1, 0.9]))
