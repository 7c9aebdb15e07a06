"""Counts as weights give what repeating the rows gives; unit counts give the metric itself."""

from __future__ import annotations

import numpy as np
import pytest
from from_columns import read_arms
from scipy import stats

from atlas_core.metrics import classification, regression, uncertainty, weighted
from atlas_core.metrics.scorer import PartScorer

RNG = np.random.default_rng(3)
N = 61


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
    scorer = PartScorer(read_arms(table, [0.8])["a"], task)
    counts = RNG.multinomial(N, np.full(N, 1 / N), size=5).astype(float)
    drawn = scorer.means(counts) | scorer.ranks(counts)
    drawn.pop("error_auroc", None)  # its labels are those of the whole part, by design
    for b in range(len(counts)):
        rows = np.repeat(np.arange(N), counts[b].astype(int))
        repeated = {k: v[rows] for k, v in table.items()}
        expected = PartScorer(read_arms(repeated, [0.8])["a"], task).values()
        expected.pop("error_auroc", None)
        own = {k: pytest.approx(v[b]) for k, v in drawn.items() if np.isfinite(v[b])}
        nowhere = {k for k in set(own) - set(expected) if own[k].expected == 0}
        assert {k: v for k, v in own.items() if k not in nowhere} == expected
        assert all(name.startswith("p_") and name.endswith("_share") for name in nowhere)


def test_unit_counts_give_the_metrics_of_a_regression() -> None:
    table = columns("regression", tied=False)
    y, m, s, low, high = (table[k] for k in ("target", "mean", "std", "lower_0.8", "upper_0.8"))
    assert PartScorer(read_arms(table, [0.8])["a"], "regression").values() == {
        k: pytest.approx(v)
        for k, v in {
            "mae": regression.mae(y, m),
            "mean_error": np.mean(m - y),
            "share_too_high": np.mean(m > y),
            "median_ae": np.median(np.abs(y - m)),
            "rmse": regression.rmse(y, m),
            "r2": regression.r2(y, m),
            "max_error": regression.max_error(y, m),
            "rank_correlation": stats.spearmanr(m, y).statistic,
            "mae_over_mad": regression.mae_over_mad(y, m),
            "nll": uncertainty.nll(y, m, s),
            "crps": uncertainty.crps(y, m, s),
            "miscalibration_area": uncertainty.miscalibration_area(y, m, s),
            "ence": uncertainty.ence(y, m, s),
            "zms": uncertainty.zms(y, m, s),
            "within_1_sigma": uncertainty.within_sigma(y, m, s),
            "beyond_5_sigma": 1 - uncertainty.within_sigma(y, m, s, times=5),
            "median_z": uncertainty.median_z(y, m, s),
            "sharpness": uncertainty.sharpness(s),
            "dispersion": uncertainty.dispersion(s),
            "spearman": uncertainty.spearman(y - m, s),
            "aurc": uncertainty.aurc(y - m, s),
            "aurc_oracle": uncertainty.aurc_oracle(y - m),
            "aurc_random": uncertainty.aurc_random(y - m),
            "ause": uncertainty.ause(y - m, s),
            "ause_random": uncertainty.ause_random(y - m),
            "mae_at_80": uncertainty.mae_at_coverage(y - m, s),
            "error_auroc": uncertainty.error_auroc(y - m, s),
            "picp_0.8": uncertainty.picp(y, low, high),
            "mpiw_0.8": uncertainty.mpiw(low, high),
            "interval_score_0.8": uncertainty.interval_score(y, low, high, level=0.8),
            "infinite_share_0.8": 0.0,
        }.items()
    }


def test_unit_counts_give_the_metrics_of_a_binary_task() -> None:
    table = columns("binary", tied=True)
    y, p = table["target"], table["mean"]
    values = PartScorer(read_arms(table, [0.8])["a"], "binary").values()
    names = ("roc_auc", "accuracy", "balanced_accuracy", "f1", "brier", "log_loss", "ece")
    for name in names:
        assert values[name] == pytest.approx(getattr(classification, name)(y, p))
    expected = classification.wrong_auroc(y, p, table["std"])
    assert values["wrong_auroc"] == pytest.approx(expected)
    # |y - P| and sigma both follow P: their rank correlation is no evidence, and is not stated
    assert not {"mae", "nll", "spearman", "error_auroc"} & set(values)


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
