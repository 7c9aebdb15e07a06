"""What an acquisition promises. Light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from atlas_core.context import FitContext
from atlas_core.kinds.acquisition import AcquisitionRequest, Selection
from atlas_core.kinds.prediction import Prediction
from atlas_core.testing.checks.shared import returned
from atlas_core.testing.outcome import require, require_close
from atlas_core.testing.samples import Sample

POOL, BATCH = 40, 6


SHARED = ("inputs_unchanged",)


def _request(batch: int = BATCH) -> AcquisitionRequest:
    """Return a pool whose ids are not in order, with draws, probabilities and costs."""
    rng = np.random.default_rng(0)
    mean, epistemic = rng.normal(size=POOL), rng.uniform(0.1, 1.0, POOL)
    draws = mean + epistemic * rng.normal(size=(16, POOL))
    prediction = Prediction(mean, epistemic, np.full(POOL, 0.1), draws)
    ids = np.array([f"pool-{i:02d}" for i in np.random.default_rng(9).permutation(POOL)])
    return AcquisitionRequest(
        ids, prediction, batch, "maximize", 0.5, FitContext(0),
        probability=rng.uniform(size=POOL), cost=rng.uniform(0.5, 2.0, POOL),
    )  # fmt: skip


def _select(sample: Sample, request: AcquisitionRequest) -> Selection:
    return returned(sample.build().select(request), Selection, "select")


def given(sample: Sample) -> list[AcquisitionRequest]:
    """Return a pool with draws and without."""
    drawn = _request()
    return [drawn, replace(drawn, prediction=drawn.prediction.replace(samples=None))]


def make(sample: Sample, requests: list[AcquisitionRequest]) -> list[Selection]:
    """Return what is chosen of each pool."""
    return [_select(sample, request) for request in requests]


def check_picks_are_distinct_and_complete(sample: Sample) -> None:
    """``batch`` distinct rows are chosen, from one to the whole pool; ids and indices agree."""
    for batch in (1, BATCH, POOL):
        request = _request(batch)
        chosen = _select(sample, request)
        require(len(chosen.ids) == batch, f"asked for {batch}, got {len(chosen.ids)}")
        require(len(np.unique(chosen.indices)) == batch, "an index is chosen twice")
        inside = ((chosen.indices >= 0) & (chosen.indices < POOL)).all()
        require(inside, "an index is out of the pool")
        agree = np.array_equal(request.ids[chosen.indices], chosen.ids)
        require(agree, "ids and indices name different rows")


def check_utility_is_defined_for_all(sample: Sample) -> None:
    """Each row of the pool has a utility that is not NaN, also where sigma is 0."""
    for request in given(sample):
        half = (np.arange(POOL) % 2) * np.asarray(request.prediction.epistemic)
        certain = request.prediction.replace(epistemic=half, aleatoric=None)
        for case in (request, replace(request, prediction=certain)):
            utility = _select(sample, case).utility
            require(utility.shape == (POOL,), f"utility has shape {utility.shape}")
            require(not np.isnan(utility).any(), "a utility is NaN")


def _require_by_utility(sample: Sample, request: AcquisitionRequest, problem: str) -> None:
    """Require that rows are chosen by falling utility, ties by id."""
    chosen = _select(sample, request)
    order = np.lexsort((request.ids, -chosen.utility))[:BATCH]
    require(np.array_equal(chosen.ids, request.ids[order]), problem)


def check_highest_utility_is_chosen(sample: Sample) -> None:
    """Rows are chosen by falling utility, ties by id: the list can be explained afterward."""
    _require_by_utility(sample, _request(), "a row of higher utility was passed over")


def check_ties_go_by_id(sample: Sample) -> None:
    """Rows with equal utility are taken in the order of their ids, wherever they stand."""
    request = _request()
    alike = request.prediction.take(np.zeros(POOL, dtype=np.int64))
    half, one = np.full(POOL, 0.5), np.ones(POOL)
    tied = replace(request, prediction=alike, probability=half, cost=one)
    _require_by_utility(sample, tied, "ties do not go by id")


def check_pool_order_does_not_matter(sample: Sample) -> None:
    """The same pool in another order gives the same ids: chance hangs on ids, not positions."""
    for request in given(sample):
        order = np.random.default_rng(1).permutation(POOL)
        ids, prediction = request.ids[order], request.prediction.take(order)
        likely, cost = np.asarray(request.probability)[order], np.asarray(request.cost)[order]
        shuffled = replace(request, ids=ids, prediction=prediction, probability=likely, cost=cost)
        first, second = (_select(sample, r) for r in (request, shuffled))
        require(np.array_equal(first.ids, second.ids), "another order of the pool changed the ids")
        require_close(second.utility, first.utility[order], "utilities of the shuffled pool")


def check_goal_is_honored(sample: Sample) -> None:
    """To maximize y is to minimize -y: the mirrored question must get the same answer.

    One that ignores the goal on purpose (pure exploration) passes too; one that always
    maximizes does not. Draws of its own must be made for the signed value, not for the raw one.
    """
    for request in given(sample):
        said = request.prediction
        samples = None if said.samples is None else -said.samples
        other = said.replace(mean=-said.mean, samples=samples)
        mirror = replace(request, prediction=other, goal="minimize", best=-request.best)
        first, second = (_select(sample, r) for r in (request, mirror))
        require(np.array_equal(first.ids, second.ids), "minimizing -y chose other rows than y")
