"""The worst predictions of an arm, and its right and wrong answers, as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from atlas_core.data.meaning import Meaning
from atlas_core.data.predictions import Predictions
from atlas_core.metrics.rows import THRESHOLD
from atlas_pages import formatting
from atlas_report.source import HELD_OUT, IN_DOMAIN, PART_LABEL
from atlas_statistics import digits

WORST = 15
LOPSIDED = 0.01
"""Share of half an interval by which its middle may miss the prediction and be shown as ±."""


@dataclass(frozen=True)
class Bad:
    """One of the worst predictions, as text."""

    id: str | Markup
    formula: Markup
    true: str
    predicted: str
    spread: str
    error: str
    part: str
    held_out: bool
    outside: bool
    reason: str
    twin: str


@dataclass(frozen=True)
class Confusion:
    """The counts of right and wrong answers of one part."""

    part: str
    n: int
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


def confusion(part: str, rows: Predictions) -> Confusion:
    """Count right and wrong answers at a threshold of one half."""
    truth, called = rows.target == 1, rows.mean > THRESHOLD
    return Confusion(
        part=PART_LABEL[part],
        n=len(rows),
        true_positive=int((truth & called).sum()),
        false_positive=int((~truth & called).sum()),
        false_negative=int((truth & ~called).sum()),
        true_negative=int((~truth & ~called).sum()),
    )


def worst_rows(
    rows: Predictions,
    twins: Mapping[str, Mapping[str, float]],
    *,
    meaning: Meaning,
    binary: bool = False,
) -> tuple[tuple[Bad, ...], str]:
    """Return the rows with the largest errors, and what their ± is ("" where there is none).

    A class has no ±: a set of labels is no interval, and sigma of a probability no error bar.

    Args:
        rows: of the arm.
        twins: see :class:`atlas_report.source.Source`.
        meaning: what the data set says of its target.
        binary: whether the target is a class.
    """
    seen = rows.take(np.isin(rows.parts, (IN_DOMAIN, HELD_OUT)))
    if binary:
        order = np.lexsort((seen.fold, seen.ids, -seen.error))[:WORST]
        return tuple(
            _bad(
                seen, int(i), (np.nan, np.nan), places=2, twins=twins, meaning=meaning, binary=True
            )
            for i in order
        ), ""
    levels = sorted(seen.lower, key=lambda level: abs(level - 0.9))
    ends: Any = np.full((2, len(seen)), np.nan)
    spread = ""
    for level in levels:
        if not np.isnan(seen.lower[level]).all():
            ends = np.stack((seen.lower[level], seen.upper[level]))
            spread = f"± ({formatting.percent_of_level(level)})"
            break
    if not spread and np.isfinite(seen.std).any():
        ends, spread = np.stack([seen.mean - seen.std, seen.mean + seen.std]), "± sigma"
    order = np.lexsort((seen.fold, seen.ids, -seen.error))[:WORST]
    if not len(order):
        return (), spread
    places = formatting.decimals(float(seen.error[order].min()))
    places = places if places == 99 else min(places, 3)
    return tuple(
        _bad(
            seen,
            int(i),
            (float(ends[0, i]), float(ends[1, i])),
            places=places,
            twins=twins,
            meaning=meaning,
        )
        for i in order
    ), spread


def _bad(
    rows: Predictions,
    i: int,
    ends: tuple[float, float],
    *,
    places: int,
    twins: Mapping[str, Mapping[str, float]],
    meaning: Meaning,
    binary: bool = False,
) -> Bad:

    def show(value: float) -> str:
        return digits.probability(value) if binary else formatting.fixed(value, places)

    def true(value: float) -> str:
        return meaning.class_name(int(value)) if binary else formatting.fixed(value, places)

    return Bad(
        id=formatting.linked(str(rows.ids[i]), meaning.url),
        formula=formatting.formula(str(rows.formula[i])),
        true=true(float(rows.target[i])),
        predicted=show(float(rows.mean[i])),
        spread="" if binary else _spread(float(rows.mean[i]), ends, places),
        error=show(float(rows.error[i])),
        part=PART_LABEL[str(rows.parts[i])],
        held_out=str(rows.parts[i]) == HELD_OUT,
        outside=bool(rows.outside[i]),
        reason=str(rows.reason[i]),
        twin=twin_text(rows, i, twins, lambda value: f"{'is' if binary else 'has'} {true(value)}"),
    )


def _spread(mean: float, ends: tuple[float, float], places: int) -> str:
    """Return half the width of an interval about a prediction; both ends where it is lopsided.

    One that is cut at the bounds of a target, or made of quantiles, is no prediction ± its half.
    """
    low, high = ends
    half = (high - low) / 2
    one_end = np.isinf(low) != np.isinf(high)
    if one_end or abs((low + high) / 2 - mean) > LOPSIDED * half:
        return f"{formatting.fixed(low, places)} to {formatting.fixed(high, places)}"
    return formatting.fixed(half, places)


def twin_text(
    rows: Predictions,
    i: int,
    twins: Mapping[str, Mapping[str, float]],
    show: Callable[[float], str],
) -> str:
    """Return that the label may be wrong where a training material speaks for the prediction.

    It does where its target lies nearer to the prediction than to the row's own label. ``show``
    says what that target is, with its verb.
    """
    twin = twins.get(str(rows.fold[i]), {}).get(str(rows.ids[i]))
    if twin is None or abs(twin - rows.mean[i]) >= abs(twin - rows.target[i]):
        return ""
    return (
        "The label may be wrong or belong to another phase: the same formula in training"
        f" {show(twin)}"
    )
