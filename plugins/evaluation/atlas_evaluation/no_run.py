"""Score a table of predictions that no run made, as a run's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.api import F8, Predictions, Str
from atlas_core.metrics.registry import Metrics, installed_metrics
from atlas_core.resolver import Resolver
from atlas_evaluation.scoring.chemistry import Chemistry
from atlas_evaluation.scoring.score import score_part
from atlas_statistics.rows import without_empty_sigma


def score_predictions(
    target: npt.ArrayLike,
    mean: npt.ArrayLike,
    *,
    std: npt.ArrayLike | None = None,
    intervals: Mapping[float, tuple[npt.ArrayLike, npt.ArrayLike]] | None = None,
    formulas: npt.ArrayLike | None = None,
    materials: npt.ArrayLike | None = None,
    task: str = "regression",
    seed: int | None = 0,
    metrics: Metrics | None = None,
    resolver: Resolver,
) -> dict[str, Any]:
    """Return what ``metrics.json`` holds of a part, for predictions that no run made.

    ``metrics`` by name, each with ``value``, ``low`` and ``high`` (95 % bootstrap over materials;
    no ends without a seed, or where resamples tell none), ``families`` where formulas are given,
    and in a binary task ``reliability``. What is not defined is absent; docs/metrics.md has it all.

    Args:
        target: (n,) true values; 0 or 1 in a binary task.
        mean: (n,) predictions in the target's unit; P(1) in a binary task.
        std: (n,) standard deviation in the target's unit, or any score of doubt where only the
            metrics of ranks are read; NaN where unknown.
        intervals: level -> ((n,) lower, (n,) upper ends); NaN where unknown, infinite is allowed.
        formulas: (n,) formulas, for error and coverage by anion family.
        materials: (n,) ids of materials where one has several rows; they are resampled together.
        task: ``regression`` or ``binary``.
        seed: of the resampling; None leaves it out, which is much faster on 100,000 rows.
        metrics: which; None: all that are installed.
        resolver: finds them; ``atlas_core.score_predictions`` has it.

    Raises:
        ValueError: lengths differ, or a value is not what it must be.
        DataError: a formula cannot be read.
    """
    y, m = _checked(target, mean, task)
    n = len(y)
    ends = {level: _ends(level, low, high, n) for level, (low, high) in (intervals or {}).items()}
    numbers, none = np.arange(n).astype(np.str_), np.full(n, "")
    rows = Predictions(
        ids=numbers if materials is None else _text(materials, n, "materials"),
        formula=none if formulas is None else _text(formulas, n, "formulas"),
        arm=none,
        fold=none,
        parts=none,
        target=y,
        mean=m,
        std=np.full(n, np.nan) if std is None else _std(std, n),
        lower={level: low for level, (low, _) in ends.items()},
        upper={level: high for level, (_, high) in ends.items()},
    )
    out, families = score_part(
        without_empty_sigma(rows),
        metrics=metrics or installed_metrics(resolver),
        task=task,
        seed=seed,
        group=Chemistry(rows.formula).families(),
    )
    return out | ({"families": families} if families else {})


def public(resolver: Resolver) -> Callable[..., dict[str, Any]]:
    """Return ``atlas_core.score_predictions``."""
    found = partial(score_predictions, resolver=resolver)
    found.__doc__ = score_predictions.__doc__
    return found


def _checked(target: npt.ArrayLike, mean: npt.ArrayLike, task: str) -> tuple[F8, F8]:
    """Return targets and predictions as (n,) float arrays.

    Raises:
        ValueError: there is no such task, or they do not fit it.
    """
    if task not in ("regression", "binary"):
        raise ValueError(f"task {task!r} is neither 'regression' nor 'binary'")
    y, m = np.asarray(target, dtype=np.float64), np.asarray(mean, dtype=np.float64)
    if y.shape != m.shape or y.ndim != 1 or not len(y):
        raise ValueError(f"expected targets and predictions of one length: {y.shape}, {m.shape}")
    if not (np.isfinite(y).all() and np.isfinite(m).all()):
        raise ValueError("a target or prediction is not finite")
    if task == "binary" and not np.isin(y, (0, 1)).all():
        raise ValueError("a binary target is not 0 or 1")
    if task == "binary" and ((m < 0) | (m > 1)).any():
        raise ValueError("a probability is outside 0 to 1")
    return y, m


def _std(std: npt.ArrayLike, n: int) -> F8:
    s = _column(std, n, "std")
    if (s < 0).any() or np.isinf(s).any():
        raise ValueError("a std is negative or infinite")
    return s


def _ends(level: float, low: npt.ArrayLike, high: npt.ArrayLike, n: int) -> tuple[F8, F8]:
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not between 0 and 1")
    lower, upper = _column(low, n, "lower"), _column(high, n, "upper")
    if (lower > upper).any():
        raise ValueError(f"an interval of level {level} ends before it begins")
    return lower, upper


def _column(values: npt.ArrayLike, n: int, name: str) -> F8:
    column = np.asarray(values, dtype=np.float64)
    if column.shape != (n,):
        raise ValueError(f"{name}: expected ({n},), got {column.shape}")
    return column


def _text(values: npt.ArrayLike, n: int, name: str) -> Str:
    column = np.asarray(values, dtype=np.str_)
    if column.shape != (n,):
        raise ValueError(f"{name}: expected ({n},), got {column.shape}")
    return column
