"""Score the rows of one arm and part: every metric from sums and ranks under row weights.

Unit weights give the metrics, the counts of a resample one draw of each: a thousand draws of what
is a function of means are one matrix product. Light: numpy only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8, Bool
from atlas_core.data.predictions import Predictions
from atlas_core.kinds.metric import Metric
from atlas_core.metrics import weighted
from atlas_core.metrics.registry import Metrics
from atlas_core.metrics.rows import PARTIAL, Draw, MetricRows
from atlas_statistics import bootstrap

NO_DRAWS = np.empty(0)


ERROR_OF = "error of "
"""Begins the names of the errors of groups: absolute, or squared (Brier) in a binary task."""


def level_text(level: float) -> str:
    """Return a coverage level as names of columns and metrics hold it: exact, ``0.9`` for 0.9."""
    return repr(float(level))


@dataclass(frozen=True, eq=False)
class _View:
    """The rows that have all columns of some metrics.

    Attributes:
        rows: k of them.
        known: (n,) which of all rows they are; None: all, as no row can lack these columns.
    """

    rows: MetricRows
    known: Bool | None

    def filled(self, values: F8) -> F8:
        """Return values of the known rows among zeros: a row without one adds to no sum."""
        if self.known is None:
            return values
        out = np.zeros((len(self.known), *values.shape[1:]))
        out[self.known] = values
        return out


@dataclass(frozen=True, eq=False)
class _Figure:
    """One figure: a metric, of a level where it is one of intervals, and its rows."""

    name: str
    metric: Metric
    view: _View


def _count(rows: MetricRows) -> F8:
    """Count each row once."""
    return np.ones(len(rows))


class _Product:
    """Sum the terms of one family's metrics, and errors of groups, by one matrix product."""

    def __init__(self, figures: Sequence[_Figure], groups: Mapping[str, F8]) -> None:
        """Lay out the columns.

        The order is part of the numbers: a product's last digit hangs on where a column stands.
        """
        self._columns: list[F8] = []
        self._places: dict[tuple[int, Any], slice] = {}
        self._width = 0
        partial = [one for one in figures if one.view.known is not None]
        leveled = [one for one in partial if one.metric.of_levels]
        self._add([one for one in figures if one.view.known is None])
        for view in dict.fromkeys(one.view for one in leveled):
            self._add([one for one in leveled if one.view is view])
        for name, values in groups.items():
            self._put((0, name), values)
        self._add([one for one in partial if not one.metric.of_levels])
        self._matrix = np.concatenate(self._columns, axis=1) if self._columns else None

    def _add(self, figures: Sequence[_Figure]) -> None:
        for one in figures:
            terms = one.metric.terms
            if any(one.view.rows.of(term) is None for term in terms):
                continue  # the metric is not defined
            if one.view.known is not None and terms:
                terms = (_count, *terms)
            for term in terms:
                values = one.view.rows.of(term)
                if values is not None and (id(one.view), term) not in self._places:
                    self._put((id(one.view), term), one.view.filled(values))

    def _put(self, key: tuple[int, Any], values: F8) -> None:
        block = values[:, None] if values.ndim == 1 else values
        self._columns.append(block)
        width = block.shape[1]
        self._places[key] = slice(self._width, self._width + width)
        self._width += width

    def sums(self, weights: F8) -> dict[int, dict[Any, F8]]:
        """Return (b,) or (b, c) sums of each term by view, those of groups by name under 0."""
        if self._matrix is None:
            return {}
        sums = weights @ self._matrix
        out: dict[int, dict[Any, F8]] = {}
        for (view, term), place in self._places.items():
            one = place.stop - place.start == 1
            out.setdefault(view, {})[term] = sums[:, place.start] if one else sums[:, place]
        return out


class Scorer:
    """Score rows under any (b, n) counts; unit counts give the metrics."""

    def __init__(
        self,
        rows: MetricRows,
        metrics: Metrics,
        *,
        intervals: Mapping[float, tuple[F8, F8]] | None = None,
        groups: Mapping[str, Bool] | None = None,
    ) -> None:
        """Prepare the columns whose sums the metrics are functions of.

        Args:
            rows: n rows.
            metrics: what is computed; one whose columns are not there is left out.
            intervals: level -> (n,) lower and (n,) upper ends; NaN where unknown.
            groups: name -> (n,) which rows belong to it.
        """
        self.rows = rows
        self._views: dict[tuple[object, ...], _View | None] = {}
        self._groups = tuple(groups or ())
        columns: dict[str, F8] = {}
        if groups:
            loss = (rows.target - rows.mean) ** 2 if rows.task == "binary" else rows.error
            for name, mask in groups.items():
                columns |= {name: loss * mask, f"n:{name}": mask.astype(np.float64)}
        self.figures: list[_Figure] = []
        self._products: list[tuple[Sequence[_Figure], _Product]] = []
        for family in metrics.families:
            found = [one for m in family for one in self._figures(m, intervals or {})]
            self._products.append((found, _Product(found, columns)))
            columns = {}
            self.figures += [one for one in found if metrics.reports(one.metric)]
        self._reported = set(map(id, self.figures))

    def _figures(self, metric: Metric, intervals: Mapping[float, tuple[F8, F8]]) -> list[_Figure]:
        if metric.of_levels:
            views = [
                (f"{metric.name}_{level_text(level)}", self._view(metric, level, ends))
                for level, ends in intervals.items()
            ]
        else:
            views = [(metric.name, self._view(metric))]
        return [_Figure(name, metric, view) for name, view in views if view is not None]

    def _view(
        self, metric: Metric, level: float | None = None, ends: tuple[F8, F8] | None = None
    ) -> _View | None:
        """Return the rows that have all columns of a metric; None where there are none."""
        held = dict(self.rows.columns)
        if ends is not None:
            held |= {"lower": ends[0], "upper": ends[1]}
        if not set(metric.columns) <= held.keys():
            return None
        partial = tuple(name for name in PARTIAL if name in metric.columns)
        key = (partial, level)
        if key not in self._views:
            for name in set(PARTIAL) - set(partial):
                held.pop(name, None)
            rows = replace(self.rows, columns=held, level=level, _kept={})
            known = np.ones(len(self.rows), dtype=np.bool_)
            for name in partial:
                infinite = name in ("lower", "upper")
                known &= ~np.isnan(held[name]) if infinite else np.isfinite(held[name])
            if not partial:
                self._views[key] = _View(rows, None)
            else:
                self._views[key] = _View(rows.take(known), known) if known.any() else None
        return self._views[key]

    def means(self, weights: F8) -> dict[str, F8]:
        """Return (b,) values of the metrics that are functions of sums, and errors of groups."""
        out: dict[str, F8] = {}
        for figures, product in self._products:
            sums = product.sums(weights)
            draws: dict[int, Draw] = {}
            for one in figures:
                if not one.metric.terms or id(one) not in self._reported:
                    continue
                view = one.view
                if id(view) not in draws:
                    totals = sums.get(id(view), {})
                    n = totals.get(_count)
                    draws[id(view)] = Draw(view.rows, weights, view.known, totals, n)
                out[one.name] = one.metric.draws(draws[id(view)])
            for name in self._groups:
                if name in (own := sums.get(0, {})):
                    out[f"{ERROR_OF}{name}"] = weighted.ratio(own[name], own[f"n:{name}"])
        return out

    def ranks(self, weights: F8) -> dict[str, F8]:
        """Return (b,) values of the metrics that depend on the order of rows."""
        draws: dict[int, Draw] = {}
        out: dict[str, F8] = {}
        for one in self.figures:
            if not one.metric.terms:
                draw = Draw(one.view.rows, weights, one.view.known)
                out[one.name] = one.metric.draws(draws.setdefault(id(one.view), draw))
        return out

    def values(self) -> dict[str, float]:
        """Return the metrics that are defined."""
        ones = weighted.unit_weights(len(self.rows))
        scores = self.means(ones) | self.ranks(ones)
        return {k: float(v[0]) for k, v in scores.items() if np.isfinite(v[0])}

    def intervals(self, materials: I8, seed: int) -> dict[str, dict[str, float]]:
        """Return ``value``, ``low`` and ``high`` of each metric: 95 % bootstrap over materials.

        A metric whose resamples do not hold its own value, or of which one is undefined, has no
        ends, and neither has one of two classes where one of them has few materials; those of a
        share of rows are never nearer than :func:`atlas_statistics.bootstrap.share_interval` has
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
        figures = {one.name: one for one in self.figures}
        out: dict[str, dict[str, float]] = {}
        for name, value in values.items():
            drawn = np.concatenate(draws[name] or [NO_DRAWS])
            interval = bootstrap.percentile_interval(value, drawn)
            if interval is not None and name in figures:
                interval = _widened(interval, figures[name], materials)
            out[name] = {"value": value} if interval is None else interval.as_dict()
        return out


def _widened(
    interval: bootstrap.Interval, figure: _Figure, materials: I8
) -> bootstrap.Interval | None:
    """Return an interval as wide as so many materials allow; None where they tell nothing."""
    metric, rows, known = figure.metric, figure.view.rows, figure.view.known
    if not metric.interval:
        return None
    own = materials if known is None else materials[known]
    if metric.classes is not None:
        classes = rows.of(metric.classes)
        return bootstrap.order_interval(
            interval, [min(len(np.unique(own[classes == one])) for one in (0, 1))]
        )
    if metric.unit != "share":
        return interval
    among = None if metric.among is None else rows.of(metric.among)
    n = len(rows) if among is None else int(among.sum())
    return bootstrap.share_interval(interval, min(len(np.unique(materials)), n))


def scorer_of(
    rows: Predictions, task: str, metrics: Metrics, groups: Mapping[str, Bool] | None = None
) -> Scorer:
    """Return what scores the predictions of one arm and part.

    Args:
        rows: n rows.
        task: ``regression`` or ``binary``.
        metrics: which.
        groups: name -> (n,) which rows belong to it.
    """
    columns = {"target": rows.target, "mean": rows.mean, "formula": rows.formula, "std": rows.std}
    if np.isfinite(rows.baseline).all():
        columns["baseline"] = rows.baseline
    ends = {level: (low, rows.upper[level]) for level, low in rows.lower.items()}
    return Scorer(
        MetricRows(columns, task, bounds=rows.bounds),
        metrics.only(task=task, of_detectors=False),
        intervals=ends,
        groups=groups,
    )
