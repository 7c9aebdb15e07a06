"""Counts as weights give what repeating the rows gives; unit counts give the metric itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from from_columns import read_arms

from atlas_core.kinds.metric import Metric
from atlas_core.metrics import weighted
from atlas_core.metrics.registry import Built, Metrics, installed_metrics
from atlas_evaluation.scoring.scorer import Scorer, scorer_of
from atlas_registry.loading import Registry

RNG = np.random.default_rng(3)
N = 61
METRICS = installed_metrics(Registry())


def scorer(table: dict[str, np.ndarray], task: str) -> Scorer:
    return scorer_of(read_arms(table, [0.8])["a"], task, METRICS)


def columns(task: str, *, tied: bool) -> dict[str, np.ndarray]:
    std = RNG.gamma(3, 0.3, N)
    if task == "binary":
        target = (RNG.random(N) < 0.4).astype(float)
        mean = np.clip(0.3 + 0.3 * target + RNG.normal(0, 0.2, N), 0, 1)
    else:
        target = RNG.normal(100, 2, N)
        mean = target + std * RNG.normal(size=N)
    if tied:
        std, mean = np.round(std, 1) + 0.1, np.round(mean, 1)
    half = 1.3 * std
    return {
        "id": np.array([f"m{i}" for i in range(N)]),
        "arm": np.full(N, "a"),
        "part": np.full(N, "test"),
        "target": target,
        "mean": mean,
        "std": std,
        "lower_0.8": mean - half,
        "upper_0.8": mean + half,
    }


@pytest.mark.parametrize("tied", [False, True], ids=["distinct", "tied"])
@pytest.mark.parametrize("task", ["regression", "binary"])
def test_counts_give_what_repeated_rows_give(task: str, tied: bool) -> None:
    table = columns(task, tied=tied)
    scored = scorer(table, task)
    counts = RNG.multinomial(N, np.full(N, 1 / N), size=5).astype(float)
    drawn = scored.means(counts) | scored.ranks(counts)
    drawn.pop("error_auroc", None)  # its labels are those of the whole part, by design
    for b in range(len(counts)):
        rows = np.repeat(np.arange(N), counts[b].astype(int))
        repeated = {k: v[rows] for k, v in table.items()}
        expected = scorer(repeated, task).values()
        expected.pop("error_auroc", None)
        own = {k: pytest.approx(v[b]) for k, v in drawn.items() if np.isfinite(v[b])}
        nowhere = {k for k in set(own) - set(expected) if own[k].expected == 0}
        assert {k: v for k, v in own.items() if k not in nowhere} == expected
        assert all(name.startswith("p_") and name.endswith("_share") for name in nowhere)


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_unit_counts_give_each_metric_of_its_own_columns(task: str) -> None:
    table = columns(task, tied=True)
    found = scorer(table, task).values()
    own = table | {"lower": table["lower_0.8"], "upper": table["upper_0.8"]}
    for name, value in found.items():
        metric = METRICS[name.removesuffix("_0.8")]
        alone = metric.value(task=task, level=0.8, **{c: own[c] for c in metric.columns})
        assert value == pytest.approx(alone, rel=1e-9), name
    # |y - P| and sigma both follow P: their rank correlation is no evidence, and is not stated
    others = {"mae", "nll", "spearman", "error_auroc"}
    assert others & set(found) == (others if task == "regression" else set())
    assert len(found) > 20


def test_a_figure_is_the_same_to_the_last_digit_whatever_else_is_scored() -> None:
    table = columns("regression", tied=False)
    rows = read_arms(table, [0.8])["a"]
    alone = scorer_of(rows, "regression", METRICS).values()
    other = Metric(
        "share_small", "within 0.1", "share", "higher", ("target", "mean"), "Share within 0.1.",
        terms=(lambda rows: rows.error <= 0.1,),
    )  # fmt: skip
    more = replace(
        METRICS, families=(*METRICS.families, (other,)), reported=METRICS.reported | {other.name}
    )
    found = scorer_of(rows, "regression", more).values()
    assert found.pop("share_small") == np.mean(np.abs(table["target"] - table["mean"]) <= 0.1)
    assert found == alone
    fewer = replace(METRICS, reported=frozenset({"rmse", "nll"}))
    assert scorer_of(rows, "regression", fewer).values() == {n: alone[n] for n in ("rmse", "nll")}


def test_a_metric_of_whole_rows_is_resampled_with_them() -> None:
    table = columns("regression", tied=False)
    median = Metric(
        "own_median", "median", "target", "lower", ("target", "mean"), "Median of the errors.",
        whole=lambda rows: float(np.median(rows.error)),
    )  # fmt: skip
    metrics = Metrics.of([Built("own", median, always=False)])
    rows = read_arms(table, [0.8])["a"]
    found = scorer_of(rows, "regression", metrics).intervals(np.arange(N), seed=1)["own_median"]
    expected = scorer_of(rows, "regression", METRICS).intervals(np.arange(N), seed=1)["median_ae"]
    assert found == pytest.approx(expected)


def test_medians_of_resamples_are_those_of_the_rows_repeated() -> None:
    values = np.round(RNG.random(31), 1)  # with ties
    weights = np.array([RNG.multinomial(n, np.full(31, 1 / 31)) for n in (31, 31, 30, 2)], float)
    found = weighted.median(weighted.Ranking(values), values, weights)
    expected = [np.median(np.repeat(values, own.astype(int))) for own in weights]
    assert found.tolist() == pytest.approx(expected)


def test_the_largest_is_found_where_none_of_the_64_largest_was_drawn() -> None:
    values = RNG.random(200)
    weights = np.ones((3, 200))
    falling = np.argsort(-values)
    weights[1, falling[:70]] = 0
    weights[2, falling[:3]] = 0
    found = weighted.largest(weighted.Ranking(values), values, weights)
    assert found.tolist() == values[falling[[0, 70, 3]]].tolist()
