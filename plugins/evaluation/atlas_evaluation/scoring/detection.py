"""How well a detector, sigma and the rule of unseen elements separate held-out from test rows.

Each fold has its own detector and scale, and a row that is held out in one fold may be
in-domain in the next, so scores of two folds are never ranked together. Light: numpy only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from atlas_core.arrays import F8
from atlas_core.data.predictions import Predictions
from atlas_core.kinds.metric import Metric
from atlas_core.metrics.registry import Metrics
from atlas_core.metrics.rows import MetricRows
from atlas_evaluation.scoring.chemistry import Chemistry
from atlas_evaluation.scoring.scorer import Scorer
from atlas_statistics import bootstrap
from atlas_statistics.rows import SIDES, Fold, folds_of

SIGMA_QUANTILE = 0.95
"""Sigma flags a row above this quantile of the sigmas of its fold's calibration rows."""

RULE = "rule"
"""The name of the rule "contains an element not in the training set"."""

AREA = "auroc"
"""The figure whose lowest fold is named."""


def separate(
    by_part: Mapping[str, Predictions],
    seed: int,
    trained: Mapping[str, Collection[str]],
    metrics: Metrics,
) -> dict[str, dict[str, Any]]:
    """Return how well detector, sigma and rule separate, for each that there is.

    Args:
        by_part: the rows of an arm.
        seed: of the resampling.
        trained: fold -> symbols of the elements in its training rows.
        metrics: which are computed of a detector.
    """
    if not set(SIDES) <= set(by_part):
        return {}
    folds = folds_of(Predictions.stacked([by_part[side] for side in SIDES]), seed)
    found = metrics.only(task="", of_detectors=True)
    return {
        detector: _scored(rows, folds, found)
        for detector, rows in _detectors(folds, by_part.get("calibration"), trained).items()
        if folds
    }


def _detectors(
    folds: Sequence[Fold], calibration: Predictions | None, trained: Mapping[str, Collection[str]]
) -> dict[str, list[MetricRows]]:
    """Return what each detector says of the rows of each fold; one that lacks a row is left out."""
    out: dict[str, list[MetricRows]] = {}
    if all(np.isfinite(fold.rows.ood_score).all() for fold in folds):
        out["score"] = [_rows(f, f.rows.ood_score, f.rows.outside) for f in folds]
    if all(np.isfinite(fold.rows.std).all() for fold in folds):
        limits = [_sigma_limit(calibration, f.name) for f in folds]
        known = None not in limits
        out["sigma"] = [
            _rows(f, f.rows.std, None if limit is None or not known else f.rows.std > limit)
            for f, limit in zip(folds, limits, strict=True)
        ]
    named = all((fold.rows.formula != "").all() for fold in folds)
    if {fold.name for fold in folds} <= set(trained) and named:
        strange = [Chemistry(f.rows.formula).beyond(trained[f.name]) for f in folds]
        pairs = zip(folds, strange, strict=True)
        out[RULE] = [_rows(f, own.astype(np.float64), own) for f, own in pairs]
    return out


def _rows(fold: Fold, score: F8, flagged: Any) -> MetricRows:
    columns = {"score": score, "held_out": fold.held_out}
    if flagged is not None:
        columns["flagged"] = np.asarray(flagged, dtype=np.float64)
    return MetricRows(columns)


def _sigma_limit(calibration: Predictions | None, fold: str) -> float | None:
    if calibration is None or not np.isfinite(calibration.std).all():
        return None
    std = calibration.std[calibration.fold == fold]
    return float(np.quantile(std, SIGMA_QUANTILE)) if len(std) else None


def _scored(rows: Sequence[MetricRows], folds: Sequence[Fold], metrics: Metrics) -> dict[str, Any]:
    """Return the mean of each metric over the folds, its interval, and the AUROC of each fold."""
    values: dict[str, list[float]] = {}
    draws: dict[str, list[F8]] = {}
    for own_rows, fold in zip(rows, folds, strict=True):
        scorer = Scorer(own_rows, metrics)
        drawn: dict[str, list[F8]] = {}
        for counts in fold.counts():
            for name, own in (scorer.means(counts) | scorer.ranks(counts)).items():
                drawn.setdefault(name, []).append(own)
        for name, value in scorer.values().items():
            values.setdefault(name, []).append(value)
            draws.setdefault(name, []).append(np.concatenate(drawn[name]))
    out: dict[str, Any] = {}
    for name, each in values.items():
        if len(each) < len(folds):
            continue  # a mean over some folds is of other materials
        value = float(np.mean(each))
        interval = bootstrap.percentile_interval(value, np.mean(draws[name], axis=0))
        if interval is not None:
            interval = _widened(interval, metrics[name], rows, folds)
        out[name] = {"value": value} if interval is None else interval.as_dict()
    if len(folds) > 1 and AREA in out:
        areas = values[AREA]
        out["folds"] = {fold.name: area for fold, area in zip(folds, areas, strict=True)}
        errors = [own.std() for own in draws[AREA]]
        worst = bootstrap.stands_out([-a for a in areas], errors, [f.smaller for f in folds])
        if worst is not None:
            out["worst"] = {"fold": folds[worst].name, AREA: areas[worst]}
    return out


def _widened(
    interval: bootstrap.Interval,
    metric: Metric,
    rows: Sequence[MetricRows],
    folds: Sequence[Fold],
) -> bootstrap.Interval | None:
    """Return an interval as wide as so many materials allow; None where they tell nothing."""
    if not metric.interval:
        return None
    if metric.classes is not None:
        return bootstrap.order_interval(interval, [fold.smaller for fold in folds])
    if metric.unit != "share":
        return interval
    materials: set[str] = set()
    for own_rows, fold in zip(rows, folds, strict=True):
        among = None if metric.among is None else own_rows.of(metric.among)
        ids = fold.rows.ids if among is None else fold.rows.ids[among == 1]
        materials.update(ids.tolist())
    return bootstrap.share_interval(interval, len(materials))
