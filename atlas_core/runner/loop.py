"""Active learning in one cell: label, learn, choose, again, with a lookup oracle. Light."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.context import Tell, derive_seed
from atlas_core.data.predictions import Predictions
from atlas_core.errors import ContractError, DataError
from atlas_core.kinds.acquisition import Acquisition, AcquisitionRequest, Selection, top_size
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.split import Split
from atlas_core.links import delete
from atlas_core.metrics.digits import counted
from atlas_core.origin import doubt, mark
from atlas_core.runner.blame import blame
from atlas_core.runner.cell import Cell, CellData, CellResult, CellSettings, Fitted, quiet
from atlas_core.spec.model import ActiveLearning
from atlas_core.store import DROPPED, read_arrays, write_arrays

"""The share of the best candidates whose discovery is counted."""


@dataclass(frozen=True, eq=False)
class Oracle:
    """Look labels up, one asked row at a time; components never see it.

    Attributes:
        target: (n,) every target; read through ``ask`` only.
    """

    target: F8

    def ask(self, rows: I8) -> F8:
        """Return the labels of ``rows``."""
        return self.target[rows]


def run_loop(
    settings: CellSettings,
    data: CellData,
    loop: ActiveLearning,
    oracle: Oracle,
    *,
    tell: Tell,
) -> CellResult:
    """Run the rounds of one arm on one fold; a killed loop goes on after its last round.

    Raises:
        DataError: there are fewer candidates than initial labels and batches need.
        ContractError: an acquisition broke its promise.
    """
    candidates = np.concatenate([data.split.train, data.split.pool])
    if problem := too_few(data.split, loop):
        raise DataError(problem)
    sign = 1.0 if loop.goal == "maximise" else -1.0
    labels = oracle.ask(candidates)
    top = candidates[np.argsort(-sign * labels, kind="stable")]
    top = top[: top_size(len(candidates))]
    known = data.known.copy()
    known[candidates] = np.nan
    state = settings.directory / "loop.npz"
    labelled, rows, records = _stored(state, data.split, loop, settings, tell)
    said: list[Predictions] = []
    stages: list[tuple[str, float]] = []
    test_target = oracle.ask(data.split.test)
    for number in range(len(rows), loop.rounds + 1):
        known[labelled] = oracle.ask(labelled)
        cell = Cell(settings, _with_known(data, known), tell)
        so_far = counted(len(labelled), "label")
        tell(f"arm {settings.arm}: round {number} of {loop.rounds}, {so_far}")
        with quiet() as caught:
            fitted = cell.fit(labelled, data.split.calibration, step=f"round-{number}")
            row = {
                "round": float(number),
                "labelled": float(len(labelled)),
                "calibration_labels": float(len(data.split.calibration)),
            }
            _, test, _ = cell.look(fitted, data.split.test)
            row.update(
                _progress(
                    labelled=labelled,
                    known=known,
                    mean=test.mean,
                    test_target=test_target,
                    top=top,
                    sign=sign,
                )
            )
            rest = np.setdiff1d(candidates, labelled)
            if number < loop.rounds:
                selection, seen, picked = _choose(
                    cell, fitted, rest, loop=loop, number=number, found=known[labelled]
                )
                error = seen.mean[selection.indices] - oracle.ask(picked)
                row["mae_picked"] = float(np.mean(np.abs(error)))
                labelled = np.sort(np.concatenate([labelled, picked]))
            else:
                said.append(cell.predict(fitted))
        cell.keep_warnings(caught, fitted)
        rows.append(row)
        records.extend(cell.records)
        stages.extend(cell.stages)
        if number < loop.rounds:
            write_arrays(state, {"labelled": labelled}, {"rows": rows, "records": records})
            if settings.key_file is not None:
                mark(state.parent, [state.name], settings.key_file)
    names = sorted({name for row in rows for name in row})
    table = {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}
    return CellResult(Predictions.stacked(said), records, stages, table)


def too_few(split: Split, loop: ActiveLearning) -> str:
    """Return why a fold has too few candidates for a loop, "" where it has enough."""
    found, needed = len(split.train) + len(split.pool), loop.initial + loop.batch * loop.rounds
    if found >= needed:
        return ""
    return (
        f"active learning needs {loop.initial} + {loop.rounds} x {loop.batch} = {needed}"
        f" candidates, the split leaves {found}; lower batch or rounds"
    )


def first_labels(split: Split, loop: ActiveLearning, seed: int) -> I8:
    """Return the rows that are labelled at first.

    They are the same for every arm: a comparison of acquisitions, not of luck.
    """
    candidates = np.concatenate([split.train, split.pool])
    rng = np.random.default_rng(derive_seed(seed, "initial", split.name))
    return np.sort(rng.permutation(candidates)[: loop.initial])


def _stored(
    state: Path, split: Split, loop: ActiveLearning, settings: CellSettings, tell: Tell
) -> tuple[I8, list[dict[str, float]], list[dict[str, Any]]]:
    """Return the labelled rows, the table and the records after the last stored round."""
    initial = first_labels(split, loop, settings.seed)
    if not state.exists():
        return initial, [], []
    try:
        arrays, note = read_arrays(state)
        key_file = settings.key_file
        if key_file is not None and (why := doubt(state.parent, [state.name], key_file)):
            raise DataError(f"{state}: {why}")
        labelled, rows = arrays["labelled"], [_round(row) for row in note["rows"]]
        candidates = np.concatenate([split.train, split.pool])
        done = np.unique(labelled).astype(np.int64, casting="safe")
        size = loop.initial + loop.batch * len(rows)
        fits = np.array_equal(done, labelled) and len(done) == size and 0 < len(rows) <= loop.rounds
        if not fits or not np.isin(initial, done).all() or not np.isin(done, candidates).all():
            raise ValueError(f"{state}: its labelled rows are not those of {len(rows)} rounds")
        return done, rows, [dict(record) for record in note["records"]]
    except (AttributeError, DataError, KeyError, TypeError, ValueError) as err:
        delete(state)
        text = f"stored rounds {DROPPED}: {err}"
        tell(f"arm {settings.arm}: {text}")
        where = {"arm": settings.arm, "fold": settings.fold}
        return initial, [], [{**where, "name": "warnings", "content": {"texts": [text]}}]


def _round(row: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in row.items()}


def _with_known(data: CellData, known: F8) -> CellData:
    return replace(data, known=known.copy())


def _progress(
    *, labelled: I8, known: F8, mean: F8, test_target: F8, top: I8, sign: float
) -> dict[str, float]:
    found = known[labelled]
    progress = {
        "best": float(sign * np.max(sign * found)),
        "top1_found": float(np.isin(top, labelled).mean()),
    }
    if len(test_target):
        progress["mae_test"] = float(np.mean(np.abs(mean - test_target)))
    return progress


def _choose(
    cell: Cell,
    fitted: Fitted,
    rest: I8,
    *,
    loop: ActiveLearning,
    number: int,
    found: F8,
) -> tuple[Selection, Prediction, I8]:
    settings = cell.settings
    chosen = settings.components["acquisition"]
    acquisition: Acquisition = chosen.build()
    where = f"arm {settings.arm}, {settings.fold}"
    _, calibrated, score = cell.look(fitted, rest)
    request = AcquisitionRequest(
        ids=cell.data.materials.ids[rest],
        prediction=calibrated,
        batch=loop.batch,
        goal=loop.goal,
        best=float(found.max() if loop.goal == "maximise" else found.min()),
        seed=derive_seed(settings.seed, "acquire", settings.fold, number),
        ood=score,
    )
    with blame(chosen, settings.components.values(), where):
        selection = acquisition.select(request)
    if len(selection.ids) != loop.batch or not np.array_equal(
        request.ids[selection.indices], selection.ids
    ):
        raise ContractError(
            f"arm {settings.arm}: acquisition {chosen.name} chose {len(selection.ids)} rows"
            f" where {loop.batch} distinct ones were asked for"
        )
    return selection, calibrated, rest[selection.indices]
