"""What a metric promises. Light."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8
from atlas_core.errors import named
from atlas_core.kinds.metric import Better, Metric, Unit
from atlas_core.metrics.registry import Built
from atlas_core.metrics.rows import Draw, MetricRows
from atlas_core.metrics.weighted import unit_weights
from atlas_core.testing.checks.shared import returned
from atlas_core.testing.outcome import applies, require, require_close
from atlas_core.testing.samples import Sample

ROWS, LEVEL = 300, 0.9
SHARED = ("inputs_unchanged",)
Columns = dict[str, npt.NDArray[Any]]
SCALED = ("target", "mean", "std", "lower", "upper", "baseline")
"""Columns in the target's unit."""


def _toy(task: str, *, bad: bool = False, n: int = ROWS) -> Columns:
    """Return every column of n rows: honest predictions, or bad ones of the same rows."""
    rng = np.random.default_rng(7)
    sigma, noise = rng.gamma(3.0, 0.3, n) + 0.05, rng.normal(size=n)
    mixed = np.random.default_rng(8).permutation(n)
    if task == "binary":
        mean = rng.random(n) ** 2
        mean[::25] = np.arange(len(mean[::25])) % 2  # certain answers, too
        target = (rng.random(n) < mean).astype(np.float64)
        mean = mean[mixed] if bad else mean
        sigma = np.sqrt(mean * (1 - mean))
        sigma = sigma[mixed] if bad else sigma
    else:
        target = rng.normal(1.0, 2.0, n)
        mean = target + (4.0 * sigma[mixed] if bad else sigma) * noise
    half = 1.645 * sigma
    upper = np.where((np.arange(n) < 9) & bad, np.inf, mean + half)
    held_out = (np.arange(n) % 3 == 0).astype(np.float64)
    score = noise if bad else noise + 2.0 * held_out
    return {
        "target": target, "mean": mean, "std": sigma, "lower": mean - half, "upper": upper,
        "baseline": np.full(n, np.median(target)), "formula": np.full(n, "NaCl"),
        "score": score, "flagged": (score > 1.0).astype(np.float64), "held_out": held_out,
    }  # fmt: skip


def _metrics(sample: Sample) -> tuple[Metric, ...]:
    made: Metric | list[Metric] = returned(sample.build(), Metric | list, "build")
    found = Built("", made, always=False).metrics
    require(found and all(isinstance(one, Metric) for one in found), "it is no list of Metric")
    return found


def _draws(metric: Metric, task: str, columns: Columns, counts: F8 | None = None) -> F8:
    """Return (b,) values on resamples, or one on the rows: it sees the columns that it declares."""
    level = LEVEL if metric.of_levels else None
    rows = MetricRows({name: columns[name] for name in metric.columns}, task, level)
    weights = unit_weights(len(rows)) if counts is None else counts
    drawn, b = metric.draws(Draw(rows, weights)), len(weights)
    require(np.shape(drawn) == (b,), f"{metric.name} of {b} draws has shape {np.shape(drawn)}")
    return drawn


def _value(metric: Metric, task: str, columns: Columns) -> float:
    return float(_draws(metric, task, columns)[0])


def _each(sample: Sample) -> Iterator[tuple[Metric, str, Columns]]:
    """Yield each metric with each of its tasks and toy rows for it."""
    for metric in _metrics(sample):
        for task, toy in given(sample).items():
            if metric.task in ("", task):
                yield metric, task, toy


def _counts(draws: int, seed: int) -> F8:
    """Return (draws, n) how often each row stands in each resample."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(ROWS, np.full(ROWS, 1 / ROWS), size=draws).astype(np.float64)


def given(sample: Sample) -> dict[str, Columns]:
    """Return toy rows of each task."""
    return {task: _toy(task) for task in ("regression", "binary")}


def make(sample: Sample, rows: dict[str, Columns]) -> Columns:
    """Return the values on toy rows and on resamples."""
    counts = np.concatenate([np.ones((1, ROWS)), _counts(4, 3)])
    return {
        f"{metric.name} {task}": _draws(metric, task, rows[task], counts)
        for metric, task, _ in _each(sample)
    }


def check_has_the_components_name(sample: Sample) -> None:
    """``metrics.json`` names it as the spec does; of several, each has a name of its own."""
    names = [metric.name for metric in _metrics(sample)]
    require(len(names) == len(set(names)), f"two metrics share a name: {names}")
    own = sample.component.name
    require(len(names) > 1 or names == [own], f"it is named {names[0]!r}, not {own!r}")


def check_words_are_there(sample: Sample) -> None:
    """A table and a glossary can show it: label, meaning, unit and direction are words of ATLAS."""
    for metric in _metrics(sample):
        require(0 < len(metric.label) <= 40, f"{metric.name}: its label is not 1 to 40 characters")
        ended = metric.meaning.endswith((".", "?")) and len(metric.meaning) > 10
        require(ended, f"{metric.name}: its meaning is no sentence")
        require(metric.unit in get_args(Unit), f"{metric.name}: unknown unit {metric.unit!r}")
        require(metric.better in get_args(Better), f"{metric.name}: unknown {metric.better!r}")


def check_finite_on_toy_predictions(sample: Sample) -> None:
    """It is a finite number where nothing is missing but the columns that it does not declare."""
    for metric, task, toy in _each(sample):
        value = _value(metric, task, toy)
        require(np.isfinite(value), f"{metric.name} is {value} in a {task} task")


def check_row_order_does_not_matter(sample: Sample) -> None:
    """The same rows in another order give the same figure."""
    order = np.random.default_rng(1).permutation(ROWS)
    for metric, task, toy in _each(sample):
        shuffled = {name: values[order] for name, values in toy.items()}
        first, second = (_draws(metric, task, one) for one in (toy, shuffled))
        require_close(second, first, f"{metric.name} of the shuffled rows")


def check_resamples_are_repeated_rows(sample: Sample) -> None:
    """A resample is reported by counts: they give what the rows repeated that often give."""
    counts = _counts(3, 2)
    for metric, task, toy in _each(sample):
        drawn = _draws(metric, task, toy, counts)
        for own, count in zip(drawn, counts.astype(np.int64), strict=True):
            again = {name: np.repeat(values, count) for name, values in toy.items()}
            value = _value(metric, task, again)
            require_close(own, value, f"{metric.name}: counts against repeated rows")


def check_unit_scales_as_declared(sample: Sample) -> None:
    """A figure in the target's unit is a thousand times as large in milli-units; others stay.

    An option may be in the target's unit, too: with options, only the former are checked.
    """
    metrics = [m for m in _metrics(sample) if m.task != "binary"]
    applies(metrics, "a probability has no unit")
    if sample.component.config.model_fields:
        metrics = [m for m in metrics if m.unit == "target"]
        applies(metrics, "an option may be in the target's unit")
    toy = _toy("regression")
    scaled = {k: v * 1000 if k in SCALED else v for k, v in toy.items()}
    for metric in metrics:
        first, second = (_draws(metric, "regression", one) for one in (toy, scaled))
        factor = 1000 if metric.unit == "target" else 1
        require_close(second, factor * first, f"{metric.name} in another unit")


def check_better_is_better(sample: Sample) -> None:
    """Honest predictions are better than bad ones, in the direction that it declares."""
    cases = [case for case in _each(sample) if case[0].better != "neither"]
    applies(cases, "no value of it is better than another")
    for metric, task, toy in cases:
        good, bad = (_shortfall(metric, task, rows) for rows in (toy, _toy(task, bad=True)))
        problem = f"({metric.better} is better) prefers bad predictions in a {task} task"
        require(not good >= bad, f"{metric.name} {problem}")  # what is bad may be undefined


def _shortfall(metric: Metric, task: str, rows: Columns) -> float:
    """Return how far the figure lies from what is aimed at."""
    value = _value(metric, task, rows)
    aims = {"lower": value, "higher": -value, "one": abs(value - 1), "level": abs(value - LEVEL)}
    return aims[metric.better]


def check_undefined_is_nan(sample: Sample) -> None:
    """Where it is not defined it is NaN: no error, no infinity, no number that stands for none."""
    for metric, task, _ in _each(sample):
        for what, columns in _degenerate(task).items():
            try:
                value = _value(metric, task, columns)
            except (ValueError, ArithmeticError, IndexError) as err:
                require(False, f"{metric.name} of {what}: {named(err)}")
            require(not np.isinf(value), f"{metric.name} of {what} is infinite")


def _degenerate(task: str) -> dict[str, Columns]:
    toy = _toy(task, n=40)
    one = {name: values[:1] for name, values in toy.items()}
    zeros = np.zeros(40)
    return {
        "one row": one,
        "a constant target": {**toy, "target": np.ones(40)},
        "exact predictions": {**toy, "mean": toy["target"]},
        "a sigma of 0": {**toy, "std": zeros},
        "one side only": {**toy, "held_out": zeros},
    }
