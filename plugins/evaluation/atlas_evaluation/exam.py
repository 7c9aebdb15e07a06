"""Exam of trust: do the predictions labeled trust reach the target reliability?

Light: numpy only. Each held-out class is evaluated by itself: neither the arm nor its trust methods
saw a target of it. Two references need no method: abstaining on everything, and the oracle that
knows every error.

A figure ``x`` has a 95 % interval ``x_low`` to ``x_high``: Wilson's where it is a share, else
percentiles of bootstrap resamples of the materials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from atlas_core.arrays import F8, Bool
from atlas_core.context import derive_seed
from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import Predictions
from atlas_core.kinds.trust import ReliabilityTarget
from atlas_core.metrics import weighted
from atlas_evaluation.judge.figures import ENOUGH_TRUSTED, Kept, reliability_of
from atlas_statistics import bootstrap
from atlas_statistics import ranks as ood
from atlas_statistics.binomial import wilson

HEADLINE = 0.9
"""Level of the intervals that the exam is held at, or the nearest there is."""

PARTS = {"class": "ood_test", "in_domain": "test"}
GRADES: tuple[Kept, ...] = ("reached", "abstained", "below", "missed")
"""Outcomes on one class."""


def examine(
    trust: Assessments,
    predictions: Predictions,
    *,
    levels: Sequence[float],
    seed: int = 0,
    bounds: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Return the exam of every arm: a list of classes with their grades, and a summary.

    Args:
        trust: what the trust methods say.
        predictions: of every arm.
        levels: coverage levels of the run.
        seed: of the resampling.
        bounds: (low, high) between which every target must lie; an interval over all of it says as
            little as an infinite one.

    Returns:
        Plain data: {arm: {"method": the one that decides, "others": names of the other methods,
        "classes": [...], "summary": {method: {...}}}}; arms without a held-out class are left out.
    """
    level = min(levels, key=lambda one: (abs(one - HEADLINE), one))
    found: dict[str, Any] = {}
    for arm in dict.fromkeys(trust.arm.tolist()):
        own, answers = trust.arm == arm, predictions.arm == arm
        classes = []
        for fold in dict.fromkeys(trust.fold[own].tolist()):
            rows = trust.take(own & (trust.fold == fold))
            seen = predictions.take(answers & (predictions.fold == fold))
            if len(rows.part("ood_test")):
                branch = derive_seed(seed, "exam", str(arm), str(fold))
                own_class = _class(rows, seen, level, seed=branch, bounds=bounds)
                classes.append({"class": fold, **own_class})
        if classes:
            method, *others = classes[0]["methods"]
            found[arm] = {
                "method": method,
                "others": others,
                "level": level,
                "classes": classes,
                "summary": {
                    name: _summary([one["methods"][name] for one in classes])
                    for name in classes[0]["methods"]
                },
                "forecast": _forecasts(classes),
            }
    return found


def in_domain_record(trust: Assessments, arm: str) -> dict[str, Any]:
    """Return how an arm's labels fared in-domain, over all its folds: where no class was held out.

    Args:
        trust: what the trust methods say.
        arm: whose.

    Returns:
        {rows, trusted, within, error_tolerances: [of each fold], target_reliability}; {} without
        in-domain labels.
    """
    own = trust.take(trust.arm == arm)
    inside = own.of(str(own.method[0])).part(PARTS["in_domain"])
    if not len(inside):
        return {}
    trusted = inside.label == "trust"
    return {
        "rows": len(inside),
        "trusted": int(trusted.sum()),
        "within": int((trusted & (inside.error <= inside.error_tolerance)).sum()),
        "error_tolerances": list(dict.fromkeys(own.error_tolerance.tolist())),
        "target_reliability": float(own.target_reliability[0]),
    }


def _reliability(rows: Assessments) -> ReliabilityTarget:
    return ReliabilityTarget(float(rows.error_tolerance[0]), float(rows.target_reliability[0]))


def _interval(name: str, value: float, draws: F8) -> dict[str, float]:
    """Return a figure, with its percentile interval where there is one; nothing if undefined."""
    if not math.isfinite(value):
        return {}
    found = bootstrap.percentile_interval(value, draws)
    if found is None:
        return {name: value}
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _share(name: str, hits: int, n: int) -> dict[str, float]:
    """Return a share with its Wilson interval; nothing of nothing."""
    if not n:
        return {}
    low, high = wilson(hits / n, n)
    return {name: hits / n, f"{name}_low": low, f"{name}_high": high}


def _ratio(name: str, first: F8, second: F8, draws: Sequence[F8]) -> dict[str, float]:
    """Return the ratio of two means with its interval; nothing where there is none.

    Args:
        name: of the figure.
        first: (n,) values.
        second: (m,) values.
        draws: (b,) means of resamples of both.
    """
    if not second.mean() > 0:
        return {}
    return _interval(name, float(first.mean() / second.mean()), weighted.ratio(*draws))


def _means(columns: F8, *, seed: int) -> F8:
    """Return the means of (n,) or (n, k) columns, each over one of b resamples of the n rows."""
    blocks = bootstrap.resample(np.arange(len(columns)), seed=seed)
    return np.concatenate([counts @ columns / len(columns) for counts in blocks])


def _class(
    rows: Assessments,
    seen: Predictions,
    level: float,
    *,
    seed: int,
    bounds: tuple[float, float] | None,
) -> dict[str, Any]:
    """Return the exam of one held-out class.

    Args:
        rows: what all trust methods say of the fold.
        seen: the predictions of the fold.
        level: of the intervals.
        seed: of the resampling.
        bounds: between which every target must lie.
    """
    reliability, error = _reliability(rows), seen.error
    outside, inside = (seen.parts == PARTS[name] for name in ("class", "in_domain"))
    methods = {
        name: {
            part: _trusted(
                rows.of(name).part(short), reliability, seed=derive_seed(seed, name, short)
            )
            for part, short in PARTS.items()
        }
        for name in dict.fromkeys(rows.method.tolist())
    }
    first = next(iter(methods))
    own = rows.of(first)
    return {
        "rows": int(outside.sum()),
        "error_tolerance": reliability.error_tolerance,
        "target_reliability": reliability.target_reliability,
        **_share(
            "oracle_share",
            int((error[outside] <= reliability.error_tolerance).sum()),
            outside.sum(),
        ),
        "methods": methods,
        "grade": methods[first]["class"]["grade"],
        **_errors(error[outside], error[inside], seed=seed),
        **_sigma_and_detector(seen, outside, inside, seed=seed),
        "intervals": _intervals(own, seen, level, bounds),
        **_forecast(own.part(PARTS["class"]), seed=derive_seed(seed, "forecast")),
    }


def _errors(outside: F8, inside: F8, *, seed: int) -> dict[str, float]:
    """Return mean and median errors of the class and in-domain, and their ratios.

    A few large errors decide a mean: the ratio of the medians is that of the typical material.
    """
    far = _means(outside, seed=derive_seed(seed, "class"))
    middle = float(np.median(outside))
    found = _interval("mae", float(outside.mean()), far) | {"median": middle}
    if not len(inside):
        return found
    near = _means(inside, seed=derive_seed(seed, "in-domain"))
    in_domain = float(np.median(inside))
    found |= _interval("mae_in_domain", float(inside.mean()), near) | {
        "median_in_domain": in_domain
    }
    if in_domain > 0:
        found["median_rise"] = middle / in_domain
    return found | _ratio("mae_rise", outside, inside, (far, near))


def _forecast(rows: Assessments, *, seed: int) -> dict[str, float]:
    """Return the mean error that the method expected of the class, and its ratio to the true."""
    error, expected = rows.error, rows.expected_error
    draws = _means(np.column_stack([expected, error]), seed=seed).T
    found = _interval("forecast", float(expected.mean()), draws[0])
    return found | _ratio("forecast_ratio", expected, error, (draws[0], draws[1]))


def _trusted(rows: Assessments, reliability: ReliabilityTarget, *, seed: int) -> dict[str, Any]:
    """Return whether the rows labeled trust reach the target reliability."""
    error, labels = rows.error, rows.label
    chosen = labels == "trust"
    n, hits = int(chosen.sum()), int((error[chosen] <= reliability.error_tolerance).sum())
    judged = reliability_of(hits, n, reliability.target_reliability)
    return {
        "rows": len(labels),
        "trusted": n,
        **(_share("share", n, len(labels)) or {"share": 0.0}),
        "within": hits,
        **_share("hit", hits, n),
        "deferred": int((labels == "defer").sum()),
        "by_chance": judged.by_chance,
        "shown": judged.shown,
        "grade": judged.grade,
        **(
            _interval("mae_trusted", float(error[chosen].mean()), _means(error[chosen], seed=seed))
            if n
            else {}
        ),
    }


def _sigma_and_detector(
    seen: Predictions, outside: Bool, inside: Bool, *, seed: int
) -> dict[str, Any]:
    """Return how much sigma rises on the class, and how well the detector separates it."""
    found: dict[str, Any] = {}
    if not inside.any():
        return found
    std, score = seen.std_epistemic, seen.ood_score
    if np.isfinite(std[outside | inside]).all():
        draws = [
            _means(std[part], seed=derive_seed(seed, "sigma", place))
            for place, part in enumerate((outside, inside))
        ]
        found |= _ratio("sigma_rise", std[outside], std[inside], draws)
    if np.isfinite(score[outside | inside]).all():
        near, far = score[inside], score[outside]
        areas = _aurocs(near, far, seed=derive_seed(seed, "auroc"))
        found |= _interval("auroc", float(ood.auroc(near, far)), areas)
        flags = seen.outside
        found |= _share("flagged", int(flags[outside].sum()), len(far))
        found |= _share("false_alarms", int(flags[inside].sum()), len(near))
    return found


def _aurocs(inside: F8, outside: F8, *, seed: int) -> F8:
    """Return AUROCs of resamples of either part."""
    ranking = weighted.Ranking(np.concatenate([inside, outside]))
    positive = np.repeat([0.0, 1.0], [len(inside), len(outside)])
    parts = [
        list(
            bootstrap.resample(
                np.arange(len(part)),
                resamples=bootstrap.RANK_RESAMPLES,
                seed=derive_seed(seed, place),
            )
        )
        for place, part in enumerate((inside, outside))
    ]
    return weighted.auroc(ranking, positive, np.concatenate([*map(np.concatenate, parts)], axis=1))


def _intervals(
    own: Assessments, seen: Predictions, level: float, bounds: tuple[float, float] | None
) -> dict[str, Any]:
    """Return coverage and width of the calibrator's and of the trust region's intervals.

    Widths are given over that of plain split conformal (one width, from the calibration rows);
    there is none where either is infinite. ``infinite`` counts those over all that is possible too.
    """
    least, most = bounds or (-math.inf, math.inf)
    found: dict[str, Any] = {}
    calibration = np.sort(seen.part("calibration").error)
    rank = math.ceil((len(calibration) + 1) * level - 1e-9) - 1
    split = float(2.0 * calibration[rank]) if rank < len(calibration) else math.inf
    tables: dict[str, Predictions | Assessments] = {"calibrator": seen, "trust": own}
    for name, table in tables.items():
        for part, short in PARTS.items():
            at = table.parts == short
            lower, upper = table.lower[level][at], table.upper[level][at]
            if not at.any() or np.isnan(lower).any():
                continue
            target, width = table.target[at], upper - lower
            inside = (target >= lower) & (target <= upper)
            empty = np.isinf(width) | ((lower <= least) & (upper >= most))
            mean = float(width.mean())
            found[f"{name}_{part}"] = {
                **_share("coverage", int(inside.sum()), len(inside)),
                **({"width": mean / split} if 0 < split < math.inf > mean else {}),
                "infinite": float(empty.mean()),
            }
    held = seen.part(PARTS["class"]).error <= split / 2.0
    found["split_class"] = {**_share("coverage", int(held.sum()), len(held)), "width": 1.0}
    return found


def _summary(methods: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the counts and means over classes."""
    classes = [one["class"] for one in methods]
    inside = [one["in_domain"] for one in methods if one["in_domain"]["rows"]]
    enough = [one["hit"] for one in classes if one["trusted"] >= ENOUGH_TRUSTED]
    return {
        "classes": len(classes),
        **{grade: sum(one["grade"] == grade for one in classes) for grade in GRADES},
        "share": float(np.mean([one["share"] for one in classes])),
        "share_in_domain": float(np.mean([one["share"] for one in inside])) if inside else None,
        "worst_hit": min(enough, default=None),
    }


def _forecasts(classes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how the forecasts of the classes' mean errors compare with the true ones."""
    from scipy.stats import spearmanr

    forecast = np.array([one["forecast"] for one in classes])
    true = np.array([one["mae"] for one in classes])
    ratio = forecast / np.maximum(true, 1e-300)
    found: dict[str, Any] = {
        "within_twofold": int(((ratio >= 0.5) & (ratio <= 2.0)).sum()),
        "worst_under": float((1.0 / ratio).max()),
        "worst_over": float(ratio.max()),
    }
    if len(classes) > 2 and np.ptp(forecast) > 0 and np.ptp(true) > 0:
        found["spearman"] = float(spearmanr(forecast, true).statistic)
    return found
