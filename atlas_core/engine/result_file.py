"""Write a finished job as arrays, and read one only as what its run must give. Light.

The file may come from whoever made the run folder: rows, parts, names and types are held against
the split and the spec before anything is computed from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import Predictions
from atlas_core.data.tables import T, columns_of, table_of
from atlas_core.engine.job import Job, JobResult, scored
from atlas_core.errors import DataError
from atlas_core.kinds.trust import LABELS
from atlas_core.store import Arrays, canonical_hash

_ROUNDS = ("round", "labeled", "calibration_labels", "best")
"""What every round of a loop tells; some tell more."""


def arrays_of(result: JobResult) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the note of a finished job."""
    trust = {} if result.trust is None else columns_of(result.trust)
    tables = {"columns": columns_of(result.predictions), "rounds": result.rounds, "trust": trust}
    arrays = {
        f"{name}/{c}": values for name, table in tables.items() for c, values in table.items()
    }
    return arrays, {"records": result.records, "stages": result.stages}


def result_of(arrays: Arrays, note: Mapping[str, Any], job: Job) -> JobResult:
    """Return the job that a file holds.

    Args:
        arrays: as ``arrays_of`` names them.
        note: plain data.
        job: the job that is expected.

    Raises:
        KeyError, RecursionError, TypeError, ValueError: it is not the job that is expected.
    """
    found: dict[str, dict[str, npt.NDArray[Any]]] = {"columns": {}, "rounds": {}, "trust": {}}
    for name, values in arrays.items():
        table, _, column = name.partition("/")
        found[table][column] = values
    predictions = _predictions(found["columns"], job)
    trust = _trust(found["trust"], predictions, job)
    _check_rounds(found["rounds"], job)
    canonical_hash(note)  # it can be written again
    stages = [(str(stage), float(seconds)) for stage, seconds in note["stages"]]
    records = [_record(one, job) for one in note["records"]]
    return JobResult(predictions, records, stages, found["rounds"], trust)


def _table(kind: type[T], columns: Arrays) -> T:
    try:
        return table_of(kind, columns, kind.__name__)
    except DataError as err:
        raise ValueError(str(err)) from err


def _predictions(columns: Arrays, job: Job) -> Predictions:
    found = _table(Predictions, columns)
    _check(found, columns, job, times=1)
    for name in ("mean", "baseline"):
        _require(bool(np.isfinite(getattr(found, name)).all()), f"{name} holds no finite numbers")
    return found


def _trust(columns: Arrays, said: Predictions, job: Job) -> Assessments | None:
    if job.trust is None or job.loop is not None or job.final:
        _require(not columns, "it has labels of trust, which its spec does not ask for")
        return None
    found = _table(Assessments, columns)
    times = len(found) // max(1, len(said))  # one block per method
    _require(times > 0, "rows of trust are missing")
    _check(found, columns, job, times=times)
    place = {own: row for row, own in enumerate(said.ids.tolist())}  # once in a fold
    means = said.mean[[place[own] for own in found.ids.tolist()]]
    _require(np.array_equal(found.mean, means), "trust is of other predictions")
    _require(set(found.label.tolist()) <= set(LABELS), "a label of trust is unknown")
    return found


def _check(table: Predictions | Assessments, columns: Arrays, job: Job, *, times: int) -> None:
    """Hold columns, their types, and which rows they are of against what is expected."""
    rows, parts = scored(job.split, times=times)
    wanted = columns_of(table)
    other = sorted(set(columns) ^ set(wanted))
    _require(not other, f"columns that are missing or too many: {', '.join(other)}")
    for name, values in wanted.items():
        right = columns[name].dtype.kind == values.dtype.kind
        _require(right, f"column {name} is {columns[name].dtype}")
    _require(tuple(table.lower) == job.arm.levels, "its levels are not those of the spec")
    same = {
        "ids": job.data.every.ids[rows],
        "formula": job.data.formulas[rows],
        "arm": np.full(len(rows), job.arm.name),
        "fold": np.full(len(rows), job.arm.fold),
        "parts": parts,
    }
    for name, values in same.items():
        right = np.array_equal(getattr(table, name), values)
        _require(right, f"its rows are not those of the split ({name})")


def _check_rounds(rounds: Arrays, job: Job) -> None:
    _require(
        bool(rounds) == (job.loop is not None), "it has rounds without a loop, or none with it"
    )
    for name in (*_ROUNDS, job.sought.found) if rounds else ():
        _require(name in rounds, f"rounds without {name}")
    for name, values in rounds.items():
        count = 0 if job.loop is None else job.loop.rounds + 1  # the one before the first choice
        right = values.shape == (count,) and values.dtype.kind == "f"
        _require(right, f"rounds: {name} is not a number per round")


def _record(record: Any, job: Job) -> dict[str, Any]:
    right = (
        isinstance(record, dict)
        and set(record) == {"arm", "fold", "name", "content"}
        and (record["arm"], record["fold"]) == (job.arm.name, job.arm.fold)
        and isinstance(record["name"], str)
        and isinstance(record["content"], dict)
    )
    _require(right, "a record is not what a job writes")
    return dict(record)


def _require(right: bool, why: str) -> None:
    if not right:
        raise ValueError(why)
