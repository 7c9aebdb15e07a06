"""Read a Matbench file the first time and from the cache, against matminer's reader."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from measure import Bar, alternating, ratio, shared

from atlas_core.api import DataContext, Dataset

TASK = "perovskites"
FILE = f"matbench_{TASK}.json.gz"
REFERENCE = "matminer's load_dataframe_from_json"
NAMES = (
    f"reading {FILE} the first time",
    f"reading {FILE} from the cache",
    "18,928 perovskites from the cache, hash of the source included",
)


def _absent(why: str) -> list[Bar]:
    return [
        Bar(NAMES[0], REFERENCE, None, 3, note=why),
        Bar(NAMES[1], REFERENCE, None, 100, note=why),
        Bar(NAMES[2], "the clock", None, 0.3, unit="s", more_is_better=False, note=why),
    ]


def _load(folder: Path, cache: Path) -> Dataset:
    from atlas_matbench.hooks import MatbenchConfig
    from atlas_matbench.matbench import MatbenchSource

    context = DataContext(folder, cache, folder, offline=True)
    return MatbenchSource(MatbenchConfig(task=TASK)).load(context)


def largest_difference(data: Dataset, frame: Any) -> float:
    """Return the largest difference of a coordinate, a cell or a target from matminer's frame.

    Raises:
        ValueError: rows, targets or species differ.
    """
    from atlas_core.api import Materials

    column = "e_form"
    if len(frame) != len(data) or not np.array_equal(frame[column].to_numpy(), data.target):
        raise ValueError("rows or targets differ from matminer's")
    theirs = Materials.from_structures(data.materials.ids.tolist(), frame["structure"])
    ours = data.materials
    if not np.array_equal(theirs.numbers, ours.numbers):
        raise ValueError("species differ from matminer's")
    pairs = zip(theirs.to_arrays().values(), ours.to_arrays().values(), strict=True)
    floats = [(a, b) for a, b in pairs if a is not None and b is not None and a.dtype.kind == "f"]
    return float(max(np.abs(a - b).max() for a, b in floats))


def bars() -> list[Bar]:
    """Measure the three bars of reading."""
    path = shared("matbench_v0.1", FILE)
    if path is None:
        return _absent("the data file is not on this machine")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from matminer.utils.io import load_dataframe_from_json
    except ImportError:
        return _absent("matminer is not installed")
    with tempfile.TemporaryDirectory() as scratch:
        fresh = itertools.count()
        full = Path(scratch) / "full"

        def first() -> Dataset:
            return _load(path.parent, Path(scratch) / str(next(fresh)))

        def theirs() -> Any:
            return load_dataframe_from_json(str(path), pbar=False)

        difference = largest_difference(first(), theirs())
        if _load(path.parent, full).fingerprint != _load(path.parent, full).fingerprint:
            raise ValueError("the cache gives another data set than the file")
        seconds = alternating(
            {"matminer": theirs, "first": first, "cached": lambda: _load(path.parent, full)},
            rounds=3,
            repeats={"cached": 20},
        )
    detail = {
        "seconds": seconds,
        "largest_difference": difference,
        "rows": 18_928,
        "counted": "ours hashes the file, writes the cache at the first read and holds every array"
        " of an entry against its checksum; matminer's reader checks no hash",
    }
    return [
        Bar(NAMES[0], REFERENCE, ratio(seconds, "matminer", "first"), 3, detail=detail),
        Bar(NAMES[1], REFERENCE, ratio(seconds, "matminer", "cached"), 100),
        Bar(
            NAMES[2],
            "the clock",
            median(seconds["cached"]),
            0.3,
            unit="s",
            more_is_better=False,
        ),
    ]
