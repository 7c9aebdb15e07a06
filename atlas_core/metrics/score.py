"""Score a table of predictions, whoever made them. Light: numpy, scipy's specials late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, Str
from atlas_core.data.predictions import Predictions
from atlas_core.kinds.metric import PROBABILITY_BINS, floor_std, probability_bins
from atlas_core.metrics import bootstrap, groups
from atlas_core.metrics.chemistry import Chemistry
from atlas_core.metrics.registry import Metrics, installed_metrics
from atlas_core.metrics.scorer import ERROR_OF, scorer_of, without_empty_sigma


def score_predictions(
    target: npt.ArrayLike,
    mean: npt.ArrayLike,
    *,
    std: npt.ArrayLike | None = None,
    intervals: Mapping[float, tuple[npt.ArrayLike, npt.ArrayLike]] | None = None,
    formulas: npt.ArrayLike | None = None,
    materials: npt.ArrayLike | None = None,
    task: str = "regression",
    seed: int | None = 0,
    metrics: Metrics | None = None,
) -> dict[str, Any]:
    """Return what ``metrics.json`` holds of a part, for predictions that no run made.

    ``metrics`` by name, each with ``value``, ``low`` and ``high`` (95 % bootstrap over materials;
    no ends without a seed, or where resamples tell none), ``families`` where formulas are given,
    and in a binary task ``reliability``. What is not defined is absent; docs/metrics.md has it all.

    Args:
        target: (n,) true values; 0 or 1 in a binary task.
        mean: (n,) predictions in the target's unit; P(1) in a binary task.
        std: (n,) standard deviation in the target's unit, or any score of doubt where only the
            metrics of ranks are read; NaN where unknown.
        intervals: level -> ((n,) lower, (n,) upper ends); NaN where unknown, infinite is allowed.
        formulas: (n,) formulas, for error and coverage by anion family.
        materials: (n,) ids of materials where one has several rows; they are resampled together.
        task: ``regression`` or ``binary``.
        seed: of the resampling; None leaves it out, which is much faster on 100,000 rows.
        metrics: which; None: all that are installed.

    Raises:
        ValueError: lengths differ, or a value is not what it must be.
        DataError: a formula cannot be read.
    """
    y, m = _checked(target, mean, task)
    n = len(y)
    s = np.full(n, np.nan) if std is None else _std(std, n)
    ends = {level: _ends(level, low, high, n) for level, (low, high) in (intervals or {}).items()}
    numbers, none = np.arange(n).astype(np.str_), np.full(n, "")
    rows = Predictions(
        ids=numbers if materials is None else _text(materials, n, "materials"),
        formula=none if formulas is None else _text(formulas, n, "formulas"),
        arm=none,
        fold=none,
        parts=none,
        target=y,
        mean=m,
        std=s,
        lower={level: low for level, (low, _) in ends.items()},
        upper={level: high for level, (_, high) in ends.items()},
    )
    out, families = score_part(
        without_empty_sigma(rows),
        metrics=metrics or installed_metrics(),
        task=task,
        seed=seed,
        group=None if formulas is None else Chemistry(rows.formula).families(),
    )
    return out | ({"families": families} if families else {})


def _checked(target: npt.ArrayLike, mean: npt.ArrayLike, task: str) -> tuple[F8, F8]:
    """Return targets and predictions as (n,) float arrays.

    Raises:
        ValueError: there is no such task, or they do not fit it.
    """
    if task not in ("regression", "binary"):
        raise ValueError(f"task {task!r} is neither 'regression' nor 'binary'")
    y, m = bootstrap.pair(target, mean)
    if task == "binary" and not np.isin(y, (0, 1)).all():
        raise ValueError("a binary target is not 0 or 1")
    if task == "binary" and ((m < 0) | (m > 1)).any():
        raise ValueError("a probability is outside 0 to 1")
    return y, m


def _std(std: npt.ArrayLike, n: int) -> F8:
    s = _column(std, n, "std")
    if (s < 0).any() or np.isinf(s).any():
        raise ValueError("a std is negative or infinite")
    return s


def _ends(level: float, low: npt.ArrayLike, high: npt.ArrayLike, n: int) -> tuple[F8, F8]:
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not between 0 and 1")
    lower, upper = _column(low, n, "lower"), _column(high, n, "upper")
    if (lower > upper).any():
        raise ValueError(f"an interval of level {level} ends before it begins")
    return lower, upper


def _reliability(rows: Predictions) -> dict[str, list[float]]:
    """Return the reliability diagram, with the materials of each bin: a row alone proves less."""
    which = probability_bins(rows.mean)
    count = np.bincount(which, minlength=PROBABILITY_BINS)
    held = np.flatnonzero(count)
    predicted, observed = (
        np.bincount(which, values, PROBABILITY_BINS)[held] / count[held]
        for values in (rows.mean, rows.target)
    )
    return {
        "predicted": predicted.tolist(),
        "observed": observed.tolist(),
        "materials": [len(np.unique(rows.ids[which == one])) for one in held],
    }


def _column(values: npt.ArrayLike, n: int, name: str) -> F8:
    column = np.asarray(values, dtype=np.float64)
    if column.shape != (n,):
        raise ValueError(f"{name}: expected ({n},), got {column.shape}")
    return column


def _text(values: npt.ArrayLike, n: int, name: str) -> Str:
    column = np.asarray(values, dtype=np.str_)
    if column.shape != (n,):
        raise ValueError(f"{name}: expected ({n},), got {column.shape}")
    return column


def score_part(
    rows: Predictions,
    *,
    metrics: Metrics,
    task: str,
    seed: int | None,
    group: Str | None,
    calibration: int | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metrics of the rows of a part, and those of its groups; plain JSON types.

    Args:
        rows: of one arm and part, all folds together.
        metrics: which.
        task: ``regression`` or ``binary``.
        seed: of the resampling; None for values without intervals.
        group: (n,) name of each row's group, "" for none; None leaves groups out.
        calibration: materials that the intervals were calibrated on; None where not known.
    """
    materials = bootstrap.numbered(rows.ids)
    masks, left_out = ({}, {}) if group is None else groups.large_groups(group, materials)
    scorer = scorer_of(rows, task, metrics, masks)
    scored: dict[str, dict[str, float]]
    if seed is None:
        scored = {name: {"value": value} for name, value in scorer.values().items()}
    else:
        scored = scorer.intervals(materials, seed)
    errors = {name: scored.pop(f"{ERROR_OF}{name}") for name in masks}
    n_materials = int(materials.max()) + 1
    out: dict[str, Any] = {"n": len(rows), "n_materials": n_materials, "metrics": scored}
    if task == "binary":
        out["reliability"] = _reliability(rows)
    known = np.isfinite(rows.std)
    if known.any() and (floored := int(floor_std(rows.std[known])[1].sum())):
        out["floored_std"] = floored
    if known.any() and not known.all():
        out["n_std"] = int(known.sum())
    by_group: dict[str, Any] = {}
    if masks:
        of = "brier" if task == "binary" else "mae"
        by_group |= groups.score_groups(rows, masks, errors, of=of, calibration=calibration)
    if left_out:
        by_group["left_out"] = left_out
    return out, by_group
