"""Score a run's predictions: metrics with intervals for each arm and part. Light: numpy only.

A metric that is not defined (no sigma, one class only, a constant target) is absent, never NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from atlas_core.context import derive_seed
from atlas_core.data.predictions import SCORED_PARTS, Predictions
from atlas_core.metrics.registry import Metrics
from atlas_evaluation.judge import cautions
from atlas_evaluation.scoring.chemistry import Chemistry
from atlas_evaluation.scoring.detection import separate
from atlas_evaluation.scoring.score import score_part
from atlas_evaluation.scoring.scorer import scorer_of
from atlas_statistics import bootstrap
from atlas_statistics.rows import without_empty_sigma

CHEMISTRY_PARTS = ("test", "ood_test")
"""Parts whose errors are reported by element and by anion family."""


def evaluate(
    predictions: Predictions,
    *,
    task: str,
    levels: Sequence[float],
    seed: int,
    trained: Mapping[str, Collection[str]] | None = None,
    bounds: tuple[float, float] | None = None,
    metrics: Metrics,
) -> dict[str, Any]:
    """Return the content of ``metrics.json``: plain JSON types, undefined metrics absent.

    Intervals are 95 % percentile bootstrap intervals over materials, within each part, all folds
    together. ``floored_std`` counts rows whose sigma was raised for NLL, ZMS and ENCE (see
    :func:`atlas_core.kinds.metric.floor_std`); it is absent where there is none, as is
    ``n_std``, the rows with a sigma where not all have one. In ``ood`` the ``score`` of the
    detector, ``sigma`` alone and the ``rule`` "contains an element not in the training set", which
    needs no model, separate ``ood_test`` from ``test`` rows within each fold; of several folds it
    holds the means (folds weigh the same; intervals from resampling within each), the AUROC of
    each in ``folds`` and, where it surely is lower than the others, the lowest in ``worst``;
    ``hardest`` names likewise the fold with the largest error on its held-out class. Sigma flags
    what lies above the 95 % quantile of its fold's calibration sigmas. ``families``
    holds error and coverage by :mod:`atlas_chemistry.families` for ``test`` and ``ood_test`` (see
    :mod:`atlas_evaluation.scoring.groups`).
    ``cautions`` lists what makes the figures mean less than they seem, as findings
    (:mod:`atlas_evaluation.judge.cautions`).

    Args:
        predictions: of one or more arms.
        task: ``regression`` or ``binary``.
        levels: coverage levels of the intervals.
        seed: of the resampling.
        trained: fold -> symbols of the elements in its training rows; without them there is no
            ``rule``.
        bounds: (low, high) between which every target must lie; an interval that covers all of it
            counts into ``infinite_share``.
        metrics: which.

    Raises:
        DataError: a target or mean is not finite.
    """
    predictions.require_finite()
    arms = {
        arm: _evaluate_arm(
            own if bounds is None or task == "binary" else replace(own, bounds=bounds),
            task=task,
            metrics=metrics,
            seed=partial(derive_seed, seed, "metrics", arm),
            trained=trained or {},
        )
        for arm, own in predictions.at_levels(levels).by_arm().items()
    }
    return {"task": task, "levels": [float(v) for v in levels], "arms": arms}


def _evaluate_arm(
    stated: Predictions,
    *,
    task: str,
    metrics: Metrics,
    seed: Callable[[str], int],
    trained: Mapping[str, Collection[str]],
) -> dict[str, Any]:
    """Return what ``metrics.json`` holds of an arm; ``seed`` is one for each of its parts."""
    rows = without_empty_sigma(stated)
    present = set(rows.parts.tolist())
    parts = [p for p in SCORED_PARTS if p in present] + sorted(present - set(SCORED_PARTS))
    by_part = {part: rows.part(part) for part in parts}
    elements: dict[str, dict[str, dict[str, float | bool]]] = {}
    families: dict[str, dict[str, Any]] = {}
    scored: dict[str, dict[str, Any]] = {}
    for part, held in by_part.items():
        chemistry = Chemistry(held.formula) if part in CHEMISTRY_PARTS else None
        scored[part], found = score_part(
            held,
            metrics=metrics,
            task=task,
            seed=seed(part),
            group=chemistry.families() if chemistry else None,
            calibration=_calibrated_on(by_part.get("calibration"), held),
        )
        if chemistry:
            off = held.mean - held.target
            elements[part] = chemistry.errors(off, bootstrap.numbered(held.ids))
        if found:
            families[part] = found
    folds = _score_folds(by_part, task, metrics)
    return {
        "parts": scored,
        "folds": folds,
        "summary": _summarize(folds, parts),
        **_hardest(by_part.get("ood_test"), task),
        "ood": separate(by_part, seed("ood"), trained, metrics),
        "elements": elements,
        "families": families,
        "cautions": _cautions(stated.part("test")),
    }


def _cautions(rows: Predictions) -> list[dict[str, Any]]:
    found = cautions.of_predictions(rows.mean, rows.std, rows.fold, target=rows.target)
    return [caution.as_dict() for caution in found]


def _calibrated_on(calibration: Predictions | None, rows: Predictions) -> int | None:
    """Return the calibration materials of the fold with the fewest; None where a fold has none."""
    if calibration is None:
        return None
    folds = set(rows.fold.tolist())
    return min(len(set(_of_fold(calibration, f).ids.tolist())) for f in folds) or None


def _score_folds(
    by_part: Mapping[str, Predictions], task: str, metrics: Metrics
) -> dict[str, dict[str, dict[str, float]]]:
    folds: dict[str, dict[str, dict[str, float]]] = {}
    for part, rows in by_part.items():
        for fold in dict.fromkeys(rows.fold.tolist()):
            scorer = scorer_of(_of_fold(rows, fold), task, metrics)
            folds.setdefault(fold, {})[part] = scorer.values()
    return folds


def _hardest(ood_test: Predictions | None, task: str) -> dict[str, dict[str, str | float]]:
    """Return the fold on whose held-out class the error surely is larger than on the others'."""
    folds = [] if ood_test is None else list(dict.fromkeys(ood_test.fold.tolist()))
    if ood_test is None or len(folds) < 2:
        return {}
    name, power = ("brier", 2) if task == "binary" else ("mae", 1)
    means, errors, sizes = [], [], []
    for rows in (_of_fold(ood_test, fold) for fold in folds):
        own = rows.error**power
        sizes.append(len(set(rows.ids.tolist())))
        means.append(float(own.mean()))
        errors.append(float(own.std()) / np.sqrt(max(1, sizes[-1] - 1)))
    most = bootstrap.stands_out(means, errors, sizes)
    return {} if most is None else {"hardest": {"fold": folds[most], name: means[most]}}


def _summarize(
    folds: Mapping[str, Mapping[str, Mapping[str, float]]], parts: Sequence[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """Return mean and population std (ddof 0, Matbench's convention) over the folds."""
    out: dict[str, dict[str, dict[str, float]]] = {}
    for part in parts:
        collected: dict[str, list[float]] = {}
        for scores in folds.values():
            for name, value in scores.get(part, {}).items():
                collected.setdefault(name, []).append(value)
        out[part] = {
            name: {"mean": float(np.mean(values)), "std": float(np.std(values))}
            for name, values in collected.items()
        }
    return out


def _of_fold(rows: Predictions, fold: str) -> Predictions:
    return rows.take(rows.fold == fold)
