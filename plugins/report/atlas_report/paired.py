"""Tests of one arm against another on the same rows: per material, and per fold. Light.

Three questions that one p-value does not answer. The bootstrap (:mod:`atlas_statistics.bootstrap`)
says how large the difference of the means is; the signed-rank test says whether the typical
material differs, which a few large errors cannot decide; the test over folds says whether it would
stand with other training data. scipy is imported where needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Str
from atlas_core.data.predictions import Predictions
from atlas_core.metrics.registry import Metrics
from atlas_core.metrics.rows import MetricRows
from atlas_statistics import bootstrap
from atlas_statistics.bootstrap import CONFIDENCE, PairedDifference

EXACT = 10
"""Below this many materials that differ the signed-rank test counts every sign pattern."""


@dataclass(frozen=True)
class FoldDifference:
    """Compare two models over k folds, each fold one observation.

    Attributes:
        folds: how many.
        difference: mean over the folds of the difference of their means, first - second.
        low: lower end of the 95 % interval.
        high: its upper end.
        p_value: two-sided, of no difference.
        better: folds in which the first has the lower mean; ties count half.
    """

    folds: int
    difference: float
    low: float
    high: float
    p_value: float
    better: float


@dataclass(frozen=True)
class PairedScore:
    """Compare one score of two models, lower is better, on the same rows.

    Attributes:
        first: mean score of the first.
        second: mean score of the second.
        bootstrap: of the difference first - second, materials resampled.
        wilcoxon_p: of the signed-rank test over materials; None where none differs.
        folds: the test over folds; None for a single fold, or unknown sizes.
    """

    first: float
    second: float
    bootstrap: PairedDifference
    wilcoxon_p: float | None
    folds: FoldDifference | None


def wilcoxon(first: npt.ArrayLike, second: npt.ArrayLike) -> float | None:
    """Return the two-sided p-value of Wilcoxon's signed-rank test; None where no pair differs.

    Equal pairs are left out, equal differences share the mean of their ranks. From ``EXACT`` pairs
    on the normal approximation is used, with the variance of the tied ranks and without correction
    for continuity; below, every pattern of signs is counted.
    Source: Wilcoxon, Biometrics Bull. 1, 80 (1945).

    Raises:
        ValueError: the vectors differ in length, are empty, or hold a value that is not finite.
    """
    from scipy import stats

    a, b = bootstrap.pair(first, second)
    difference = a - b
    largest = float(np.abs(difference).max())
    if largest == 0:
        return None
    difference = np.round(difference / largest, 12)  # 0.3 - 0.1 and 0.2 - 0.0 are one difference
    difference = difference[difference != 0]
    every = stats.PermutationMethod(n_resamples=2**EXACT)  # all sign patterns, ties and all
    method = every if len(difference) < EXACT else "asymptotic"
    return float(stats.wilcoxon(difference, correction=False, method=method).pvalue)


def fold_difference(
    first: npt.ArrayLike, second: npt.ArrayLike, folds: Str, *, test_over_train: float
) -> FoldDifference | None:
    """Return the corrected resampled t-test over folds; None for fewer than two folds.

    Rows of one fold come from one fit of each model, and the fits of two folds share training rows,
    so a test over rows finds differences that another training set would not repeat. Each fold is
    one observation, and its variance is raised for the shared rows: s^2 (1/k + n_test / n_train).
    Source: Nadeau & Bengio, Mach. Learn. 52, 239 (2003), section 3.

    Args:
        first: (n,) scores of one model, lower is better.
        second: (n,) scores of the other.
        folds: (n,) fold of each row.
        test_over_train: test rows over training rows of a fold: 1/(k - 1) where k folds make up
            the data.

    Raises:
        ValueError: the vectors do not fit, or the ratio is negative.
    """
    from scipy import stats

    if test_over_train < 0:
        raise ValueError(f"test_over_train {test_over_train} is negative")
    a, b = bootstrap.pair(first, second)
    names = list(dict.fromkeys(folds.tolist()))
    k = len(names)
    if k < 2:
        return None
    each = np.array([(a - b)[folds == name].mean() for name in names])
    mean = float(each.mean())
    error = float(np.sqrt(each.var(ddof=1) * (1 / k + test_over_train)))
    half = float(stats.t.ppf(1 - (1 - CONFIDENCE) / 2, k - 1)) * error
    p = float(mean == 0)  # where every fold says the same
    if error > 0:
        p = float(2 * stats.t.sf(abs(mean) / error, k - 1))
    better = float(((each < 0) + 0.5 * (each == 0)).sum())
    return FoldDifference(k, mean, mean - half, mean + half, p, better)


def paired_score(
    first: F8,
    second: F8,
    *,
    materials: I8,
    folds: Str,
    test_over_train: float | None,
    seed: int,
) -> PairedScore:
    """Return every test of one score of two models.

    Args:
        first: (n,) scores of one model, lower is better.
        second: (n,) scores of the other.
        materials: (n,) number of each row's material; rows of one are one observation.
        folds: (n,) fold of each row.
        test_over_train: see :func:`fold_difference`; None leaves that test out.
        seed: of the resampling.
    """
    rows = np.maximum(np.bincount(materials), 1)
    means = (np.bincount(materials, own) / rows for own in (first, second))
    over_folds = None
    if test_over_train is not None:
        over_folds = fold_difference(first, second, folds, test_over_train=test_over_train)
    return PairedScore(
        first=float(first.mean()),
        second=float(second.mean()),
        bootstrap=bootstrap.paired_difference(first, second, seed=seed, materials=materials),
        wilcoxon_p=wilcoxon(*means),
        folds=over_folds,
    )


def row_scores(rows: Predictions, task: str, metrics: Metrics) -> dict[str, F8]:
    """Return (n,) values of the rows for each metric that is their mean, lower being better.

    Only of metrics that every row has: MAE, CRPS, NLL, ... of a regression, Brier score, ... of a
    binary task.
    """
    out: dict[str, F8] = {}
    columns = {"target": rows.target, "mean": rows.mean, "formula": rows.formula}
    for name in ("std", "baseline"):
        if np.isfinite(getattr(rows, name)).all():
            columns[name] = getattr(rows, name)
    asked = metrics.only(task=task, of_detectors=False)
    views: list[tuple[str, MetricRows]] = [("", MetricRows(columns, task, bounds=rows.bounds))]
    for level in rows.lower:
        ends = {"lower": rows.lower[level], "upper": rows.upper[level]}
        if not np.isnan([*ends.values()]).any():
            seen = MetricRows({**columns, **ends}, task, level, rows.bounds)
            views.append((f"_{level!r}", seen))
    for one in asked:
        term = one.per_row
        if term is None or one.better != "lower":
            continue
        for ending, seen in views:
            if one.of_levels != bool(ending) or not set(one.columns) <= seen.columns.keys():
                continue
            if (values := seen.of(term)) is not None:
                out[f"{one.name}{ending}"] = values
    return out


def paired_scores(
    first: Predictions,
    second: Predictions,
    *,
    task: str,
    test_over_train: float | None,
    seed: int,
    metrics: Metrics,
) -> Mapping[str, PairedScore]:
    """Return the tests of every score that both have, row i of one against row i of the other."""
    a, b = row_scores(first, task, metrics), row_scores(second, task, metrics)
    materials = bootstrap.numbered(first.ids)
    return {
        name: paired_score(
            a[name],
            b[name],
            materials=materials,
            folds=first.fold,
            test_over_train=test_over_train,
            seed=seed,
        )
        for name in a
        if name in b
    }
