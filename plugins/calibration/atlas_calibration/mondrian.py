"""Mondrian (group-conditional) split conformal: each group of materials has its own width."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_calibration._conformal import (
    Unit,
    around,
    in_units,
    label_scores,
    quantiles,
    refuse_normalized,
    rows_needed,
    times,
    unit_of,
)
from atlas_calibration._shared import check_rows, label_sets, sigma_of
from atlas_chemistry import families_of
from atlas_core.api import (
    F8,
    I8,
    Calibration,
    CalibrationRequest,
    DataError,
    Inputs,
    Prediction,
    Str,
)

if TYPE_CHECKING:
    from atlas_calibration.hooks import MondrianConfig

METHOD = "mondrian"


@dataclass(frozen=True, eq=False)
class Grouping:
    """Name the group of each row.

    Attributes:
        by: ``anion_family``, ``elements``, ``sigma`` or ``column``.
        column: its name, or "".
        edges: (b - 1,) inner edges of the bins of sigma, ascending; empty for other groups.
    """

    by: str
    column: str
    edges: F8

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Str:
        """Return (n,) names; "" where a column is not there, as it may be for candidates."""
        if self.by == "anion_family":
            return families_of(inputs.fractions)
        if self.by == "elements":
            count = (inputs.fractions > 0).sum(axis=1)
            return np.char.add("elements: ", count.astype(np.str_))
        if self.by == "sigma":
            place = np.searchsorted(self.edges, sigma_of(prediction, METHOD), side="right")
            return np.char.add("sigma bin ", (place + 1).astype(np.str_))
        if self.column not in inputs.columns:
            return np.full(len(inputs), "", dtype=np.str_)
        return np.asarray(inputs.columns[self.column]).astype(np.str_)


@dataclass(frozen=True, eq=False)
class GroupBounds:
    """Add intervals, or sets of labels, by the bounds of each row's group.

    Attributes:
        levels: (l,).
        grouping: names the groups.
        names: (g,) groups with calibration rows, sorted.
        bounds: (g + 1, l) in ``unit``; the last row is that of all rows together.
        unit: what they are counted in; None for sets of labels.
    """

    levels: tuple[float, ...]
    grouping: Grouping
    names: Str
    bounds: F8
    unit: Unit | None

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with intervals; a group without rows takes the common bound."""
        bounds = self.bounds[self._place(self.grouping(prediction, inputs))].T
        if self.unit is None:
            score = 1 - np.minimum(prediction.mean, 1 - prediction.mean)
            return label_sets(prediction, self.levels, score <= bounds)
        return around(prediction, self.levels, times(bounds, self.unit(prediction)))

    def _place(self, groups: Str) -> I8:
        """Return (n,) the row of ``bounds`` of each group."""
        place = np.minimum(np.searchsorted(self.names, groups), len(self.names) - 1)
        known = self.names[place] == groups
        if not known.all():
            _warn("without calibration rows", *np.unique(groups[~known], return_counts=True))
        return np.where(known, place, len(self.names))


class Mondrian:
    """Bound new errors by those of the calibration rows of the same group."""

    def __init__(self, config: MondrianConfig) -> None:
        self._config = config

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what adds intervals, or sets of labels, group by group.

        Raises:
            DataError: there are too few rows for every level; sigma is needed and missing, or 0
                everywhere; the data set has no such column.
        """
        levels, prediction, config = request.levels, request.prediction, self._config
        check_rows(request, min(map(rows_needed, levels)), METHOD)
        refuse_normalized(request, config, METHOD)
        unit = None if request.context.task == "binary" else unit_of(prediction, config, METHOD)
        if unit is None:
            scores = label_scores(prediction, request.target)
        else:
            scores = in_units(request.target - prediction.mean, unit(prediction))
        grouping = self._grouping(request)
        names, place, count = np.unique(
            grouping(prediction, request.inputs), return_inverse=True, return_counts=True
        )
        pooled = quantiles(scores, levels)
        # a level that all rows together cannot bound either asks nothing of a group
        bounded = [rows_needed(level) for level in levels if rows_needed(level) <= len(scores)]
        large = count >= max(config.min_rows, *bounded)
        bounds = np.tile(pooled, (len(names) + 1, 1))
        for group in np.flatnonzero(large):
            bounds[group] = quantiles(scores[place == group], levels)
        if not large.all():
            _warn("with too few calibration rows", names[~large], count[~large])
        return GroupBounds(levels, grouping, names, bounds, unit)

    def _grouping(self, request: CalibrationRequest) -> Grouping:
        by, column = self._config.groups, self._config.column
        edges = np.zeros(0)
        if by == "sigma":
            inner = np.arange(1, self._config.bins) / self._config.bins
            edges = np.unique(np.quantile(sigma_of(request.prediction, METHOD), inner))
        if by == "column" and column not in request.inputs.columns:
            known = ", ".join(sorted(request.inputs.columns)) or "none"
            raise DataError(f"{METHOD}: the data set has no column {column!r}; it has: {known}")
        return Grouping(by, column, edges)


def _warn(what: str, names: Str, counts: I8) -> None:
    listed = ", ".join(f"{name or 'no name'} ({n})" for name, n in zip(names, counts, strict=True))
    warnings.warn(
        f"{METHOD}: groups {what} take the bound of all rows together: {listed}", stacklevel=3
    )
