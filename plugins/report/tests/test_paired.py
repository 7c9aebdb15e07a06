"""Paired tests against scipy and arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest
from from_columns import read_arms
from scipy import stats

from atlas_core.metrics.registry import installed_metrics
from atlas_registry.loading import Registry
from atlas_report import paired

RNG = np.random.default_rng(21)
METRICS = installed_metrics(Registry())


@pytest.mark.parametrize("tied", [False, True], ids=["distinct", "tied"])
@pytest.mark.parametrize("n", [12, 80, 1000])
def test_the_signed_rank_test_is_scipys(n: int, tied: bool) -> None:
    a, b = RNG.exponential(1, n), RNG.exponential(1.1, n)
    if tied:
        a, b = np.round(4 * a) / 4, np.round(4 * b) / 4  # exact, so scipy sees the ties too
    expected = stats.wilcoxon(a, b, zero_method="wilcox", correction=False, method="asymptotic")
    assert paired.wilcoxon(a, b) == pytest.approx(expected.pvalue)


def test_few_pairs_are_counted_exactly() -> None:
    a, b = RNG.normal(0.8, 1, 9), RNG.normal(0, 1, 9)
    assert paired.wilcoxon(a, b) == pytest.approx(stats.wilcoxon(a, b, method="exact").pvalue)
    # 1, 1 and 2 all positive: of eight sign patterns two are as extreme
    assert paired.wilcoxon([1, 1, 2], [0, 0, 0]) == 0.25
    assert paired.wilcoxon([1.0, 2.0], [1.0, 2.0]) is None


def test_the_fold_test_without_shared_rows_is_the_t_test() -> None:
    folds = np.repeat(["0", "1", "2", "3", "4"], 20)
    a, b = RNG.exponential(1.2, 100), RNG.exponential(1, 100)
    means = (a - b).reshape(5, 20).mean(axis=1)
    expected = stats.ttest_1samp(means, 0)
    found = paired.fold_difference(a, b, folds, test_over_train=0)
    assert found is not None
    assert found.p_value == pytest.approx(expected.pvalue)
    ends = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert found.folds == 5
    assert found.better == (means < 0).sum()


def test_shared_training_rows_widen_the_interval_by_the_published_factor() -> None:
    folds = np.repeat(["0", "1", "2", "3", "4"], 20)
    a, b = RNG.exponential(1.2, 100), RNG.exponential(1, 100)
    plain, corrected = (
        paired.fold_difference(a, b, folds, test_over_train=ratio) for ratio in (0, 0.25)
    )
    assert plain is not None
    assert corrected is not None
    # (1/5 + 1/4) / (1/5) = 2.25
    assert corrected.high - corrected.low == pytest.approx(1.5 * (plain.high - plain.low))
    assert corrected.p_value > plain.p_value


def test_folds_that_all_agree_leave_no_doubt_and_one_fold_no_test() -> None:
    folds = np.array(["0", "0", "1", "1"])
    same = paired.fold_difference([1, 1, 1, 1], [0, 0, 0, 0], folds, test_over_train=1)
    assert same is not None
    assert (same.difference, same.low, same.high, same.p_value, same.better) == (1, 1, 1, 0, 0)
    equal = paired.fold_difference([1, 1, 1, 1], [1, 1, 1, 1], folds, test_over_train=1)
    assert equal is not None
    assert (equal.p_value, equal.better) == (1, 1)
    assert paired.fold_difference([1.0], [2.0], folds[:1], test_over_train=1) is None
    with pytest.raises(ValueError, match="negative"):
        paired.fold_difference([1.0], [2.0], folds[:1], test_over_train=-1)


def columns(error: float, *, sigma: float = 0.3, n: int = 60) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    target = rng.normal(size=n)
    mean = target + error * rng.normal(size=n)
    return {
        "id": np.array([f"m{i // 2}" for i in range(n)]),  # each material in two rows
        "arm": np.full(n, "a"),
        "fold": np.array([str(i % 2) for i in range(n)]),
        "part": np.full(n, "test"),
        "target": target,
        "mean": mean,
        "std": np.full(n, sigma),
        "lower_0.9": mean - 1,
        "upper_0.9": mean + 1,
    }


def test_every_score_that_both_have_is_compared() -> None:
    good, bad = (read_arms(columns(e), [0.9])["a"] for e in (0.3, 0.9))
    found = paired.paired_scores(
        good, bad, task="regression", test_over_train=1.0, seed=0, metrics=METRICS
    )
    assert list(found) == ["mae", "interval_score_0.9", "crps", "nll"]
    y, m, s = good.target, good.mean, good.std
    assert found["mae"].first == pytest.approx(np.abs(y - m).mean())
    assert found["crps"].first == pytest.approx(METRICS["crps"].value(target=y, mean=m, std=s))
    assert found["nll"].first == pytest.approx(METRICS["nll"].value(target=y, mean=m, std=s))
    for score in found.values():
        assert score.bootstrap.difference == pytest.approx(score.first - score.second)
        assert score.bootstrap.high < 0
        assert score.folds is not None
        assert score.folds.better == 2
    # materials, not rows, are what the signed-rank test counts
    gaps = (np.abs(y - m) - np.abs(bad.target - bad.mean)).reshape(30, 2).mean(axis=1)
    expected = stats.wilcoxon(gaps, correction=False, method="asymptotic").pvalue
    assert found["mae"].wilcoxon_p == pytest.approx(expected)


def test_what_one_of_them_lacks_is_not_compared() -> None:
    held = columns(0.3)
    bare = {k: v for k, v in held.items() if k in ("id", "arm", "fold", "part", "target", "mean")}
    a, b = read_arms(held, [0.9])["a"], read_arms(bare, [0.9])["a"]
    found = paired.paired_scores(
        a, b, task="regression", test_over_train=None, seed=0, metrics=METRICS
    )
    assert list(found) == ["mae"]
    assert found["mae"].wilcoxon_p is None  # equal in every row
    assert found["mae"].folds is None


def test_a_classifier_is_compared_by_its_probabilities() -> None:
    held = columns(0.3)
    held["target"] = (held["target"] > 0).astype(float)
    held["mean"] = np.full(60, 0.5)
    better = held | {"mean": 0.25 + 0.5 * held["target"]}
    a, b = (read_arms(table, [])["a"] for table in (better, held))
    found = paired.paired_scores(a, b, task="binary", test_over_train=None, seed=0, metrics=METRICS)
    assert found["brier"].bootstrap.difference == pytest.approx(1 / 16 - 1 / 4)
    assert found["log_loss"].bootstrap.difference == pytest.approx(np.log(0.5) - np.log(0.75))
