"""Score the rows of one arm and part: every metric from sums and ranks under row weights.

Unit weights give the metrics, the counts of a resample one draw of each: a thousand draws of what
is a function of means are one matrix product. Light: numpy, and scipy's special functions late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from atlas_core.arrays import F8, I8, Bool
from atlas_core.data.predictions import Predictions
from atlas_core.metrics import bootstrap, classification, uncertainty, weighted

ENCE_BINS = 10
SAME = 1e-9
"""Share of the spread of values below which two of them differ by rounding only."""
NO_INTERVAL = frozenset({"max_error"})
"""A resample holds no error larger than the largest of the data, so its percentiles end there
(Bickel & Freedman, Ann. Stat. 9, 1196 (1981), section 6)."""
AUROCS = frozenset({"roc_auc", "error_auroc", "wrong_auroc"})
OF_CLASSES = AUROCS | {"balanced_accuracy", "f1"}
"""Metrics of two classes: they have no interval where one of these has few materials."""
NO_DRAWS = np.empty(0)

SHARES = (
    "accuracy",
    "share_too_high",
    "class_1_share",
    "within_1_sigma",
    "beyond_5_sigma",
    "picp_",
    "infinite_share_",
)
"""What the names of shares of the rows begin with."""

ERROR_OF = "error of "
"""Begins the names of the metrics of groups."""


def level_text(level: float) -> str:
    """Return a coverage level as names of columns and metrics hold it: exact, ``0.9`` for 0.9."""
    return repr(float(level))


def without_empty_sigma(rows: Predictions) -> Predictions:
    """Take a sigma that is 0 for every row of an arm for none: it says nothing to be scored.

    What is 0 but for rounding beside the spread of the targets is 0.
    """
    stated = np.isfinite(rows.std)
    if stated.any() and (rows.std[stated] <= SAME * rows.target.std()).all():
        return replace(rows, std=np.full(len(rows.std), np.nan))
    return rows


@dataclass(frozen=True, eq=False)
class _Gaussian:
    """Hold what the metrics of sigma need of the k rows that have one.

    Attributes:
        known: (n,) which rows of the part these are.
        error: (k,) absolute; 1 for a wrong answer and else 0 in a binary task.
        by_error: ranking of ``error``.
        by_std: ranking of sigma.
        top: (k,) 1 for the largest tenth of the errors; for every wrong answer in a binary task.
        raised: (k,) sigma with its floor.
        floored: rows raised to the floor.
        z: (k,) |error| over the raised sigma; None where sigma is 0 everywhere.
        by_z: ranking of ``z``.
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
    z: F8 | None
    by_z: weighted.Ranking | None
    columns: Mapping[str, F8]
    inside: F8


def _gaussian(rows: Predictions, *, binary: bool) -> _Gaussian | None:
    known = np.isfinite(rows.std)
    if not known.any():
        return None
    y, m, s = rows.target[known], rows.mean[known], rows.std[known]
    error = classification.wrong(y, m).astype(np.float64) if binary else np.abs(y - m)
    raised, changed = uncertainty.floor_std(s)
    columns = {"std:s": s, "std:ss": s**2, "std:crps": uncertainty.crps_rows(y, m, s)}
    z: F8 | None = None
    if raised.all():  # else sigma is 0 everywhere: nothing that divides by it is defined
        z = error / raised
        columns["std:nll"] = uncertainty.nll_rows(y, m, raised)
        columns["std:zz"] = z**2
        columns["std:within"] = (z <= 1).astype(np.float64)
        columns["std:far"] = (z > uncertainty.FAR).astype(np.float64)
    return _Gaussian(
        known=known,
        error=error,
        by_error=weighted.Ranking(error),
        by_std=weighted.Ranking(s),
        top=error if binary else uncertainty.top_errors(error).astype(np.float64),
        raised=raised,
        floored=int(changed.sum()),
        z=z,
        by_z=None if z is None else weighted.Ranking(z),
        columns=columns,
        inside=uncertainty.covered(y, m, s, uncertainty.LEVELS_99).astype(np.float64),
    )


class PartScorer:
    """Score the rows of one part under any (b, n) counts; unit counts give the metrics."""

    def __init__(
        self, rows: Predictions, task: str, groups: Mapping[str, Bool] | None = None
    ) -> None:
        """Prepare the columns whose sums the metrics are functions of.

        Args:
            rows: n rows of one arm and part.
            task: ``regression`` or ``binary``.
            groups: name -> (n,) which rows belong to it; their mean errors are metrics of the name
                ``ERROR_OF`` + name: absolute, or squared (Brier) in a binary task.
        """
        self.binary = task == "binary"
        self.error = np.abs(rows.target - rows.mean)
        self.target = rows.target
        self.gaussian = _gaussian(rows, binary=self.binary)
        self._by_error = weighted.Ranking(self.error)
        self._by_mean = weighted.Ranking(rows.mean)
        self._by_target = weighted.Ranking(rows.target)
        columns = _binary_columns(rows) if self.binary else _regression_columns(rows)
        for level in rows.lower:
            columns |= _interval_columns(rows, level, scored=not self.binary)
        error = columns["square" if self.binary else "abs"]
        for name, mask in (groups or {}).items():
            columns |= {
                f"{ERROR_OF}{name}": error * mask,
                f"group:n:{name}": mask.astype(np.float64),
            }
        blocks = list(columns.values())
        held = self.gaussian
        if held is not None and not self.binary:
            named = {"std:n": np.ones(len(held.error)), **held.columns}
            columns |= {k: _fill(held.known, c) for k, c in named.items()}
            blocks = [*columns.values(), *_fill(held.known, held.inside).T]
        self._groups = tuple(groups or ())
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
        for name in self._groups:
            size = total[f"group:n:{name}"]
            out[f"{ERROR_OF}{name}"] = weighted.ratio(total[f"{ERROR_OF}{name}"], size)
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
        known: dict[str, F8] = {}
        if "base" in mean:
            floor = mean["base"]
            known = {"mae_baseline": floor, "mae_over_baseline": weighted.ratio(mean["abs"], floor)}
        return known | {
            "mae": mean["abs"],
            "mean_error": mean["signed"],
            "share_too_high": mean["high"],
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
        gaps = weighted.ratio(inside, n[:, None]) - uncertainty.LEVELS_99
        out = {
            "crps": mean["std:crps"],
            "sharpness": np.sqrt(mean["std:ss"]),
            "dispersion": weighted.ratio(np.sqrt(variance), mean["std:s"]),
            "miscalibration_area": uncertainty.area_between(gaps),
        }
        if "std:nll" in mean:
            out |= {
                "nll": mean["std:nll"],
                "zms": mean["std:zz"],
                "within_1_sigma": mean["std:within"],
                f"beyond_{uncertainty.FAR:.0f}_sigma": mean["std:far"],
            }
        return out

    def _binary(self, mean: Mapping[str, F8]) -> dict[str, F8]:
        tp, fp, fn, tn = (mean[k] for k in ("tp", "fp", "fn", "tn"))
        bins = [np.abs(mean[f"bin{k}"]) for k in range(classification.BINS)]
        recalls = weighted.ratio(tp, tp + fn) + weighted.ratio(tn, tn + fp)
        ends: dict[str, F8] = {}
        for end in (end for end in classification.ENDS if f"{end}:n" in mean):
            rows = mean[f"{end}:n"]
            ends[f"p_{end}_share"] = rows
            ends[f"p_{end}_stated"] = weighted.ratio(mean[f"{end}:stated"], rows)
            ends[f"p_{end}_wrong"] = weighted.ratio(mean[f"{end}:wrong"], rows)
        return ends | {
            "accuracy": tp + tn,
            "class_1_share": tp + fn,
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
        else:
            out["median_ae"] = weighted.median(self._by_error, self.error, weights)
            out["rank_correlation"] = weighted.spearman(self._by_mean, self._by_target, weights)
        held = self.gaussian
        if held is None:
            return out
        w = weights[:, held.known]
        size = w.sum(axis=1)
        area = weighted.aurc(held.by_std, held.error, w)
        best = weighted.aurc(held.by_error, held.error, w)
        mean = weighted.ratio(w @ held.error, size)
        out |= {"aurc": area, "aurc_oracle": best, "aurc_random": mean}
        out["ause"] = weighted.ratio(area - best, mean)
        out["ause_random"] = weighted.ratio(mean - best, mean)
        found = weighted.auroc(held.by_std, held.top, w)
        out["wrong_auroc" if self.binary else "error_auroc"] = found
        if not self.binary:
            out["spearman"] = weighted.spearman(held.by_error, held.by_std, w)
            if held.z is not None and held.by_z is not None:
                out["median_z"] = weighted.median(held.by_z, held.z, w)
            kept = weighted.kept_mean(held.by_std, held.error, w, share=uncertainty.KEPT)
            out[f"mae_at_{100 * uncertainty.KEPT:.0f}"] = kept
        if not self.binary and held.raised.all() and len(held.error) >= ENCE_BINS:
            columns = np.stack([held.error**2, held.raised**2])
            out["ence"] = uncertainty.ence_weighted(held.by_std, columns, w, ENCE_BINS)
        return out

    def values(self) -> dict[str, float]:
        """Return the metrics that are defined."""
        ones = weighted.unit_weights(len(self.error))
        scores = self.means(ones) | self.ranks(ones)
        return {k: float(v[0]) for k, v in scores.items() if np.isfinite(v[0])}

    def intervals(self, materials: I8, seed: int) -> dict[str, dict[str, float]]:
        """Return ``value``, ``low`` and ``high`` of each metric: 95 % bootstrap over materials.

        A metric whose resamples do not hold its own value, or of which one is undefined, has no
        ends, and neither has one of two classes where one of them has few materials; those of a
        share of rows are never nearer than :func:`atlas_core.metrics.bootstrap.share_interval` has
        them.
        """
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
        out: dict[str, dict[str, float]] = {}
        for name, value in values.items():
            found = draws[name]
            interval = bootstrap.percentile_interval(value, np.concatenate(found or [NO_DRAWS]))
            if interval is None or name in NO_INTERVAL:
                out[name] = {"value": value}
            elif _is_share(name):
                n = min(len(np.unique(materials)), self._rows_of(name))
                out[name] = bootstrap.share_interval(interval, n).as_dict()
            elif name in OF_CLASSES:
                smaller = self._smaller_class(name, materials)
                ends = bootstrap.order_interval(interval, [smaller])
                out[name] = {"value": value} if ends is None else ends.as_dict()
            else:
                out[name] = interval.as_dict()
        return out

    def _smaller_class(self, name: str, materials: I8) -> int:
        """Return the materials of the smaller of the two classes that a metric is of."""
        classes = self.target
        if name in ("error_auroc", "wrong_auroc") and self.gaussian is not None:
            classes, materials = self.gaussian.top, materials[self.gaussian.known]
        return min(len(np.unique(materials[classes == one])) for one in (0, 1))

    def _rows_of(self, share: str) -> int:
        """Return of how many rows a share is."""
        if share.endswith("_sigma"):
            return 0 if self.gaussian is None else int(self.gaussian.known.sum())
        column = f"{share.rpartition('_')[2]}:n"
        if share.endswith("_wrong"):
            column = f"{share.removeprefix('p_').removesuffix('_wrong')}:n"
        if column not in self._names:
            return len(self.error)
        return int(self._matrix[:, self._names.index(column)].sum())


def _is_share(name: str) -> bool:
    """Return whether a metric is a share of rows, be it of those at one end of P(1)."""
    return name.startswith((*SHARES, "p_")) and not name.endswith("_stated")


def _regression_columns(rows: Predictions) -> dict[str, F8]:
    error = np.abs(rows.target - rows.mean)
    centred = rows.target - rows.target.mean()  # keeps the variance exact for large targets
    signed = rows.mean - rows.target
    columns = {"abs": error, "square": error**2, "y": centred, "yy": centred**2}
    columns |= {"signed": signed, "high": (np.sign(signed) + 1) / 2}
    if np.isfinite(rows.baseline).all():
        columns["base"] = np.abs(rows.target - rows.baseline)
    return columns


def _binary_columns(rows: Predictions) -> dict[str, F8]:
    gap = rows.target - rows.mean
    cells = classification.confusion_rows(rows.target, rows.mean)
    which = classification.probability_bins(rows.mean)
    columns = dict(zip(("tp", "fp", "fn", "tn"), cells, strict=True))
    columns |= {"square": gap**2, "log": classification.log_loss_rows(rows.target, rows.mean)}
    for end, (there, stated, missed) in classification.end_rows(rows.target, rows.mean).items():
        if there.any():
            columns |= {f"{end}:n": there, f"{end}:stated": stated, f"{end}:wrong": missed}
    return columns | {f"bin{k}": (which == k) * gap for k in range(classification.BINS)}


def _fill(known: Bool, values: F8) -> F8:
    """Return ``values`` of the known rows among zeros: a row without one adds to no sum."""
    out = np.zeros((len(known), *values.shape[1:]))
    out[known] = values
    return out


def _interval_columns(rows: Predictions, level: float, *, scored: bool) -> dict[str, F8]:
    """Return the columns whose sums give the interval metrics; none without an interval."""
    known = np.asarray(~(np.isnan(rows.lower[level]) | np.isnan(rows.upper[level])), np.bool_)
    if not known.any():
        return {}
    y, low, high = rows.target[known], rows.lower[level][known], rows.upper[level][known]
    width = high - low
    least, most = rows.bounds
    finite = np.isfinite(width) & ~((low <= least) & (high >= most))
    columns = {
        "n": np.ones(len(y)),
        "in": ((low <= y) & (y <= high)).astype(np.float64),
        "finite": finite.astype(np.float64),
        "width": np.where(finite, width, 0.0),
    }
    if scored and np.isfinite(width).all():  # the score of an infinite interval is infinite
        columns["score"] = uncertainty.interval_score_rows(y, low, high, level)
    text = level_text(level)
    return {f"{text}:{name}": _fill(known, column) for name, column in columns.items()}
