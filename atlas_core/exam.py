"""Examine trust: of the predictions labelled trust, is the share within budget what was promised?

Light: numpy only. Each held-out class is an exam of its own: neither the arm nor its trust methods
saw a label of it. Beside the methods stand two that need no method: refuse everything, and the
oracle that knows every error.

A figure ``x`` has a 95 % interval ``x_low`` to ``x_high``: Wilson's where it is a share, else
percentiles of bootstrap resamples of the materials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from atlas_core.arrays import F8, Bool
from atlas_core.binomial import binomial_below, wilson
from atlas_core.context import derive_seed
from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import Predictions
from atlas_core.judgement import ENOUGH_TRUSTED, doubt, slack
from atlas_core.kinds.trust import Promise
from atlas_core.metrics import bootstrap, ood, weighted

BREACH = 0.05
"""Probability below which a share is no bad luck."""
HEADLINE = 0.9
"""Level of the intervals that the exam is held at, or the nearest there is."""

Grade = str
GRADES: dict[Grade, str] = {
    "keeps": "it trusts some and keeps its promise",
    "refuses": "it trusts next to nothing, so it breaks no promise and is of no use",
    "short": "it falls short of its promise, not shown to be by more than the slack",
    "breaks": "it breaks its promise",
}
"""What can come of one class, in words."""


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
        Plain data: {arm: {"method": the one that decides, "beside": the others, "classes": [...],
        "summary": {method: {...}}}}; arms without a held-out class are left out.
    """
    level = min(levels, key=lambda one: (abs(one - HEADLINE), one))
    found: dict[str, Any] = {}
    for arm in dict.fromkeys(trust.arm.tolist()):
        own, answers = trust.arm == arm, predictions.arm == arm
        classes = []
        for fold in dict.fromkeys(trust.fold[own].tolist()):
            rows = trust.take(own & (trust.fold == fold))
            seen = predictions.take(answers & (predictions.fold == fold))
            if len(rows.part("shifted")):
                branch = derive_seed(seed, "exam", str(arm), str(fold))
                own_class = _class(rows, seen, level, seed=branch, bounds=bounds)
                classes.append({"class": fold, **own_class})
        if classes:
            method, *beside = classes[0]["methods"]
            found[arm] = {
                "method": method,
                "beside": beside,
                "level": level,
                "classes": classes,
                "summary": {
                    name: _summary([one["methods"][name] for one in classes])
                    for name in classes[0]["methods"]
                },
                "forecast": _forecasts(classes),
            }
    return found


def at_home(trust: Assessments, arm: str) -> dict[str, Any]:
    """Return how an arm's labels fared in-domain, over all its folds: where no class was held out.

    Args:
        trust: what the trust methods say.
        arm: whose.

    Returns:
        {rows, trusted, within, budgets: [of each fold], confidence}; {} without in-domain labels.
    """
    own = trust.arm == arm
    records = [record_of(trust, arm, str(fold)) for fold in dict.fromkeys(trust.fold[own].tolist())]
    inside = [one["in_domain"] for one in records if "in_domain" in one]
    if not inside:
        return {}
    return {
        **{name: sum(one[name] for one in inside) for name in ("rows", "trusted", "within")},
        "budgets": list(dict.fromkeys(trust.budget[own].tolist())),
        "confidence": float(trust.confidence[own][0]),
    }


def record_of(trust: Assessments, arm: str, fold: str) -> dict[str, Any]:
    """Return how the labels of one fit fared on what its run knew: what a screen rests on.

    Args:
        trust: what the trust methods say.
        arm: whose fit.
        fold: the same.

    Returns:
        {"in_domain": {rows, trusted, within, ...}, "class": the same of the held-out class}, of
        the method that decides; a part without rows is left out, and all of it without labels.
    """
    own = trust.take((trust.arm == arm) & (trust.fold == fold))
    if not len(own):
        return {}
    own = own.of(str(own.method[0]))
    promise = Promise(float(own.budget[0]), float(own.confidence[0]))
    parts = {name: own.part(short) for name, short in (("in_domain", "test"), ("class", "shifted"))}
    return {
        name: _trusted(rows, promise, seed=derive_seed(0, "record", name))
        for name, rows in parts.items()
        if len(rows)
    }


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


def _means(columns: F8, *, seed: int) -> F8:
    """Return (b, k) means of (n, k) columns, each over a resample of the n rows."""
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
    """Return the exam of one class."""
    budget, confidence = float(rows.budget[0]), float(rows.confidence[0])
    outside, inside = seen.parts == "shifted", seen.parts == "test"
    error = seen.error
    names = list(dict.fromkeys(rows.method.tolist()))
    methods = {}
    for name in names:
        own = rows.of(name)
        methods[name] = {
            part: _trusted(
                own.part(short),
                Promise(budget, confidence),
                seed=derive_seed(seed, name, short),
            )
            for part, short in (("class", "shifted"), ("in_domain", "test"))
        }
    within = error[outside] <= budget
    found: dict[str, Any] = {
        "rows": int(outside.sum()),
        "budget": budget,
        "confidence": confidence,
        **_share("oracle_share", int(within.sum()), len(within)),
        "methods": methods,
        "grade": methods[names[0]]["class"]["grade"],
    }
    found |= _errors(error[outside], error[inside], seed=seed)
    found |= _sigma_and_detector(seen, outside, inside, seed=seed)
    found["intervals"] = _intervals(rows, seen, names[0], level, bounds)
    first = rows.of(names[0]).part("shifted")
    return found | _forecast(first, seed=derive_seed(seed, "forecast"))


def _errors(outside: F8, inside: F8, *, seed: int) -> dict[str, float]:
    """Return mean and median errors of the class and in-domain, and their ratios.

    A few large errors decide a mean: the ratio of the medians is that of the typical material.
    """
    far = _means(outside[:, None], seed=derive_seed(seed, "class"))[:, 0]
    found = _interval("mae", float(outside.mean()), far)
    middle = float(np.median(outside))
    found["median"] = middle
    if len(inside):
        near = _means(inside[:, None], seed=derive_seed(seed, "in-domain"))[:, 0]
        found |= _interval("mae_in_domain", float(inside.mean()), near)
        home = float(np.median(inside))
        found["median_in_domain"] = home
        if home > 0:
            found["median_rise"] = middle / home
        if inside.mean() > 0:
            rise = float(outside.mean() / inside.mean())
            found |= _interval("mae_rise", rise, weighted.ratio(far, near))
    return found


def _forecast(rows: Assessments, *, seed: int) -> dict[str, float]:
    """Return the mean error that the method expected of the class, and its ratio to the true."""
    error = rows.error
    expected = rows.expected_error
    draws = _means(np.column_stack([expected, error]), seed=seed)
    found = _interval("forecast", float(expected.mean()), draws[:, 0])
    if error.mean() > 0:
        ratio = float(expected.mean() / error.mean())
        found |= _interval("forecast_ratio", ratio, weighted.ratio(draws[:, 0], draws[:, 1]))
    return found


def _trusted(rows: Assessments, promise: Promise, *, seed: int) -> dict[str, Any]:
    """Return how the rows labelled trust keep the promise.

    ``by_chance``: whether a method that keeps it may have so few within budget; ``shown``: whether
    there are enough to call it kept.
    """
    error = rows.error
    labels = rows.label
    chosen = labels == "trust"
    n, hits = int(chosen.sum()), int((error[chosen] <= promise.budget).sum())
    wanted = promise.confidence - slack(promise.confidence)
    by_chance = binomial_below(hits, n, promise.confidence) >= BREACH
    least = wilson(hits / n, n)[0] if n else 0.0
    held = n >= ENOUGH_TRUSTED and hits / n >= wanted and (by_chance or least >= wanted)
    kept = n < ENOUGH_TRUSTED or held
    breach = n >= ENOUGH_TRUSTED and binomial_below(hits, n, wanted) < BREACH
    grade = "keeps" if kept else "breaks" if breach else "short"
    found: dict[str, Any] = {
        "rows": len(labels),
        "trusted": n,
        **(_share("share", n, len(labels)) or {"share": 0.0}),
        "within": hits,
        **_share("hit", hits, n),
        "deferred": int((labels == "defer").sum()),
        "breach": breach,
        "kept": kept,
        "by_chance": by_chance,
        "shown": held and least >= promise.confidence - doubt(promise.confidence),
        "grade": "refuses" if n < ENOUGH_TRUSTED else grade,
    }
    if n:
        draws = _means(error[chosen][:, None], seed=seed)[:, 0]
        found |= _interval("mae_trusted", float(error[chosen].mean()), draws)
    return found


def _sigma_and_detector(
    seen: Predictions, outside: Bool, inside: Bool, *, seed: int
) -> dict[str, Any]:
    """Return how much sigma rises on the class, and how well the detector tells it apart."""
    found: dict[str, Any] = {}
    if not inside.any():
        return found
    std, score = seen.std_epistemic, seen.ood_score
    if np.isfinite(std[outside | inside]).all() and std[inside].mean() > 0:
        far, near = (
            _means(std[part][:, None], seed=derive_seed(seed, "sigma", place))[:, 0]
            for place, part in enumerate((outside, inside))
        )
        rise = float(std[outside].mean() / std[inside].mean())
        found |= _interval("sigma_rise", rise, weighted.ratio(far, near))
    if np.isfinite(score[outside | inside]).all():
        near, far = score[inside], score[outside]
        draws = _aurocs(near, far, seed=derive_seed(seed, "auroc"))
        found |= _interval("auroc", float(ood.auroc(near, far)), draws)
        flags = seen.outside
        found |= _share("flagged", int(flags[outside].sum()), len(far))
        found |= _share("false_alarms", int(flags[inside].sum()), len(near))
    return found


def _aurocs(inside: F8, outside: F8, *, seed: int) -> F8:
    """Return AUROCs of resamples of either part."""
    ranking = weighted.Ranking(np.concatenate([inside, outside]))
    positive = np.repeat([0.0, 1.0], [len(inside), len(outside)])
    parts = [
        np.concatenate(
            list(
                bootstrap.resample(
                    np.arange(len(part)),
                    resamples=bootstrap.RANK_RESAMPLES,
                    seed=derive_seed(seed, place),
                )
            )
        )
        for place, part in enumerate((inside, outside))
    ]
    return weighted.auroc(ranking, positive, np.concatenate(parts, axis=1))


def _intervals(
    rows: Assessments,
    seen: Predictions,
    method: str,
    level: float,
    bounds: tuple[float, float] | None,
) -> dict[str, Any]:
    """Return coverage and width of the calibrator's and of the trust region's intervals.

    Widths are given over that of plain split conformal (one width, from the calibration rows);
    there is none where either is infinite. ``infinite`` counts those over all that is possible too.
    """
    least, most = bounds or (-math.inf, math.inf)
    found: dict[str, Any] = {}
    error = np.sort(seen.part("calibration").error)
    rank = math.ceil((len(error) + 1) * level - 1e-9) - 1
    split = float(2.0 * error[rank]) if rank < len(error) else math.inf
    tables: dict[str, Predictions | Assessments] = {"calibrator": seen, "trust": rows.of(method)}
    for name, table in tables.items():
        lower, upper = table.lower[level], table.upper[level]
        for part, short in (("class", "shifted"), ("in_domain", "test")):
            at = table.parts == short
            if not at.any() or np.isnan(lower[at]).any():
                continue
            target = table.target[at]
            inside = (target >= lower[at]) & (target <= upper[at])
            width = float((upper[at] - lower[at]).mean())
            empty = np.isinf(upper[at] - lower[at]) | ((lower[at] <= least) & (upper[at] >= most))
            found[f"{name}_{part}"] = {
                **_share("coverage", int(inside.sum()), len(inside)),
                **({"width": width / split} if 0 < split < math.inf > width else {}),
                "infinite": float(empty.mean()),
            }
    held = seen.part("shifted").error <= split / 2.0
    found["split_class"] = {**_share("coverage", int(held.sum()), len(held)), "width": 1.0}
    return found


def _summary(methods: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the counts and means over classes."""
    classes = [one["class"] for one in methods]
    inside = [one["in_domain"] for one in methods if one["in_domain"]["rows"]]
    grades = {grade: sum(one["grade"] == grade for one in classes) for grade in GRADES}
    return {
        "classes": len(classes),
        **grades,
        "kept": sum(one["kept"] for one in classes),
        "breaches": sum(one["breach"] for one in classes),
        "share": float(np.mean([one["share"] for one in classes])),
        "share_in_domain": float(np.mean([one["share"] for one in inside])) if inside else None,
        "worst_hit": min(
            (one["hit"] for one in classes if one["trusted"] >= ENOUGH_TRUSTED), default=None
        ),
    }


def _forecasts(classes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how the forecasts of the classes' mean errors compare with the true ones."""
    forecast = np.array([one["forecast"] for one in classes])
    true = np.array([one["mae"] for one in classes])
    ratio = forecast / np.maximum(true, 1e-300)
    found: dict[str, Any] = {
        "within_twofold": int(((ratio >= 0.5) & (ratio <= 2.0)).sum()),
        "worst_under": float((1.0 / ratio).max()),
        "worst_over": float(ratio.max()),
    }
    if len(classes) > 2 and np.ptp(forecast) > 0 and np.ptp(true) > 0:
        found["spearman"] = spearman(forecast, true)
    return found


def spearman(a: F8, b: F8) -> float:
    """Return the rank correlation of two (n,) arrays, ties at their mean rank."""
    ones = weighted.unit_weights(len(a))
    return float(weighted.spearman(weighted.Ranking(a), weighted.Ranking(b), ones)[0])
