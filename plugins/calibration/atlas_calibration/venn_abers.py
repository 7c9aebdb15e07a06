"""Venn-Abers: a P(1) that is calibrated whatever the model, and conformal sets of labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import isotonic_regression

from atlas_calibration._ahead import CURVE_ROWS
from atlas_calibration._conformal import label_scores, quantiles, rows_needed
from atlas_calibration._shared import check_rows, label_sets, with_stated
from atlas_core.api import F8, Calibration, CalibrationRequest, DataError, Inputs, Prediction

if TYPE_CHECKING:
    from atlas_calibration.hooks import VennAbersConfig

METHOD = "venn_abers"


@dataclass(frozen=True, eq=False)
class Pairs:
    """Read the two probabilities of a stated one, and merge them.

    Place 2 i of ``zero`` and ``one`` is for stated probabilities below ``stated[i]`` (and above
    the one before), place 2 i + 1 for ``stated[i]`` itself; the last place is above all.

    Attributes:
        stated: (k,) distinct P(1) of the calibration rows, ascending.
        zero: (2 k + 1,) P(1) where the new row's label were 0.
        one: (2 k + 1,) P(1) where it were 1.
        rows: that both were learned from.
        levels: (l,) of the sets of labels.
        bounds: (l,) of the score 1 - P(label), with P as stated.
    """

    stated: F8
    zero: F8
    one: F8
    rows: int
    levels: tuple[float, ...]
    bounds: F8

    def __call__(self, prediction: Prediction, inputs: Inputs) -> Prediction:
        """Return the prediction with P(1) replaced, and with sets of labels.

        The sets bound the P(1) as stated, which knows nothing of the calibration rows, so that
        their coverage holds. The label that is more probable after calibration always belongs.
        """
        p = prediction.mean
        done = prediction.replace(mean=with_stated(merged(*self.pair(p)), p, self.rows))
        less = np.where(done.mean >= 0.5, 1 - p, p)  # stated P of the label that may be missing
        return label_sets(done, self.levels, 1 - less <= self.bounds[:, None])

    def pair(self, p: F8) -> tuple[F8, F8]:
        """Return (n,) lower and (n,) upper probabilities of 1."""
        left = np.searchsorted(self.stated, p, side="left")
        right = np.searchsorted(self.stated, p, side="right")
        return self.zero[left + right], self.one[left + right]


@dataclass(frozen=True)
class VennAbers:
    """Fit the calibration curve twice for each new row: with its label taken as 0, and as 1."""

    config: VennAbersConfig

    def calibrate(self, request: CalibrationRequest) -> Calibration:
        """Return what replaces P(1) and adds sets of labels.

        Raises:
            DataError: there are too few rows, or the task is a regression.
        """
        if request.context.task != "binary":
            raise DataError(f"{METHOD}: needs a binary target, this one is a number")
        levels = request.levels
        check_rows(request, max(CURVE_ROWS, min(map(rows_needed, levels))), METHOD)
        bounds = quantiles(label_scores(request.prediction, request.target), levels)
        stated, zero, one = tables(request.prediction.mean, request.target)
        return Pairs(stated, zero, one, len(request.target), levels, bounds)


def tables(p: F8, target: F8) -> tuple[F8, F8, F8]:
    """Return the distinct p (k,), and the curve's value at each place for both labels (2 k + 1,).

    Source: Vovk & Petej (2014), inductive. A new row counts as one more row at its own place.
    """
    stated, group = np.unique(p, return_inverse=True)
    rows = np.bincount(group).astype(np.float64)
    ones = np.bincount(group, weights=target)
    found = np.empty((2, 2 * len(stated) + 1))
    for i in range(len(stated) + 1):
        for label in (0, 1):
            between = isotonic_regression(
                np.insert(ones / rows, i, label), weights=np.insert(rows, i, 1.0)
            )
            found[label, 2 * i] = between.x[i]
            if i < len(stated):
                more, hits = rows.copy(), ones.copy()
                more[i] += 1
                hits[i] += label
                found[label, 2 * i + 1] = isotonic_regression(hits / more, weights=more).x[i]
    zero, one = np.clip(found, 0.0, 1.0)
    return stated, zero, one


def merged(zero: F8, one: F8) -> F8:
    """Return the probability that minimizes the worst log loss (Vovk & Petej 2014)."""
    return np.asarray(one / (1 - zero + one))
