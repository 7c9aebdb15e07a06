"""What a metric promises. Light."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8
from atlas_core.component import Component
from atlas_core.kinds.metric import Better, Draw, Metric, MetricRows, Unit
from atlas_core.metrics.registry import Built
from atlas_core.metrics.weighted import unit_weights
from atlas_core.testing.outcome import applies, require, require_close
from atlas_core.testing.samples import Sample

ROWS, LEVEL = 300, 0.9
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


def _metrics(component: Component, sample: Sample) -> tuple[Metric, ...]:
    made = component.build(sample.config)
    require(isinstance(made, Metric | list), "build returned no Metric, and no list of them")
    found = Built("", made, always=False).metrics
    require(found and all(isinstance(one, Metric) for one in found), "it is no list of Metric")
    return found


def _tasks(metric: Metric) -> tuple[str, ...]:
    return (metric.task,) if metric.task else ("regression", "binary")


def _rows(metric: Metric, task: str, columns: Columns) -> MetricRows:
    """Return rows with what the metric declares, and nothing else."""
    level = LEVEL if metric.of_levels else None
    return MetricRows({name: columns[name] for name in metric.columns}, task, level)


def _value(metric: Metric, task: str, columns: Columns) -> float:
    rows = _rows(metric, task, columns)
    drawn = metric.draws(Draw(rows, unit_weights(len(rows))))
    require(np.shape(drawn) == (1,), f"{metric.name} of one draw has shape {np.shape(drawn)}")
    return float(drawn[0])


def outcome(component: Component, sample: Sample) -> dict[str, npt.NDArray[Any] | None]:
    """Return the values on toy rows and on resamples, for comparing bytes."""
    counts = np.random.default_rng(3).multinomial(ROWS, np.full(ROWS, 1 / ROWS), size=4)
    return {
        f"{metric.name} {task}": metric.draws(
            Draw(_rows(metric, task, _toy(task)), counts.astype(np.float64))
        )
        for metric in _metrics(component, sample)
        for task in _tasks(metric)
    }


def check_has_the_components_name(component: Component, sample: Sample) -> None:
    """``metrics.json`` names it as the spec does; of several, each has a name of its own."""
    names = [metric.name for metric in _metrics(component, sample)]
    require(len(names) == len(set(names)), f"two metrics share a name: {names}")
    if len(names) == 1:
        require(names[0] == component.name, f"it is named {names[0]!r}, not {component.name!r}")


def check_words_are_there(component: Component, sample: Sample) -> None:
    """A table and a glossary can show it: label, meaning, unit and direction are words of ATLAS."""
    for metric in _metrics(component, sample):
        require(0 < len(metric.label) <= 40, f"{metric.name}: its label is not 1 to 40 characters")
        ended = metric.meaning.endswith((".", "?")) and len(metric.meaning) > 10
        require(ended, f"{metric.name}: its meaning is no sentence")
        require(metric.unit in get_args(Unit), f"{metric.name}: unknown unit {metric.unit!r}")
        require(metric.better in get_args(Better), f"{metric.name}: unknown {metric.better!r}")


def check_finite_on_toy_predictions(component: Component, sample: Sample) -> None:
    """It is a finite number where nothing is missing."""
    for metric in _metrics(component, sample):
        for task in _tasks(metric):
            value = _value(metric, task, _toy(task))
            require(np.isfinite(value), f"{metric.name} is {value} in a {task} task")


def check_columns_are_declared(component: Component, sample: Sample) -> None:
    """It reads no column but those that it declares, so that rows without them are left out."""
    for metric in _metrics(component, sample):
        for task in _tasks(metric):
            try:
                _value(metric, task, _toy(task))
            except (AttributeError, KeyError) as err:
                require(False, f"{metric.name}: {err}")


def check_row_order_does_not_matter(component: Component, sample: Sample) -> None:
    """The same rows in another order give the same figure."""
    order = np.random.default_rng(1).permutation(ROWS)
    for metric in _metrics(component, sample):
        for task in _tasks(metric):
            toy = _toy(task)
            shuffled = {name: values[order] for name, values in toy.items()}
            first, second = (_value(metric, task, one) for one in (toy, shuffled))
            require_close([second], [first], f"{metric.name} of the shuffled rows")


def check_resamples_are_repeated_rows(component: Component, sample: Sample) -> None:
    """A resample is told by counts: they give what the rows repeated that often give."""
    counts = np.random.default_rng(2).multinomial(ROWS, np.full(ROWS, 1 / ROWS), size=3)
    for metric in _metrics(component, sample):
        for task in _tasks(metric):
            toy = _toy(task)
            drawn = metric.draws(Draw(_rows(metric, task, toy), counts.astype(np.float64)))
            require(np.shape(drawn) == (3,), f"{metric.name} of 3 draws: shape {np.shape(drawn)}")
            for own, count in zip(drawn, counts, strict=True):
                again = {name: np.repeat(values, count) for name, values in toy.items()}
                value = _value(metric, task, again)
                require_close([own], [value], f"{metric.name}: counts against repeated rows")


def check_unit_scales_as_declared(component: Component, sample: Sample) -> None:
    """A figure in the target's unit is a thousand times as large in milli-units; others stay.

    An option may be in the target's unit, too: with options, only the former are checked.
    """
    metrics = [m for m in _metrics(component, sample) if m.task != "binary"]
    applies(metrics, "a probability has no unit")
    if component.config.model_fields:
        metrics = [m for m in metrics if m.unit == "target"]
        applies(metrics, "an option may be in the target's unit")
    toy = _toy("regression")
    scaled = {k: v * 1000 if k in SCALED else v for k, v in toy.items()}
    for metric in metrics:
        first, second = (_value(metric, "regression", one) for one in (toy, scaled))
        factor = 1000 if metric.unit == "target" else 1
        require_close([second], [factor * first], f"{metric.name} in another unit")


def check_better_is_better(component: Component, sample: Sample) -> None:
    """Honest predictions are better than bad ones, in the direction that it declares."""
    metrics = [m for m in _metrics(component, sample) if m.better != "neither"]
    applies(metrics, "no value of it is better than another")
    for metric in metrics:
        for task in _tasks(metric):
            good, bad = (_shortfall(metric, task, bad=bad) for bad in (False, True))
            require(
                not good >= bad,  # what is bad may be undefined
                f"{metric.name} ({metric.better} is better) prefers bad predictions in a {task}"
                " task",
            )


def _shortfall(metric: Metric, task: str, *, bad: bool) -> float:
    """Return how far the figure lies from what is aimed at."""
    value = _value(metric, task, _toy(task, bad=bad))
    aims = {"lower": value, "higher": -value, "one": abs(value - 1), "level": abs(value - LEVEL)}
    return aims[metric.better]


def check_undefined_is_nan(component: Component, sample: Sample) -> None:
    """Where it is not defined it is NaN: no error, no infinity, no number that stands for none."""
    for metric in _metrics(component, sample):
        for task in _tasks(metric):
            for what, columns in _degenerate(task).items():
                try:
                    value = _value(metric, task, columns)
                except (ValueError, ArithmeticError, IndexError) as err:
                    require(False, f"{metric.name} of {what}: {type(err).__name__}: {err}")
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


def check_inputs_unchanged(component: Component, sample: Sample) -> None:
    """The rows are only read."""
    for metric in _metrics(component, sample):
        for task in _tasks(metric):
            toy = _toy(task)
            kept: dict[str, F8] = {name: values.copy() for name, values in toy.items()}
            _value(metric, task, toy)
            same = all(np.array_equal(kept[name], toy[name]) for name in metric.columns)
            require(same, f"{metric.name} changed the rows")
