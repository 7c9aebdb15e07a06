"""What an acquisition promises. Light."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.component import Component
from atlas_core.kinds.acquisition import AcquisitionRequest, Selection
from atlas_core.kinds.prediction import Prediction
from atlas_core.testing.outcome import require, require_close
from atlas_core.testing.samples import Sample, toy_prediction

POOL, BATCH = 40, 6


def _request(*, samples: bool = True, seed: int = 0, batch: int = BATCH) -> AcquisitionRequest:
    """Return a pool whose ids are not in order."""
    prediction = toy_prediction(POOL, 0)
    ids = np.array([f"pool-{i:02d}" for i in np.random.default_rng(9).permutation(POOL)])
    if not samples:
        prediction = prediction.replace(samples=None)
    return AcquisitionRequest(ids, prediction, batch, "maximise", best=0.5, seed=seed)


def _select(component: Component, sample: Sample, request: AcquisitionRequest) -> Selection:
    chosen = component.build(sample.config).select(request)
    require(isinstance(chosen, Selection), "select returned no Selection")
    return chosen  # type: ignore[no-any-return]


def outcome(component: Component, sample: Sample) -> dict[str, npt.NDArray[Any] | None]:
    """Return what is chosen with and without draws, for comparing bytes."""
    found: dict[str, npt.NDArray[Any] | None] = {}
    for samples in (True, False):
        chosen = _select(component, sample, _request(samples=samples))
        found |= {f"ids {samples}": chosen.ids, f"utility {samples}": chosen.utility}
    return found


def check_picks_are_distinct_and_complete(component: Component, sample: Sample) -> None:
    """``batch`` distinct rows are chosen, from one to the whole pool; ids and indices agree."""
    for batch in (1, BATCH, POOL):
        request = _request(batch=batch)
        chosen = _select(component, sample, request)
        require(len(chosen.ids) == batch, f"asked for {batch}, got {len(chosen.ids)}")
        require(len(np.unique(chosen.indices)) == batch, "an index is chosen twice")
        inside = ((chosen.indices >= 0) & (chosen.indices < POOL)).all()
        require(inside, "an index is out of the pool")
        agree = np.array_equal(request.ids[chosen.indices], chosen.ids)
        require(agree, "ids and indices name different rows")


def check_utility_is_defined_for_all(component: Component, sample: Sample) -> None:
    """Each row of the pool has a utility that is not NaN, also where sigma is 0."""
    for samples in (True, False):
        request = _request(samples=samples)
        prediction = request.prediction
        certain = prediction.replace(
            epistemic=(np.arange(POOL) % 2) * np.asarray(prediction.epistemic),
            aleatoric=None,
        )
        for case in (request, replace(request, prediction=certain)):
            utility = _select(component, sample, case).utility
            require(utility.shape == (POOL,), f"utility has shape {utility.shape}")
            require(not np.isnan(utility).any(), "a utility is NaN")


def check_highest_utility_is_chosen(component: Component, sample: Sample) -> None:
    """Rows are chosen by falling utility, ties by id: the list can be explained afterwards."""
    request = _request()
    chosen = _select(component, sample, request)
    order = np.lexsort((request.ids, -chosen.utility))[:BATCH]
    require(
        np.array_equal(chosen.ids, request.ids[order]), "a row of higher utility was passed over"
    )


def check_ties_go_by_id(component: Component, sample: Sample) -> None:
    """Rows with equal utility are taken in the order of their ids, wherever they stand."""
    request = _request()
    rows = np.zeros(POOL, dtype=np.int64)
    same = replace(request, prediction=request.prediction.take(rows))
    chosen = _select(component, sample, same)
    order = np.lexsort((same.ids, -chosen.utility))[:BATCH]
    require(np.array_equal(chosen.ids, same.ids[order]), "ties do not go by id")


def check_pool_order_does_not_matter(component: Component, sample: Sample) -> None:
    """The same pool in another order gives the same ids: chance hangs on ids, not positions."""
    for samples in (True, False):
        request = _request(samples=samples)
        order = np.random.default_rng(1).permutation(POOL)
        shuffled = replace(
            request, ids=request.ids[order], prediction=request.prediction.take(order)
        )
        first = _select(component, sample, request)
        second = _select(component, sample, shuffled)
        require(np.array_equal(first.ids, second.ids), "another order of the pool changed the ids")
        require_close(second.utility, first.utility[order], "utilities of the shuffled pool")


def _mirrored(prediction: Prediction) -> Prediction:
    samples = None if prediction.samples is None else -prediction.samples
    return prediction.replace(mean=-prediction.mean, samples=samples)


def check_goal_is_honoured(component: Component, sample: Sample) -> None:
    """To maximise y is to minimise -y: the mirrored question must get the same answer.

    One that ignores the goal on purpose (pure exploration) passes too; one that always
    maximises does not. Draws of its own must be made for the signed value, not for the raw one.
    """
    for samples in (True, False):
        request = _request(samples=samples)
        mirror = replace(
            request,
            prediction=_mirrored(request.prediction),
            goal="minimise",
            best=-request.best,
        )
        first, second = (_select(component, sample, r) for r in (request, mirror))
        require(np.array_equal(first.ids, second.ids), "minimising -y chose other rows than y")


def check_inputs_unchanged(component: Component, sample: Sample) -> None:
    """The pool's predictions are only read."""
    request = _request()
    kept = [np.array(request.prediction.mean), np.array(request.prediction.samples)]
    ids = request.ids.copy()
    _select(component, sample, request)
    same = np.array_equal(kept[0], request.prediction.mean) and np.array_equal(request.ids, ids)
    require(same, "the request was changed")
    require(np.array_equal(kept[1], np.asarray(request.prediction.samples)), "draws were changed")
