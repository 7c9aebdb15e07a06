"""Build the record that ``matbench.bench.MatbenchBenchmark.from_file`` of matbench 0.6 reads.

matbench itself is not imported: it cannot be installed beside modern packages by pip alone, takes
two seconds to import and adds entries named ``std`` and ``ci`` to the uncertainties it validates.

Two habits of matbench 0.6 are kept, since scores must agree with its own:

- ``results.json.gz`` holds plain JSON. matbench's ``to_file`` writes and its ``from_file`` reads
  plain text whatever the file is called, and submissions carry this name.
- ``rocauc`` is computed from labels (P > 0.5), not from probabilities: its scorer turns the
  predictions into labels for the accuracy and does not turn them back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePosixPath
from statistics import NormalDist
from typing import Any

import numpy as np

from atlas_core.api import F8, Bool, Export, FinishedRun
from atlas_matbench._tasks import TASKS
from atlas_matbench.matbench import matbench_ids

VERSION = "0.6"  # of matbench, whose layout this is
BENCHMARK = "matbench_v0.1"
_KNOWN = ("official", "rebuilt")  # whose rows are Matbench's, in its order
FOLDS = tuple(f"fold_{fold}" for fold in range(5))
_HALF_WIDTH = NormalDist().inv_cdf(0.975)  # of a 95 % interval, in standard deviations
_SMALLEST = 1e-5  # matbench leaves smaller targets out of its percentage error
_THRESHOLD = 0.5
_LEVEL = 0.9  # of the run's own interval


def exports(run: FinishedRun) -> list[Export]:
    """Return one record for each arm that predicted all rows of all five folds.

    A run on a sample of rows, or one that chose its own training rows (active learning), gives
    none: its scores would stand beside others that learned from the whole training folds. A file
    that is ``unverified`` gives none either: the official folds are row numbers, so other rows or
    another order make them other folds.
    """
    dataset, split = run.manifest["dataset"], run.manifest["split"]
    names = {fold["name"] for fold in split["folds"]}
    if dataset["sample"] is not None or names != set(FOLDS):
        return []
    if dataset["provenance"] not in _KNOWN:
        return []
    task = str(dataset["options"]["task"])
    said = run.predictions
    out = []
    for arm in dict.fromkeys(said.arm.tolist()):
        if "acquisition" in run.manifest["arms"][arm]:
            continue
        rows = np.flatnonzero((said.arm == arm) & (said.parts == "test"))
        if sorted(said.ids[rows].tolist()) != sorted(matbench_ids(task)):
            continue
        text = json.dumps(record(run, task, arm, rows), sort_keys=True)
        path = PurePosixPath("matbench") / arm / "results.json.gz"
        out.append(Export(path, text.encode()))
    return out


def record(run: FinishedRun, task: str, arm: str, rows: np.ndarray) -> dict[str, Any]:
    """Return the content of one arm's record; ``rows`` are its test rows."""
    name = f"matbench_{task}"
    content = {
        "@module": "matbench.bench",
        "@class": "MatbenchBenchmark",
        "version": VERSION,
        "benchmark_name": BENCHMARK,
        "datestamp": _datestamp(run.manifest),
        "user_metadata": _about(run.manifest, run.run_id, arm),
        "tasks": {
            name: {
                "@module": "matbench.task",
                "@class": "MatbenchTask",
                "benchmark_name": BENCHMARK,
                "dataset_name": name,
                "results": _folds(run, task, rows),
            }
        },
    }
    # matbench hashes the JSON text of the same content with sorted keys
    content["hash"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return content


def _folds(run: FinishedRun, task: str, rows: np.ndarray) -> dict[str, Any]:
    binary = TASKS[task].binary
    said = run.predictions.take(rows)
    ids, target, std = said.ids, said.target, said.std
    mean = np.clip(said.mean, 0.0, 1.0) if binary else said.mean
    ends = {"lower": said.lower.get(_LEVEL), "upper": said.upper.get(_LEVEL)}
    out: dict[str, Any] = {}
    for fold in FOLDS:
        here = said.fold == fold
        scores = _labels(target[here], mean[here]) if binary else _errors(target[here], mean[here])
        out[fold] = {
            "data": dict(zip(ids[here].tolist(), mean[here].tolist(), strict=True)),
            "parameters": {},
            "scores": scores,
        }
        # matbench takes no uncertainty of a classification
        if not binary and np.isfinite(std).all():
            given = {
                f"{end}_{_LEVEL}": values[here]
                for end, values in ends.items()
                if values is not None and np.isfinite(values).all()
            }
            out[fold]["uncertainty"] = _intervals(ids[here], mean[here], std[here], given)
    return out


def _intervals(
    ids: np.ndarray, mean: F8, std: F8, given: Mapping[str, F8]
) -> dict[str, dict[str, float]]:
    """Return matbench's own three entries of each id, and the run's 90 % interval beside them.

    matbench's interval is the 95 % one of a normal distribution; that of the run is what its
    calibrator promises.
    """
    table = {
        "ci_lower": mean - _HALF_WIDTH * std,
        "ci_upper": mean + _HALF_WIDTH * std,
        "std": std,
        **given,
    }
    values = zip(*(column.tolist() for column in table.values()), strict=True)
    return {
        name: dict(zip(table, row, strict=True))
        for name, row in zip(ids.tolist(), values, strict=True)
    }


def _errors(target: F8, mean: F8) -> dict[str, float]:
    error = np.abs(target - mean)
    large = np.abs(target) > _SMALLEST
    return {
        "mae": float(error.mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "mape": float((error[large] / np.abs(target[large])).mean()),
        "max_error": float(error.max()),
    }


def _labels(target: F8, probability: F8) -> dict[str, float]:
    true: Bool = target == 1
    said: Bool = probability > _THRESHOLD
    hits, alarms = int((true & said).sum()), int((~true & said).sum())
    misses, rejections = int((true & ~said).sum()), int((~true & ~said).sum())
    balanced = (hits / (hits + misses) + rejections / (rejections + alarms)) / 2
    return {
        "accuracy": (hits + rejections) / len(target),
        "balanced_accuracy": balanced,
        "f1": 2 * hits / (2 * hits + alarms + misses),
        "rocauc": balanced,  # what the area under the curve of two-valued scores comes to
    }


def _datestamp(manifest: Mapping[str, Any]) -> str:
    started = datetime.fromisoformat(str(manifest["started"]))
    return started.strftime("%Y.%m.%d %H:%M.%S")


def _about(manifest: Mapping[str, Any], run_id: str, arm: str) -> dict[str, Any]:
    components = manifest["arms"][arm]
    return {
        "algorithm": arm,
        "atlas": str(manifest["atlas"]),
        "run": run_id,
        "seed": str(manifest["seed"]),
        "data_provenance": str(manifest["dataset"]["provenance"]),
        "components": {kind: _named(chosen) for kind, chosen in components.items()},
    }


def _named(chosen: Mapping[str, Any]) -> str:
    """Return the component's name, and those of the featurizers beside it."""
    return " + ".join(str(one["use"]) for one in (chosen, *chosen.get("beside", ())))
