"""Score a run's predictions: metrics with intervals for each arm and part. Light: numpy only.

A metric that is not defined (no sigma, one class only, a constant target) is absent, never NaN.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from atlas_core.arrays import F8, Bool, Str
from atlas_core.context import derive_seed
from atlas_core.data.predictions import SCORED_PARTS, Predictions
from atlas_core.judge import cautions
from atlas_core.metrics import bootstrap, ood, weighted
from atlas_core.metrics.chemistry import Chemistry
from atlas_core.metrics.score import score_part
from atlas_core.metrics.scorer import PartScorer, without_empty_sigma

CHEMISTRY_PARTS = ("test", "shifted")
"""Parts whose errors are told by element and by anion family."""

SIGMA_QUANTILE = 0.95
"""Sigma flags a row above this quantile of the sigmas of its fold's calibration rows."""


def read_arms(predictions: Predictions, levels: Sequence[float]) -> dict[str, Predictions]:
    """Return the rows of each arm, in order of first appearance.

    Args:
        predictions: of one or more arms.
        levels: whose intervals are read.

    Raises:
        DataError: a target or mean is not finite.
    """
    predictions.require_finite()
    arms = predictions.at_levels(levels).by_arm()
    return {arm: without_empty_sigma(own) for arm, own in arms.items()}


def evaluate(
    predictions: Predictions,
    *,
    task: str,
    levels: Sequence[float],
    seed: int,
    trained: Mapping[str, Collection[str]] | None = None,
    bounds: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Return the content of ``metrics.json``: plain JSON types, undefined metrics absent.

    Intervals are 95 % percentile bootstrap intervals over materials, within each part, all folds
    together. ``floored_std`` counts rows whose sigma was raised for NLL, ZMS and ENCE (see
    :func:`atlas_core.metrics.uncertainty.floor_std`); it is absent where there is none, as is
    ``n_std``, the rows with a sigma where not all have one. In ``ood`` the ``score`` of the
    detector, ``sigma`` alone and the ``rule`` "contains an element never trained on", which looks
    at no model, separate ``shifted`` from ``test`` rows within each fold; of
    several folds it holds the means (folds weigh the same; intervals from resampling within each),
    the AUROC of each in ``folds`` and, where it surely is lower than the others, the lowest in
    ``worst``; ``hardest`` names likewise the fold with the largest error on its held-out class.
    Sigma flags what lies above the 95 % quantile of its fold's calibration sigmas. ``families``
    holds error and coverage by :mod:`atlas_core.families` for ``test`` and ``shifted`` (see
    :mod:`atlas_core.metrics.groups`).
    ``cautions`` lists what makes the figures mean less than they seem, as findings
    (:mod:`atlas_core.judge.cautions`).

    Args:
        predictions: of one or more arms.
        task: ``regression`` or ``binary``.
        levels: coverage levels of the intervals.
        seed: of the resampling.
        trained: fold -> symbols of the elements in its training rows; without them there is no
            ``rule``.
        bounds: (low, high) between which every target must lie; an interval that covers all of it
            counts into ``infinite_share``.

    Raises:
        DataError: a target or mean is not finite.
    """
    arms: dict[str, Any] = {}
    predictions.require_finite()
    for arm, own in predictions.at_levels(levels).by_arm().items():
        stated = own
        if bounds is not None and task != "binary":
            stated = replace(own, bounds=bounds)
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
                task=task,
                seed=derive_seed(seed, "metrics", arm, part),
                group=chemistry.families() if chemistry else None,
                calibration=_calibrated_on(by_part.get("calibration"), held),
            )
            if chemistry:
                elements[part] = chemistry.errors(held.error, bootstrap.numbered(held.ids))
            if found:
                families[part] = found
        folds = _score_folds(by_part, task)
        arms[arm] = {
            "parts": scored,
            "folds": folds,
            "summary": _summarise(folds, parts),
            **_hardest(by_part.get("shifted"), task),
            "ood": _separate(by_part, derive_seed(seed, "metrics", arm, "ood"), trained or {}),
            "elements": elements,
            "families": families,
            "cautions": _cautions(stated.part("test")),
        }
    return {"task": task, "levels": [float(v) for v in levels], "arms": arms}


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
    by_part: Mapping[str, Predictions], task: str
) -> dict[str, dict[str, dict[str, float]]]:
    folds: dict[str, dict[str, dict[str, float]]] = {}
    for part, rows in by_part.items():
        for fold in dict.fromkeys(rows.fold.tolist()):
            scorer = PartScorer(rows.take(rows.fold == fold), task)
            folds.setdefault(fold, {})[part] = scorer.values()
    return folds


def _hardest(shifted: Predictions | None, task: str) -> dict[str, dict[str, str | float]]:
    """Return the fold on whose held-out class the error surely is larger than on the others'."""
    folds = [] if shifted is None else list(dict.fromkeys(shifted.fold.tolist()))
    if shifted is None or len(folds) < 2:
        return {}
    name, power = ("brier", 2) if task == "binary" else ("mae", 1)
    means, errors, sizes = [], [], []
    for rows in (_of_fold(shifted, fold) for fold in folds):
        own = rows.error**power
        sizes.append(len(set(rows.ids.tolist())))
        means.append(float(own.mean()))
        errors.append(float(own.std()) / np.sqrt(max(1, sizes[-1] - 1)))
    most = bootstrap.stands_out(means, errors, sizes)
    return {} if most is None else {"hardest": {"fold": folds[most], name: means[most]}}


def _summarise(
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


def _separate(
    by_part: Mapping[str, Predictions], seed: int, trained: Mapping[str, Collection[str]]
) -> dict[str, dict[str, Any]]:
    """Return how well detector, sigma and the rule of unseen elements tell shifted from test rows.

    Each fold has a detector and a scale of its own, and a row that is shifted in one fold may be
    in-domain in the next, so scores of two folds are never ranked together.
    """
    if "test" not in by_part or "shifted" not in by_part:
        return {}
    outside = set(by_part["shifted"].fold.tolist())
    folds = [f for f in dict.fromkeys(by_part["test"].fold.tolist()) if f in outside]
    pairs = {
        fold: (_of_fold(by_part["test"], fold), _of_fold(by_part["shifted"], fold))
        for fold in folds
    }
    if not pairs:
        return {}
    sides = [rows for pair in pairs.values() for rows in pair]
    sizes = [
        len({name for pair in pairs.values() for name in pair[k].ids.tolist()}) for k in (0, 1)
    ]
    smaller = [min(len(set(rows.ids.tolist())) for rows in pair) for pair in pairs.values()]
    seeds = {f: seed if len(folds) == 1 else derive_seed(seed, "fold", f) for f in folds}
    out: dict[str, dict[str, Any]] = {}
    if all(_known(rows.ood_score) for rows in sides):
        out["score"] = _mean_of_folds(
            {
                fold: _detection(
                    (a.ood_score, b.ood_score), (a.outside, b.outside), (a.ids, b.ids), seeds[fold]
                )
                for fold, (a, b) in pairs.items()
            },
            smaller,
        )
    if all(_known(rows.std) for rows in sides):
        limits = _sigma_limits(by_part.get("calibration"))
        flagged = set(folds) <= set(limits)
        out["sigma"] = _mean_of_folds(
            {
                fold: _detection(
                    (a.std, b.std),
                    (a.std > limits[fold], b.std > limits[fold]) if flagged else None,
                    (a.ids, b.ids),
                    seeds[fold],
                )
                for fold, (a, b) in pairs.items()
            },
            smaller,
        )
    if set(folds) <= set(trained) and all((rows.formula != "").all() for rows in sides):
        strange = {
            fold: tuple(Chemistry(rows.formula).beyond(trained[fold]) for rows in pair)
            for fold, pair in pairs.items()
        }
        out["rule"] = _mean_of_folds(
            {
                fold: _detection(
                    (strange[fold][0].astype(np.float64), strange[fold][1].astype(np.float64)),
                    (strange[fold][0], strange[fold][1]),
                    (a.ids, b.ids),
                    seeds[fold],
                )
                for fold, (a, b) in pairs.items()
            },
            smaller,
        )
    for found in out.values():
        _widen(found, sizes, smaller)
    return out


def _widen(found: dict[str, Any], sizes: Sequence[int], smaller: Sequence[int]) -> None:
    """Make the intervals of detection as wide as so many materials allow.

    Args:
        found: metric -> value and ends, changed in place.
        sizes: materials of the test and of the shifted part.
        smaller: those of the smaller part in each fold.
    """
    for name, n in zip(("share_flagged_test", "share_flagged_shifted"), sizes, strict=True):
        if "low" in found.get(name, {}):
            share = bootstrap.Interval(**found[name])
            found[name] = bootstrap.share_interval(share, n).as_dict()
    for name in ("auroc", "aupr", "fpr95"):
        if "low" in found[name]:
            ends = bootstrap.order_interval(bootstrap.Interval(**found[name]), smaller)
            found[name] = {"value": found[name]["value"]} if ends is None else ends.as_dict()


def _of_fold(rows: Predictions, fold: str) -> Predictions:
    return rows.take(rows.fold == fold)


def _mean_of_folds(
    folds: Mapping[str, Mapping[str, tuple[float, F8]]], smaller: Sequence[int]
) -> dict[str, Any]:
    """Return the mean of each metric over the folds, its interval, and the AUROC of each fold.

    Args:
        folds: fold -> metric -> value and (resamples,) draws from within that fold.
        smaller: materials of the smaller part of each fold.
    """
    found = list(folds.values())
    out: dict[str, Any] = {}
    for name in found[0]:
        value = float(np.mean([metrics[name][0] for metrics in found]))
        draws = np.mean([metrics[name][1] for metrics in found], axis=0)
        interval = bootstrap.percentile_interval(value, draws)
        out[name] = {"value": value} if interval is None else interval.as_dict()
    if len(folds) > 1:
        each = {fold: metrics["auroc"][0] for fold, metrics in folds.items()}
        errors = [metrics["auroc"][1].std() for metrics in found]
        worst = bootstrap.stands_out([-area for area in each.values()], errors, smaller)
        out["folds"] = each
        if worst is not None:
            fold = list(each)[worst]
            out["worst"] = {"fold": fold, "auroc": each[fold]}
    return out


def _known(values: F8) -> bool:
    return bool(len(values)) and bool(np.isfinite(values).all())


def _sigma_limits(calibration: Predictions | None) -> dict[str, float]:
    if calibration is None or not _known(calibration.std):
        return {}
    return {
        fold: float(np.quantile(calibration.std[calibration.fold == fold], SIGMA_QUANTILE))
        for fold in set(calibration.fold.tolist())
    }


def _detection(
    scores: tuple[F8, F8], flags: tuple[Bool, Bool] | None, ids: tuple[Str, Str], seed: int
) -> dict[str, tuple[float, F8]]:
    """Return each detection metric of one fold with its (resamples,) draws.

    Test and shifted rows are resampled apart.
    """
    inside, outside = scores
    values = {
        "auroc": ood.auroc(inside, outside),
        "aupr": ood.aupr(inside, outside),
        "fpr95": ood.fpr95(inside, outside),
    }
    ranking = weighted.Ranking(np.concatenate(scores))
    positive = np.concatenate([np.zeros(len(inside)), np.ones(len(outside))])
    draws: dict[str, list[F8]] = {name: [] for name in values}
    counts_a, counts_b = (
        np.concatenate(
            list(
                bootstrap.resample(
                    bootstrap.numbered(names),
                    resamples=bootstrap.RANK_RESAMPLES,
                    seed=derive_seed(seed, side),
                )
            )
        )
        for names, side in zip(ids, ("test", "shifted"), strict=True)
    )
    block = max(1, bootstrap.BLOCK // len(positive))
    for start in range(0, bootstrap.RANK_RESAMPLES, block):
        rows = slice(start, start + block)
        w = np.concatenate([counts_a[rows], counts_b[rows]], axis=1)
        draws["auroc"].append(weighted.auroc(ranking, positive, w))
        draws["aupr"].append(weighted.aupr(ranking, positive, w))
        draws["fpr95"].append(weighted.fpr_at(ranking, positive, w, tpr=ood.TPR))
    if flags is not None:
        named = (("share_flagged_test", 0, counts_a), ("share_flagged_shifted", 1, counts_b))
        for name, side, counts in named:
            flagged = flags[side].astype(np.float64)
            values[name] = float(flagged.mean())
            draws[name] = [counts @ flagged / counts.sum(axis=1)]
    return {name: (value, np.concatenate(draws[name])) for name, value in values.items()}
