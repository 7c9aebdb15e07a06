"""Finished toy runs for what reads one: two arms, two parts, strange names. Light.

Metrics are few and are computed here, so that no plugin that computes metrics is needed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.data.predictions import Predictions
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.metric import Metric
from atlas_core.metrics.registry import Built, Metrics
from atlas_core.metrics.rows import MetricRows
from atlas_core.observe import FinishedRun

ROWS, LEVEL = 40, 0.9
POINT, ENDS = ("target", "mean"), ("target", "lower", "upper")
_TOYS = [
    Metric("mae", "MAE", "target", "lower", POINT, "Mean absolute error.", task="regression",
           terms=(lambda rows: rows.error,)),
    Metric("picp", "coverage", "share", "level", ENDS, "Share inside the interval.",
           task="regression",
           terms=(lambda rows: (rows.lower <= rows.target) & (rows.target <= rows.upper),)),
    Metric("brier", "Brier score", "plain", "lower", POINT, "Mean squared difference.",
           task="binary", terms=(lambda rows: rows.error**2,)),
    Metric("accuracy", "accuracy", "share", "higher", POINT, "Share of right answers.",
           task="binary", terms=(lambda rows: 1.0 - rows.mistake,)),
    Metric("balanced_accuracy", "balanced accuracy", "share", "higher", POINT,
           "Mean of the recalls.", task="binary", terms=(lambda rows: 1.0 - rows.mistake,)),
]  # fmt: skip
METRICS = Metrics.of([Built("toys", _TOYS, always=True)])
STRANGE = ("=1+1", "<script>alert(1)</script>", "a|b `c` [d](e) *f*", "@SUM(A1)", "x\ny")
"""Ids that do harm in a page, a spreadsheet or a table that takes them at their word."""


def toy_run(
    task: Task = "regression", *, uncertain: bool = True, arms: tuple[str, ...] = ("one", "two")
) -> FinishedRun:
    """Return a run of 40 rows per arm and part.

    Args:
        task: of the run.
        uncertain: whether the arms state sigma, intervals and an OOD score.
        arms: their names.
    """
    blocks = [_block(arm, seed, task, uncertain=uncertain) for seed, arm in enumerate(arms)]
    scored = {
        arm: {
            "parts": {
                part: {"n": ROWS, "metrics": _metrics(block.part(part), task)}
                for part in ("test", "ood_test")
            },
            "cautions": [],
            "ood": {},
        }
        for arm, block in zip(arms, blocks, strict=True)
    }
    return FinishedRun(
        folder=Path("toy-12345678"),
        manifest=_manifest(task, arms),
        metrics={"task": task, "levels": [LEVEL], "arms": scored},
        predictions=Predictions.stacked(blocks),
    )


def _block(arm: str, seed: int, task: Task, *, uncertain: bool) -> Predictions:
    rng = np.random.default_rng(seed)
    n = 2 * ROWS
    target, error = np.random.default_rng(99).normal(size=n), rng.normal(0, 0.3, n)
    mean, std = target + error, np.abs(error) + rng.uniform(0.1, 0.3, n)
    if task == "binary":
        mean = 1 / (1 + np.exp(-3 * mean))
        target, std = (target > 0).astype(np.float64), np.sqrt(mean * (1 - mean))
    score = rng.gamma(3.0, 1.0, n)
    room = 1.6 * std if uncertain and task == "regression" else np.full(n, np.nan)
    found = Predictions(
        ids=np.array([*STRANGE, *(f"toy-{i}" for i in range(n - len(STRANGE)))]),
        formula=np.array([f"Mg{i % 7 + 1}O" for i in range(n)]),
        arm=np.full(n, arm),
        fold=np.full(n, "without <F>"),
        parts=np.repeat(["test", "ood_test"], ROWS),
        target=target,
        mean=mean,
        reason=np.full(n, "contains <b>F</b>"),
        lower={LEVEL: mean - room},
        upper={LEVEL: mean + room},
    )
    return replace(found, std=std, ood_score=score, outside=score > 5) if uncertain else found


def _metrics(rows: Predictions, task: Task) -> dict[str, dict[str, float]]:
    ends = {"lower": rows.lower[LEVEL], "upper": rows.upper[LEVEL]}
    read = MetricRows({"target": rows.target, "mean": rows.mean, **ends}, task, LEVEL)
    return {
        f"{one.name}_{LEVEL}" if one.of_levels else one.name: _entry(one.terms[0](read))
        for one in METRICS.only(task=task, of_detectors=False)
        if rows.has_intervals or not one.of_levels
    }


def _entry(values: npt.NDArray[Any]) -> dict[str, float]:
    """Return the mean of (n,) values with a 95 % interval."""
    mean, room = float(values.mean()), 1.96 * float(values.std()) / len(values) ** 0.5
    return {"value": mean, "low": mean - room, "high": mean + room}


def _manifest(task: Task, arms: tuple[str, ...]) -> dict[str, Any]:
    component = {
        "distribution": "toys",
        "version": "1.0",
        "options": {"<k>": "=1"},
        "changed": ["<k>"],
        "citation": "10.1000/toy",
        "summary": "A toy.",
    }
    sizes = {"train": 100, "calibration": 0, "test": ROWS, "ood_test": ROWS}
    return {
        "atlas": "0.1.0",
        "run_id": "toy-12345678",
        "name": "toy",
        "question": "Does <it> | work?",
        "seed": 1,
        "science_hash": "ab" * 32,
        "dataset": {
            "name": "toys",
            "target": "gap",
            "unit": "" if task == "binary" else "eV",
            "task": task,
            "rows": 100 + 2 * ROWS,
        },
        "split": {
            "component": "toy",
            "folds": [{"name": "without <F>", "held_out": "materials with <F>", "sizes": sizes}],
        },
        "figures": METRICS.described(),
        "arms": {
            arm: {kind: {"use": "toy", **component} for kind in ("featurizer", "model", "uq")}
            for arm in arms
        },
    }
