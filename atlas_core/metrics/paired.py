"""Tests of one arm against another on the same rows: per material, and per fold. Light.

Three questions that one p-value does not answer. The bootstrap of :mod:`.bootstrap` says how large
the difference of the means is; the signed-rank test says whether the typical material differs,
which a few large errors cannot decide; the test over folds says whether it would stand with other
training data. scipy's special functions are imported where needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Str
from atlas_core.data.predictions import Predictions
from atlas_core.metrics import bootstrap, classification, uncertainty, weighted
from atlas_core.metrics.bootstrap import CONFIDENCE, PairedDifference
from atlas_core.metrics.scorer import level_text

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
    from scipy.special import ndtr

    a, b = bootstrap.pair(first, second)
    difference = a - b
    largest = float(np.abs(difference).max())
    if largest == 0:
        return None
    difference = np.round(difference / largest, 12)  # 0.3 - 0.1 and 0.2 - 0.0 are one difference
    difference = difference[difference != 0]
    size = np.abs(difference)
    ranks = weighted.Ranking(size).ranks(weighted.unit_weights(len(size)))[0]
    centred = float((np.sign(difference) * ranks).sum())  # W+ - W-, 0 on average
    if len(difference) < EXACT:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(difference))))
        return float((np.abs(signs @ ranks) >= abs(centred) - 1e-9).mean())
    return float(2 * ndtr(-abs(centred) / np.sqrt((ranks**2).sum())))


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
    from scipy.special import stdtr, stdtrit

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
    half = float(stdtrit(k - 1, 1 - (1 - CONFIDENCE) / 2)) * error
    p = float(mean == 0)  # where every fold says the same
    if error > 0:
        p = float(2 * stdtr(k - 1, -abs(mean) / error))
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


def row_scores(rows: Predictions, task: str) -> dict[str, F8]:
    """Return (n,) scores of the rows by name, lower is better; only those that every row has.

    ``mae``, ``crps``, ``nll`` (sigma floored, see ``floor_std``) and ``interval_score_<level>`` of
    a regression; ``brier`` and ``log_loss`` of a binary task.
    """
    y, m, s = rows.target, rows.mean, rows.std
    if task == "binary":
        return {"brier": (y - m) ** 2, "log_loss": classification.log_loss_rows(y, m)}
    out: dict[str, F8] = {"mae": np.abs(y - m)}
    if np.isfinite(s).all() and s.any():
        out["crps"] = uncertainty.crps_rows(y, m, s)
        out["nll"] = uncertainty.nll_rows(y, m, uncertainty.floor_std(s)[0])
    for level, low in rows.lower.items():
        high = rows.upper[level]
        if np.isfinite(low).all() and np.isfinite(high).all():
            name = f"interval_score_{level_text(level)}"
            out[name] = uncertainty.interval_score_rows(y, low, high, level)
    return out


def paired_scores(
    first: Predictions, second: Predictions, *, task: str, test_over_train: float | None, seed: int
) -> Mapping[str, PairedScore]:
    """Return the tests of every score that both have, row i of one beside row i of the other."""
    a, b = row_scores(first, task), row_scores(second, task)
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
