"""Score the predictions of a part. Light: numpy, scipy's specials late."""

from __future__ import annotations

from typing import Any

import numpy as np

from atlas_core.arrays import Str
from atlas_core.data.predictions import Predictions
from atlas_core.metrics.registry import Metrics
from atlas_core.metrics.rows import PROBABILITY_BINS, floor_std, probability_bins
from atlas_evaluation.scoring import groups
from atlas_evaluation.scoring.scorer import ERROR_OF, scorer_of
from atlas_statistics import bootstrap


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
