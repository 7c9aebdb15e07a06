"""Write a finished cell as arrays, and read one only as what its run must give. Light.

The file may come from whoever made the run folder: rows, parts, names and types are held against
the split and the spec before anything is computed from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.kinds.split import Split
from atlas_core.kinds.trust import LABELS
from atlas_core.runner.cell import SCORED_PARTS, CellResult
from atlas_core.store import Arrays, canonical_hash

_COLUMNS = {
    "row": "i",
    "part": "U",
    "mean": "f",
    "baseline": "f",
    "std_epistemic": "f",
    "std_aleatoric": "f",
    "std": "f",
    "ood_score": "f",
    "outside": "b",
    "reason": "U",
}
_TRUST = {
    "row": "i",
    "part": "U",
    "method": "U",
    "budget": "f",
    "confidence": "f",
    "risk": "f",
    "expected_error": "f",
    "label": "U",
    "reason": "U",
}
_ROUNDS = ("round", "labelled", "calibration_labels", "best", "top1_found")
"""What every round of a loop tells; some tell more."""


@dataclass(frozen=True, eq=False)
class Expected:
    """Name a cell, and what its tables must hold.

    Attributes:
        arm: its name.
        fold: its name.
        split: row numbers of the fold.
        levels: of the intervals.
        trust: whether trust methods judge the rows.
        rounds: of its loop, the one before the first choice counted; 0 without a loop.
    """

    arm: str
    fold: str
    split: Split
    levels: tuple[float, ...]
    trust: bool = False
    rounds: int = 0


def arrays_of(result: CellResult) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the note of a finished cell."""
    arrays = {f"columns/{name}": values for name, values in result.columns.items()}
    arrays |= {f"rounds/{name}": values for name, values in result.rounds.items()}
    arrays |= {f"trust/{name}": values for name, values in result.trust.items()}
    return arrays, {"records": result.records, "stages": result.stages}


def cell_of(arrays: Arrays, note: Mapping[str, Any], expected: Expected) -> CellResult:
    """Return the cell that a file holds.

    Args:
        arrays: as ``arrays_of`` names them.
        note: plain data.
        expected: what the tables must be.

    Raises:
        KeyError, RecursionError, TypeError, ValueError: it is not the cell that is expected.
    """
    found: dict[str, dict[str, npt.NDArray[Any]]] = {"columns": {}, "rounds": {}, "trust": {}}
    for name, values in arrays.items():
        table, _, column = name.partition("/")
        found[table][column] = values
    _check_columns(found["columns"], expected)
    _check_trust(found["trust"], expected)
    _check_rounds(found["rounds"], expected)
    canonical_hash(note)  # it can be written again
    stages = [(str(stage), float(seconds)) for stage, seconds in note["stages"]]
    records = [_record(one, expected) for one in note["records"]]
    return CellResult(found["columns"], records, stages, found["rounds"], found["trust"])


def _check_columns(columns: Arrays, expected: Expected) -> None:
    rows, parts = _scored(expected.split, times=1)
    _check_kinds(columns, _COLUMNS, expected.levels, len(rows))
    _require(np.array_equal(columns["row"], rows), "its rows are not those of the split")
    _require(np.array_equal(columns["part"], parts), "its parts are not those of the split")
    for name in ("mean", "baseline"):
        _require(bool(np.isfinite(columns[name]).all()), f"{name} holds no finite numbers")


def _check_trust(trust: Arrays, expected: Expected) -> None:
    if not expected.trust:
        _require(not trust, "it has labels of trust, which its spec does not ask for")
        return
    scored = len(_scored(expected.split, times=1)[0])
    times = len(trust["row"]) // max(1, scored)  # one block a method
    rows, parts = _scored(expected.split, times=times)
    _check_kinds(trust, _TRUST, expected.levels, len(rows))
    _require(times > 0 and np.array_equal(trust["row"], rows), "rows of trust are others")
    _require(np.array_equal(trust["part"], parts), "parts of trust are others")
    _require(set(trust["label"].tolist()) <= set(LABELS), "a label of trust is unknown")


def _check_rounds(rounds: Arrays, expected: Expected) -> None:
    _require(bool(rounds) == bool(expected.rounds), "it has rounds without a loop, or none with it")
    for name in _ROUNDS if rounds else ():
        _require(name in rounds, f"rounds without {name}")
    for name, values in rounds.items():
        right = values.shape == (expected.rounds,) and values.dtype.kind == "f"
        _require(right, f"rounds: {name} is not a number a round")


def _check_kinds(
    table: Arrays, kinds: Mapping[str, str], levels: tuple[float, ...], n: int
) -> None:
    ends = {f"{end}_{level!r}": "f" for level in levels for end in ("lower", "upper")}
    wanted = {**kinds, **ends}
    other = sorted(set(table) ^ set(wanted))
    _require(not other, f"columns that are missing or too many: {', '.join(other)}")
    for name, kind in wanted.items():
        values = table[name]
        right = values.shape == (n,) and values.dtype.kind == kind
        _require(right, f"column {name} is {values.dtype} of shape {values.shape}")


def _scored(split: Split, *, times: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.str_]]:
    """Return row numbers and parts in the order of a table with ``times`` rows a scored row."""
    parts = {part: getattr(split, part) for part in SCORED_PARTS}
    rows = np.concatenate([np.tile(here, times) for here in parts.values()])
    names = np.repeat(list(parts), [len(here) * times for here in parts.values()])
    return rows, names


def _record(record: Any, expected: Expected) -> dict[str, Any]:
    right = (
        isinstance(record, dict)
        and set(record) == {"arm", "fold", "name", "content"}
        and (record["arm"], record["fold"]) == (expected.arm, expected.fold)
        and isinstance(record["name"], str)
        and isinstance(record["content"], dict)
    )
    _require(right, "a record is not what a cell writes")
    return dict(record)


def _require(right: bool, why: str) -> None:
    if not right:
        raise ValueError(why)
