"""Score a run's predictions: metrics with intervals for each arm and part. Light: numpy only.

A metric that is not defined (no sigma, one class only, a constant target) is absent, never NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Bool, Str
from atlas_core.context import derive_seed
from atlas_core.elements import SYMBOLS, parse_formula
from atlas_core.errors import DataError
from atlas_core.metrics import bootstrap, classification, ood, uncertainty, weighted

Columns = Mapping[str, npt.NDArray[Any]]

PARTS = ("calibration", "test", "shifted")
SIGMA_QUANTILE = 0.95
"""Sigma flags a row above this quantile of the sigmas of its fold's calibration rows."""

ENCE_BINS = 10


@dataclass(frozen=True, eq=False)
class Rows:
    """Hold rows of one arm.

    Attributes:
        ids: (n,).
        formula: (n,) reduced formulas; "" where there is none.
        fold: (n,).
        part: (n,).
        target: (n,).
        mean: (n,).
        std: (n,) total, NaN where unknown.
        baseline: (n,) mean of the fold's training targets, NaN where unknown.
        ood_score: (n,) NaN where no detector ran.
        outside: (n,) flagged by the detector.
        lower: level -> (n,) lower ends, NaN where the arm has no intervals.
        upper: level -> (n,) upper ends.
    """

    ids: Str
    formula: Str
    fold: Str
    part: Str
    target: F8
    mean: F8
    std: F8
    baseline: F8
    ood_score: F8
    outside: Bool
    lower: Mapping[float, F8]
    upper: Mapping[float, F8]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, mask: Bool) -> Rows:
        """Return the rows where the (n,) mask holds."""
        return self.at(np.flatnonzero(mask))

    def at(self, rows: I8) -> Rows:
        """Return the rows at these places, in that order."""
        return Rows(
            ids=self.ids[rows],
            formula=self.formula[rows],
            fold=self.fold[rows],
            part=self.part[rows],
            target=self.target[rows],
            mean=self.mean[rows],
            std=self.std[rows],
            baseline=self.baseline[rows],
            ood_score=self.ood_score[rows],
            outside=self.outside[rows],
            lower={level: ends[rows] for level, ends in self.lower.items()},
            upper={level: ends[rows] for level, ends in self.upper.items()},
        )


def level_text(level: float) -> str:
    """Return a coverage level as names of columns and metrics hold it: exact, ``0.9`` for 0.9."""
    return repr(float(level))


def read_arms(predictions: Columns, levels: Sequence[float]) -> dict[str, Rows]:
    """Return the rows of each arm, in order of first appearance.

    Args:
        predictions: columns of ``predictions.parquet``; those of uncertainty may be missing.
        levels: whose ``lower_<level>`` and ``upper_<level>`` columns are read.

    Raises:
        DataError: a column that every prediction has is missing, or a number is not finite.
    """
    for name in ("id", "arm", "part", "target", "mean"):
        if name not in predictions:
            raise DataError(f"predictions: column {name!r} is missing")
    n = len(predictions["id"])

    def text(name: str) -> Str:
        if name not in predictions:
            return np.full(n, "")
        return np.asarray([str(v) for v in predictions[name].tolist()], dtype=np.str_)

    def number(name: str) -> F8:
        if name not in predictions:
            return np.full(n, np.nan)
        return np.asarray(predictions[name], dtype=np.float64)

    intervals = [v for v in levels if f"lower_{level_text(v)}" in predictions]
    outside = predictions.get("outside")
    rows = Rows(
        ids=text("id"),
        formula=text("formula"),
        fold=text("fold"),
        part=text("part"),
        target=number("target"),
        mean=number("mean"),
        std=number("std"),
        baseline=number("baseline"),
        ood_score=number("ood_score"),
        outside=np.zeros(n, np.bool_) if outside is None else np.asarray(outside, np.bool_),
        lower={v: number(f"lower_{level_text(v)}") for v in intervals},
        upper={v: number(f"upper_{level_text(v)}") for v in intervals},
    )
    bad = ~(np.isfinite(rows.target) & np.isfinite(rows.mean))
    if bad.any():
        where = int(np.argmax(bad))
        raise DataError(
            f"predictions: row {where + 1}, id {str(rows.ids[where])!r}:"
            " target or mean is not finite"
        )
    arms = text("arm")
    taken = {arm: rows.take(arms == arm) for arm in dict.fromkeys(arms.tolist())}
    return {arm: _without_empty_sigma(own) for arm, own in taken.items()}


def _without_empty_sigma(rows: Rows) -> Rows:
    """Take a sigma that is 0 for every row of an arm for none: it says nothing to be scored."""
    stated = np.isfinite(rows.std)
    if stated.any() and not rows.std[stated].any():
        return replace(rows, std=np.full(len(rows.std), np.nan))
    return rows


@dataclass(frozen=True, eq=False)
class _Gaussian:
    """Hold what the metrics of sigma need of the k rows that have one.

    Attributes:
        known: (n,) which rows of the part these are.
        error: (k,) absolute.
        by_error: ranking of ``error``.
        by_std: ranking of sigma.
        top: (k,) 1 for the largest tenth of the errors.
        raised: (k,) sigma with its floor.
        floored: rows raised to the floor.
        columns: (k,) each; the Gaussian scores are functions of their means.
        inside: (k, 99) whether each central interval holds the target.
    """

    known: Bool
    error: F8
    by_error: weighted.Ranking
    by_std: weighted.Ranking
    top: F8
    raised: F8
    floored: int
    columns: Mapping[str, F8]
    inside: F8


def _gaussian(rows: Rows) -> _Gaussian | None:
    known = np.isfinite(rows.std)
    if not known.any():
        return None
    y, m, s = rows.target[known], rows.mean[known], rows.std[known]
    error = np.abs(y - m)
    raised, changed = uncertainty.floor_std(s)
    columns = {"std:s": s, "std:ss": s**2, "std:crps": uncertainty.crps_rows(y, m, s)}
    if raised.all():  # else sigma is 0 everywhere: nothing that divides by it is defined
        columns["std:nll"] = uncertainty.nll_rows(y, m, raised)
        columns["std:zz"] = (error / raised) ** 2
    return _Gaussian(
        known=known,
        error=error,
        by_error=weighted.Ranking(error),
        by_std=weighted.Ranking(s),
        top=uncertainty.top_errors(error).astype(np.float64),
        raised=raised,
        floored=int(changed.sum()),
        columns=columns,
        inside=uncertainty.covered(y, m, s, uncertainty.LEVELS_99).astype(np.float64),
    )


class PartScorer:
    """Score the rows of one part under any (b, n) counts; unit counts give the metrics."""

    def __init__(self, rows: Rows, task: str) -> None:
        self.binary = task == "binary"
        self.error = np.abs(rows.target - rows.mean)
        self.target = rows.target
        self.gaussian = _gaussian(rows)
        self._by_error = weighted.Ranking(self.error)
        self._by_mean = weighted.Ranking(rows.mean)
        columns = _binary_columns(rows) if self.binary else _regression_columns(rows)
        for level in rows.lower:
            columns |= _interval_columns(rows, level, scored=not self.binary)
        blocks = list(columns.values())
        held = self.gaussian
        if held is not None and not self.binary:
            named = {"std:n": np.ones(len(held.error)), **held.columns}
            columns |= {k: _fill(held.known, c) for k, c in named.items()}
            blocks = [*columns.values(), *_fill(held.known, held.inside).T]
        self._levels = tuple(rows.lower)
        self._names = tuple(columns)
        self._matrix = np.stack(blocks, axis=1)  # one product scores a block of resamples

    def means(self, weights: F8) -> dict[str, F8]:
        """Return (b,) values of the metrics that are functions of row means."""
        sums = weights @ self._matrix
        total = dict(zip(self._names, sums.T, strict=False))
        n = weights.sum(axis=1)
        mean = {k: v / n for k, v in total.items()}
        out = self._binary(mean) if self.binary else self._regression(mean, weights)
        if "std:n" in total:
            out |= self._spread(total, sums[:, len(self._names) :])
        for text in map(level_text, self._levels):
            if f"{text}:n" not in total:
                continue
            size, finite = total[f"{text}:n"], total[f"{text}:finite"]
            out[f"picp_{text}"] = weighted.ratio(total[f"{text}:in"], size)
            out[f"mpiw_{text}"] = weighted.ratio(total[f"{text}:width"], finite)
            out[f"infinite_share_{text}"] = 1 - weighted.ratio(finite, size)
            if f"{text}:score" in total:
                out[f"interval_score_{text}"] = weighted.ratio(total[f"{text}:score"], size)
        return out

    def _regression(self, mean: Mapping[str, F8], weights: F8) -> dict[str, F8]:
        variance = mean["yy"] - mean["y"] ** 2
        centre = mean["y"] + self.target.mean()
        deviation = np.abs(self.target[None, :] - centre[:, None])
        mad = np.einsum("bn,bn->b", weights, deviation) / weights.sum(axis=1)
        constant = variance <= 1e-14 * np.abs(mean["yy"])
        known = {"mae_baseline": mean["base"]} if "base" in mean else {}
        return known | {
            "mae": mean["abs"],
            "rmse": np.sqrt(mean["square"]),
            "max_error": weighted.largest(self._by_error, self.error, weights),
            "r2": 1 - weighted.ratio(mean["square"], np.where(constant, 0.0, variance)),
            "mae_over_mad": weighted.ratio(mean["abs"], np.where(constant, 0.0, mad)),
        }

    @staticmethod
    def _spread(total: Mapping[str, F8], inside: F8) -> dict[str, F8]:
        n = total["std:n"]
        mean = {k: weighted.ratio(v, n) for k, v in total.items() if k.startswith("std:")}
        variance = np.maximum(mean["std:ss"] - mean["std:s"] ** 2, 0) * weighted.ratio(n, n - 1)
        gaps = np.abs(weighted.ratio(inside, n[:, None]) - uncertainty.LEVELS_99)
        out = {
            "crps": mean["std:crps"],
            "sharpness": np.sqrt(mean["std:ss"]),
            "dispersion": weighted.ratio(np.sqrt(variance), mean["std:s"]),
            "miscalibration_area": gaps.sum(axis=1) * 0.01,
        }
        if "std:nll" in mean:
            out |= {"nll": mean["std:nll"], "zms": mean["std:zz"]}
        return out

    def _binary(self, mean: Mapping[str, F8]) -> dict[str, F8]:
        tp, fp, fn, tn = (mean[k] for k in ("tp", "fp", "fn", "tn"))
        bins = [np.abs(mean[f"bin{k}"]) for k in range(classification.BINS)]
        recalls = weighted.ratio(tp, tp + fn) + weighted.ratio(tn, tn + fp)
        return {
            "accuracy": tp + tn,
            "balanced_accuracy": recalls / 2,
            "f1": weighted.ratio(2 * tp, 2 * tp + fp + fn),
            "brier": mean["square"],
            "log_loss": mean["log"],
            "ece": np.sum(bins, axis=0),
        }

    def ranks(self, weights: F8) -> dict[str, F8]:
        """Return (b,) values of the metrics that depend on the order of rows."""
        out: dict[str, F8] = {}
        if self.binary:
            out["roc_auc"] = weighted.auroc(self._by_mean, self.target, weights)
        held = self.gaussian
        if held is None:
            return out
        w = weights[:, held.known]
        size = w.sum(axis=1)
        if not size.all():  # a resample without any row that has a sigma
            return out
        area = weighted.aurc(held.by_std, held.error, w)
        best = weighted.aurc(held.by_error, held.error, w)
        out["spearman"] = weighted.spearman(held.by_error, held.by_std, w)
        out["aurc"] = area
        out["ause"] = weighted.ratio(area - best, w @ held.error / size)
        out["error_auroc"] = weighted.auroc(held.by_std, held.top, w)
        if not self.binary and held.raised.all() and len(held.error) >= ENCE_BINS:
            columns = np.stack([held.error**2, held.raised**2])
            out["ence"] = uncertainty.ence_weighted(held.by_std, columns, w, ENCE_BINS)
        return out

    def values(self) -> dict[str, float]:
        """Return the metrics that are defined."""
        ones = weighted.unit_weights(len(self.error))
        scores = self.means(ones) | self.ranks(ones)
        return {k: float(v[0]) for k, v in scores.items() if np.isfinite(v[0])}

    def intervals(self, materials: I8, seed: int) -> dict[str, bootstrap.Interval]:
        """Return the metrics with 95 % bootstrap intervals over materials."""
        values = self.values()
        draws: dict[str, list[F8]] = {name: [] for name in values}
        ranked = 0
        for counts in bootstrap.resample(materials, seed=seed):
            scores = self.means(counts)
            if ranked < bootstrap.RANK_RESAMPLES:
                few = counts[: bootstrap.RANK_RESAMPLES - ranked]
                scores |= self.ranks(few)
                ranked += len(few)
            for name, drawn in scores.items():
                if name in draws:
                    draws[name].append(drawn)
        out: dict[str, bootstrap.Interval] = {}
        for name, value in values.items():
            found = draws[name] or [np.array([value])]
            interval = bootstrap.percentile_interval(value, np.concatenate(found))
            if interval is not None:
                out[name] = interval
        return out


def _regression_columns(rows: Rows) -> dict[str, F8]:
    error = np.abs(rows.target - rows.mean)
    centred = rows.target - rows.target.mean()  # keeps the variance exact for large targets
    columns = {"abs": error, "square": error**2, "y": centred, "yy": centred**2}
    if np.isfinite(rows.baseline).all():
        columns["base"] = np.abs(rows.target - rows.baseline)
    return columns


def _binary_columns(rows: Rows) -> dict[str, F8]:
    gap = rows.target - rows.mean
    cells = classification.confusion_rows(rows.target, rows.mean)
    which = classification.probability_bins(rows.mean)
    columns = dict(zip(("tp", "fp", "fn", "tn"), cells, strict=True))
    columns |= {"square": gap**2, "log": classification.log_loss_rows(rows.target, rows.mean)}
    return columns | {f"bin{k}": (which == k) * gap for k in range(classification.BINS)}


def _fill(known: Bool, values: F8) -> F8:
    """Return ``values`` of the known rows among zeros: a row without one adds to no sum."""
    out = np.zeros((len(known), *values.shape[1:]))
    out[known] = values
    return out


def _interval_columns(rows: Rows, level: float, *, scored: bool) -> dict[str, F8]:
    """Return the columns whose sums give the interval metrics; none without an interval."""
    known = np.asarray(~(np.isnan(rows.lower[level]) | np.isnan(rows.upper[level])), np.bool_)
    if not known.any():
        return {}
    y, low, high = rows.target[known], rows.lower[level][known], rows.upper[level][known]
    width = high - low
    finite = np.isfinite(width)
    columns = {
        "n": np.ones(len(y)),
        "in": ((low <= y) & (y <= high)).astype(np.float64),
        "finite": finite.astype(np.float64),
        "width": np.where(finite, width, 0.0),
    }
    if scored and finite.all():  # the score of an infinite interval is infinite
        columns["score"] = uncertainty.interval_score_rows(y, low, high, level)
    text = level_text(level)
    return {f"{text}:{name}": _fill(known, column) for name, column in columns.items()}


def evaluate(
    predictions: Columns, *, task: str, levels: Sequence[float], seed: int
) -> dict[str, Any]:
    """Return the content of ``metrics.json``: plain JSON types, undefined metrics absent.

    Intervals are 95 % percentile bootstrap intervals over materials, within each part, all folds
    together. ``floored_std`` counts rows whose sigma was raised for NLL, ZMS and ENCE (see
    :func:`atlas_core.metrics.uncertainty.floor_std`); it is absent where there is none, as is
    ``n_std``, the rows with a sigma where not all have one. In ``ood`` the ``score`` of the
    detector and ``sigma`` alone separate ``shifted`` from ``test`` rows within each fold; of
    several folds it holds the means (folds weigh the same; intervals from resampling within each),
    the AUROC of each in ``folds`` and the lowest in ``worst``. Sigma flags what lies above the
    95 % quantile of its fold's calibration sigmas.

    Args:
        predictions: columns of ``predictions.parquet``.
        task: ``regression`` or ``binary``.
        levels: coverage levels of the intervals.
        seed: of the resampling.

    Raises:
        DataError: a column is missing, or a target or mean is not finite.
    """
    arms: dict[str, Any] = {}
    for arm, rows in read_arms(predictions, levels).items():
        present = set(rows.part.tolist())
        parts = [p for p in PARTS if p in present] + sorted(present - set(PARTS))
        by_part = {part: rows.take(rows.part == part) for part in parts}
        scored = {
            part: _score_part(held, task, derive_seed(seed, "metrics", arm, part))
            for part, held in by_part.items()
        }
        folds = _score_folds(by_part, task)
        arms[arm] = {
            "parts": scored,
            "folds": folds,
            "summary": _summarise(folds, parts),
            "ood": _separate(by_part, derive_seed(seed, "metrics", arm, "ood")),
            "elements": {
                part: element_errors(by_part[part].formula, _error(by_part[part]))
                for part in ("test", "shifted")
                if part in by_part
            },
        }
    return {"task": task, "levels": [float(v) for v in levels], "arms": arms}


def _error(rows: Rows) -> F8:
    return np.abs(rows.target - rows.mean)


def _score_part(rows: Rows, task: str, seed: int) -> dict[str, Any]:
    scorer = PartScorer(rows, task)
    intervals = scorer.intervals(bootstrap.numbered(rows.ids), seed)
    out: dict[str, Any] = {
        "n": len(rows),
        "metrics": {name: value.as_dict() for name, value in intervals.items()},
    }
    held = scorer.gaussian
    if held is not None and held.floored:
        out["floored_std"] = held.floored
    if held is not None and not held.known.all():
        out["n_std"] = int(held.known.sum())
    return out


def _score_folds(by_part: Mapping[str, Rows], task: str) -> dict[str, dict[str, dict[str, float]]]:
    folds: dict[str, dict[str, dict[str, float]]] = {}
    for part, rows in by_part.items():
        for fold in dict.fromkeys(rows.fold.tolist()):
            scorer = PartScorer(rows.take(rows.fold == fold), task)
            folds.setdefault(fold, {})[part] = scorer.values()
    return folds


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


def _separate(by_part: Mapping[str, Rows], seed: int) -> dict[str, dict[str, Any]]:
    """Return how well the detector and sigma tell shifted rows from test rows.

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
    seeds = {f: seed if len(folds) == 1 else derive_seed(seed, "fold", f) for f in folds}
    out: dict[str, dict[str, Any]] = {}
    if all(_known(rows.ood_score) for rows in sides):
        out["score"] = _mean_of_folds(
            {
                fold: _detection(
                    (a.ood_score, b.ood_score), (a.outside, b.outside), (a.ids, b.ids), seeds[fold]
                )
                for fold, (a, b) in pairs.items()
            }
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
            }
        )
    return out


def _of_fold(rows: Rows, fold: str) -> Rows:
    return rows.take(rows.fold == fold)


def _mean_of_folds(folds: Mapping[str, Mapping[str, tuple[float, F8]]]) -> dict[str, Any]:
    """Return the mean of each metric over the folds, its interval, and the AUROC of each fold.

    Args:
        folds: fold -> metric -> value and (resamples,) draws from within that fold.
    """
    found = list(folds.values())
    out: dict[str, Any] = {}
    for name in found[0]:
        value = float(np.mean([metrics[name][0] for metrics in found]))
        draws = np.mean([metrics[name][1] for metrics in found], axis=0)
        interval = bootstrap.percentile_interval(value, draws)
        if interval is not None:
            out[name] = interval.as_dict()
    if len(folds) > 1:
        each = {fold: metrics["auroc"][0] for fold, metrics in folds.items()}
        worst = min(each, key=lambda fold: each[fold])
        out |= {"folds": each, "worst": {"fold": worst, "auroc": each[worst]}}
    return out


def _known(values: F8) -> bool:
    return bool(len(values)) and bool(np.isfinite(values).all())


def _sigma_limits(calibration: Rows | None) -> dict[str, float]:
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


def element_errors(formula: Str, error: F8) -> dict[str, dict[str, float]]:
    """Return n and mean |error| of the materials that contain each element, by atomic number.

    Args:
        formula: (n,) formulas; rows without one are left out.
        error: (n,) absolute errors.
    """
    held: dict[int, list[int]] = {}
    parsed: dict[str, tuple[int, ...]] = {"": ()}
    for row, text in enumerate(formula.tolist()):
        if text not in parsed:
            try:
                parsed[text] = tuple(parse_formula(text))
            except ValueError as err:
                raise DataError(f"predictions: row {row + 1}: {err}") from err
        for z in parsed[text]:
            held.setdefault(z, []).append(row)
    return {
        SYMBOLS[z]: {"n": len(held[z]), "mae": float(error[held[z]].mean())} for z in sorted(held)
    }
