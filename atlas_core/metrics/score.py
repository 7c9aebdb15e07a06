"""Score a table of predictions, whoever made them. Light: numpy, scipy's specials late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, Str
from atlas_core.data.predictions import Predictions
from atlas_core.metrics import bootstrap, groups
from atlas_core.metrics.chemistry import Chemistry
from atlas_core.metrics.classification import binary, probability_bins, reliability_curve
from atlas_core.metrics.regression import paired
from atlas_core.metrics.scorer import ERROR_OF, PartScorer, without_empty_sigma


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
) -> dict[str, Any]:
    """Return what ``metrics.json`` holds of a part, for predictions that no run made.

    ``n`` rows of ``n_materials``, ``metrics`` by name, each with ``value``, ``low`` and ``high``
    (95 % bootstrap over materials; no ends without a seed, or where resamples tell none),
    ``families`` where formulas are given, and in a binary task ``reliability``: for each bin of
    P(1) in use the mean P(1), the share of class 1 and the number of materials. A metric that is
    not defined is absent; docs/metrics.md defines each.

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

    Raises:
        ValueError: lengths differ, a target or mean is not finite, a std is negative, an interval
            ends before it begins, or a binary value is not in 0 to 1.
        DataError: a formula cannot be read.
    """
    if task not in ("regression", "binary"):
        raise ValueError(f"task {task!r} is neither 'regression' nor 'binary'")
    y, m = binary(target, mean) if task == "binary" else paired(target, mean)
    n = len(y)
    s = np.full(n, np.nan) if std is None else _column(std, n, "std")
    if (s < 0).any() or np.isinf(s).any():
        raise ValueError("a std is negative or infinite")
    lower: dict[float, F8] = {}
    upper: dict[float, F8] = {}
    for level, (low, high) in (intervals or {}).items():
        if not 0 < level < 1:
            raise ValueError(f"level {level} is not between 0 and 1")
        lower[level], upper[level] = _column(low, n, "lower"), _column(high, n, "upper")
        if (lower[level] > upper[level]).any():
            raise ValueError(f"an interval of level {level} ends before it begins")
    formula = np.full(n, "") if formulas is None else _text(formulas, n, "formulas")
    nowhere = np.full(n, "")
    rows = Predictions(
        ids=np.arange(n).astype(np.str_) if materials is None else _text(materials, n, "materials"),
        formula=formula,
        arm=nowhere,
        fold=nowhere,
        parts=nowhere,
        target=y,
        mean=m,
        std=s,
        lower=lower,
        upper=upper,
    )
    group = None if formulas is None else Chemistry(formula).families()
    out, families = score_part(without_empty_sigma(rows), task=task, seed=seed, group=group)
    return out | ({"families": families} if families else {})


def _reliability(rows: Predictions) -> dict[str, list[float]]:
    """Return the reliability diagram, with the materials of each bin: a row alone proves less."""
    predicted, observed, _ = reliability_curve(rows.target, rows.mean)
    which = probability_bins(rows.mean)
    return {
        "predicted": predicted.tolist(),
        "observed": observed.tolist(),
        "materials": [len(np.unique(rows.ids[which == one])) for one in np.unique(which)],
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
    task: str,
    seed: int | None,
    group: Str | None,
    calibration: int | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metrics of the rows of a part, and those of its groups; plain JSON types.

    Args:
        rows: of one arm and part, all folds together.
        task: ``regression`` or ``binary``.
        seed: of the resampling; None for values without intervals.
        group: (n,) name of each row's group, "" for none; None leaves groups out.
        calibration: materials that the intervals were calibrated on; None where not known.
    """
    materials = bootstrap.numbered(rows.ids)
    masks, left_out = ({}, {}) if group is None else groups.large_groups(group, materials)
    scorer = PartScorer(rows, task, masks)
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
    held = scorer.gaussian
    if held is not None and held.floored:
        out["floored_std"] = held.floored
    if held is not None and not held.known.all():
        out["n_std"] = int(held.known.sum())
    by_group: dict[str, Any] = {}
    if masks:
        of = "brier" if task == "binary" else "mae"
        by_group |= groups.score_groups(rows, masks, errors, of=of, calibration=calibration)
    if left_out:
        by_group["left_out"] = left_out
    return out, by_group
