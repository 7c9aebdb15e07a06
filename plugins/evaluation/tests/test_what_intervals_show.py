"""A verdict rests on what the interval of its figure excludes, and on nothing else."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from from_columns import evaluate

from atlas_core import score_predictions
from atlas_evaluation.judge.codes import codes
from atlas_evaluation.judge.figures import Figure, of_share, ratio
from atlas_evaluation.judge.finding import About, Verdict
from atlas_evaluation.judge.probabilities import (
    Bin,
    End,
    bins_of,
    bins_off,
    ends_of,
    probabilities_of,
)
from atlas_evaluation.judge.sigma import at_least_by_chance, order, sigma_of, size
from atlas_evaluation.judge.verdict import verdict
from atlas_evaluation.narrative import headline
from atlas_statistics.binomial import wilson

Ends = tuple[float, float, float]
COVERAGE = {code for code, about in codes().items() if about.group == "Intervals and label sets"}


def figures(**metrics: Ends) -> dict[str, Figure]:
    return {name.replace("__", "_0."): Figure(*ends) for name, ends in metrics.items()}


def judge(
    test: dict[str, Ends],
    ood_test: dict[str, Ends] | None = None,
    *,
    n: int = 500,
    m: int = 500,
    task: str = "regression",
    ood: dict[str, Any] | None = None,
) -> Verdict:
    parts = {
        part: {
            "n": rows,
            "metrics": {
                name.replace("__", "_0."): dict(zip(("value", "low", "high"), ends, strict=True))
                for name, ends in own.items()
            },
        }
        for part, own, rows in (("test", test, n), ("ood_test", ood_test, m))
        if own is not None
    }
    held_out = "" if ood_test is None else "materials with F"
    about = About("a", task, "gap", "eV", held_out)
    return verdict({"parts": parts, "ood": ood or {}}, about)


def error(mae: Ends, share: Ends) -> dict[str, Ends]:
    return {"mae": mae, "mae_over_mad": share, "mae_over_baseline": share}


GOOD = error((0.15, 0.14, 0.16), (0.18, 0.17, 0.19)) | {"picp__9": (0.9, 0.87, 0.93)}


# --- intervals -------------------------------------------------------------------------------


def test_the_interval_of_a_share_is_that_of_statsmodels_and_never_a_point() -> None:
    # proportion_confint(54, 54, method="wilson") = (0.93358, 1); (45, 54) -> (0.71263, 0.90973)
    assert wilson(1.0, 54) == pytest.approx((0.93358, 1.0), abs=1e-5)
    assert wilson(45 / 54, 54) == pytest.approx((0.71263, 0.90973), abs=1e-4)
    assert of_share(Figure(1.0, 1.0, 1.0), 54).low == pytest.approx(0.93358, abs=1e-5)


@pytest.mark.parametrize(
    "module",
    ["exam", "judge.codes", "judge.audit", "judge.verdict", "narrative", "standard"],
)
def test_a_module_can_be_the_first_that_is_imported(module: str) -> None:
    command = [sys.executable, "-c", f"import atlas_evaluation.{module}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_interval_of_a_ratio_is_near_that_of_many_draws() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(2.0, 0.1, 100_000), rng.normal(1.0, 0.05, 100_000)
    low, high = np.quantile(a / b, (0.025, 0.975))
    z = 1.96
    found = ratio(Figure(2.0, 2 - z * 0.1, 2 + z * 0.1), Figure(1.0, 1 - z * 0.05, 1 + z * 0.05))
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((2.0, low, high), rel=0.01)
    none, some = Figure(0.0, 0.0, 0.0), Figure(1.0, 0.9, 1.1)
    assert ratio(none, none) is None
    assert ratio(none, some) == Figure(0.0, 0.0, 0.0)
    assert ratio(some, none) == Figure(math.inf, math.inf, math.inf)


def test_an_arm_without_any_error_in_domain_gets_a_verdict() -> None:
    perfect = error((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)) | {
        "within_1_sigma": (1.0, 1.0, 1.0), "median_z": (0.0, 0.0, 0.0),
        "beyond_5_sigma": (0.0, 0.0, 0.0), "zms": (0.0, 0.0, 0.0), "median_ae": (0.0, 0.0, 0.0),
    }  # fmt: skip
    assert judge(perfect).grade == "trust"
    said = judge(perfect, {"mae": (0.5, 0.4, 0.6), "median_ae": (0.3, 0.2, 0.4)})
    assert said.grade == "do_not_trust"
    assert said.headline[0].figures["times"] == "infinite"


def test_rows_beyond_five_sigma_by_chance_are_counted_as_scipy_does() -> None:
    stats = pytest.importorskip("scipy.stats", reason="the independent reference")
    for count, n in ((0, 559), (1, 559), (3, 559), (1, 132_752), (4, 5_000_000)):
        wanted = stats.poisson.sf(count - 1, n * 5.733e-7)
        assert at_least_by_chance(count, n, 5.733e-7) == pytest.approx(wanted, abs=1e-12)


# --- the size of sigma -----------------------------------------------------------------------


def sized(z: np.ndarray, n: int | None = None) -> Any:
    """Return what is said of sigma where errors are ``z`` sigma."""
    rows = len(z) if n is None else n
    table = {
        "id": np.arange(rows).astype(str), "arm": np.full(rows, "a"),
        "part": np.full(rows, "test"), "target": z, "mean": np.zeros(rows), "std": np.ones(rows),
    }  # fmt: skip
    arm = evaluate(table, task="regression", levels=[], seed=0)["arms"]["a"]
    own = arm["parts"]["test"]
    return sigma_of({name: Figure.of(entry) for name, entry in own["metrics"].items()}, rows)


def gaussian(n: int, *, times: float = 1.0) -> np.ndarray:
    """Return n errors whose quantiles are exactly those of a Gaussian of ``times`` sigma."""
    stats = pytest.importorskip("scipy.stats", reason="quantiles of a Gaussian")
    return times * stats.norm.ppf((np.arange(n) + 0.5) / n)


def test_one_wild_row_does_not_make_sigma_too_small() -> None:
    z = gaussian(559, times=0.5)
    z[0] = 50.8
    found = sized(z)
    assert float((z**2).mean()) > 4  # the mean square says: errors are more than twice sigma
    assert found.size == "too_large"
    assert found.factor.value == pytest.approx(0.5, rel=0.02)
    assert found.off == {"times": pytest.approx(2.0, rel=0.02)}
    assert found.far == 1
    assert found.tail


@pytest.mark.parametrize(
    ("times", "n", "size"),
    [
        (1.0, 500, "right"), (1.15, 5000, "right"), (0.5, 300, "too_large"),
        (2.0, 300, "too_small"), (1.0, 30, "unclear"), (1.2, 40, "unclear"),
    ],
)  # fmt: skip
def test_sigma_is_called_wrong_only_where_both_quantiles_exclude_the_right_size(
    times: float, n: int, size: str
) -> None:
    found = sized(gaussian(n, times=times))
    assert found.size == size
    # of 300 rows 3.7 lie beyond 2.5 standard deviations, which are five sigma of half the size
    assert found.tail == (times == 2.0)


def test_a_sigma_that_is_hardly_off_is_not_called_one_time_too_small() -> None:
    ends = figures(within_1_sigma=(0.66, 0.65, 0.67), median_z=(0.70, 0.68, 0.86))
    found = sigma_of(ends, 100_000)
    assert found is not None
    (said,) = size(found, None, bars=False)
    assert said.code == "sigma_too_small"
    assert said.figures["extent"] == "little"
    assert "times" not in said.figures


def test_errors_of_another_shape_are_not_given_a_size() -> None:
    # 45 % beyond one sigma (too many), and yet half of the errors below 0.1 (too few)
    z = np.concatenate([np.full(275, 0.05), np.full(225, 3.0)])
    assert sized(z).size == "other_shape"


def test_a_sentence_on_the_tail_needs_rows_in_it() -> None:
    without = judge(GOOD | _quantiles(0.683, 0.674, 0.0))
    assert "sigma_tail" not in without.codes
    (one,) = judge(GOOD | _quantiles(0.683, 0.674, 1 / 500)).of("sigma_tail")
    assert (one.figures["far"], one.figures["rows"]) == (1, 500)
    # of 2 million rows one beyond five sigma is what a Gaussian has
    many = judge(GOOD | _quantiles(0.683, 0.674, 1 / 2e6), n=2_000_000)
    assert "sigma_tail" not in many.codes


def _quantiles(within: float, median: float, far: float) -> dict[str, Ends]:
    return {
        "within_1_sigma": (within, within - 0.02, within + 0.02),
        "median_z": (median, median - 0.03, median + 0.03),
        "beyond_5_sigma": (far, 0.0, 2 * far),
        "zms": (5.3, 0.35, 18.8),
    }


@pytest.mark.parametrize(
    ("rho", "code"),
    [
        ((0.4, 0.3, 0.5), "sigma_order_right"),
        ((0.2, 0.1, 0.29), "sigma_order_weak"),
        ((0.2, -0.1, 0.5), "sigma_order_unclear"),
        ((0.0, -0.05, 0.05), "sigma_order_none"),
        ((-0.3, -0.4, -0.2), "sigma_order_reversed"),
    ],
)
def test_the_rank_correlation_of_sigma_is_evaluated_by_its_interval(rho: Ends, code: str) -> None:
    assert [one.code for one in order(Figure(*rho), None)] == [code]


# --- probabilities ---------------------------------------------------------------------------


def drawn(p: np.ndarray, *, stated: np.ndarray | None = None, seed: int = 0) -> dict[str, Any]:
    """Return the metrics of P(1) where labels are drawn with the probability ``p``."""
    n = len(p)
    labels = (np.random.default_rng(seed).random(n) < p).astype(float)
    given = p if stated is None else stated
    table = {
        "id": np.arange(n).astype(str), "arm": np.full(n, "a"), "part": np.full(n, "test"),
        "target": labels, "mean": given, "std": np.sqrt(given * (1 - given)),
    }  # fmt: skip
    return evaluate(table, task="binary", levels=[], seed=0)["arms"]["a"]


def reported(arm: dict[str, Any]) -> tuple[Any, Verdict]:
    own = arm["parts"]["test"]
    metrics = {name: Figure.of(entry) for name, entry in own["metrics"].items()}
    said = verdict(arm, About("a", "binary", "metal"))
    return probabilities_of(metrics, own["n"], own["reliability"]), said


def test_honest_probabilities_are_called_honest_also_at_the_ends() -> None:
    rng = np.random.default_rng(3)
    p = rng.beta(0.3, 0.3, 4000).clip(0.001, 0.999)
    wrong = [reported(drawn(p, seed=seed))[0] != "calibrated" for seed in range(12)]
    assert sum(wrong) <= 1  # 5 % of such tests may call them off by chance


def test_probabilities_calibrated_on_average_and_off_at_zero_are_distinguished() -> None:
    rng = np.random.default_rng(4)
    p = rng.beta(0.3, 0.3, 4000).clip(0.03, 0.97)
    stated = np.where(p < 0.05, 0.001, np.where(p > 0.95, 0.999, p))  # 3 % is called 0.1 %
    judged, said = reported(drawn(p, stated=stated))
    assert judged == "off_at_ends"
    assert (said.grade, said.codes[0]) == ("caution", "trust_answers_off_at_ends")
    assert "below_1" in [one.figures["end"] for one in said.of("probabilities_off_at_end")]


def test_one_wrong_row_refutes_a_probability_of_exactly_zero() -> None:
    share, wrong = 1265 / 4921, 14 / 1265  # as a forest of 500 trees did on measured gaps
    ends = ends_of(
        figures(
            p_certain_share=(share, share, share), p_certain_stated=(0, 0, 0),
            p_certain_wrong=(wrong, wrong, wrong),
        ),
        4921,
    )  # fmt: skip
    assert [(end.rows, end.wrong, end.off) for end in ends] == [(1265, 14, True)]
    kept = ends_of(
        figures(
            p_certain_share=(share, share, share), p_certain_stated=(0, 0, 0),
            p_certain_wrong=(0, 0, 0),
        ),
        4921,
    )  # fmt: skip
    assert [end.off for end in kept] == [False]


def test_few_rows_at_an_end_prove_nothing() -> None:
    # 1 surprise of 20 where 2 % were stated: 33 % of honest tests have one or more
    one = figures(p_1_to_5_share=(0.2, 0, 1), p_1_to_5_stated=(0.02, 0, 1),
                  p_1_to_5_wrong=(0.05, 0, 1))  # fmt: skip
    assert [end.off for end in ends_of(one, 100)] == [False]


@pytest.mark.parametrize(
    ("rows", "stated", "wrong", "off"),
    [
        # P(at least so many of so many rows): 9.5 %, 9.5 %, 0.015 %, 0.02 %
        (20, 0.005, 1, False), (100, 0.001, 1, False), (100, 0.001, 3, True),
        (1000, 0.01, 23, True),
        # P(none of 300 where 2 % are stated) = 0.2 %; of 100, 13 %
        (300, 0.02, 0, True), (100, 0.02, 0, False),
        # for sure more than stated, and less than twice as many
        (1_000_000, 0.01, 11_000, False),
    ],
)  # fmt: skip
def test_an_end_is_off_where_the_exact_binomial_test_says_so(
    rows: int, stated: float, wrong: int, *, off: bool
) -> None:
    assert End("below_1", rows, stated, wrong).off == off


def test_honest_ends_are_called_off_as_seldom_as_is_said() -> None:
    stats = pytest.importorskip("scipy.stats", reason="the independent reference")
    for rows in (20, 100, 300, 1000):
        for stated in (0.0005, 0.001, 0.005, 0.03):
            alarms = sum(
                stats.binom.pmf(wrong, rows, stated)
                for wrong in range(min(rows, 120) + 1)
                if End("below_1", rows, stated, wrong).off
            )
            assert alarms < 0.01


def test_a_wrong_middle_is_found_though_mean_and_ends_are_right() -> None:
    rng = np.random.default_rng(4)
    p = rng.beta(0.2, 0.2, 5000)
    stated = np.where(rng.random(5000) < 0.04, 0.6, p)
    judged, said = reported(drawn(np.where(stated == 0.6, 0.1, p), stated=stated))
    assert judged == "off_in_between"
    assert (said.grade, said.codes[0]) == ("caution", "trust_answers_off_in_between")
    assert "probabilities_off_in_bin" in said.codes


def test_a_bin_is_tested_as_scipy_does_and_corrected_for_the_number_of_bins() -> None:
    stats = pytest.importorskip("scipy.stats", reason="the independent reference")
    for n, stated, ones in ((40, 0.3, 5), (40, 0.3, 20), (500, 0.62, 300), (7, 0.05, 0)):
        law = stats.binom(n, stated)
        wanted = min(1.0, 2 * min(law.cdf(ones), law.sf(ones - 1)))
        assert Bin(n, stated, ones).p_value == pytest.approx(wanted, abs=1e-12)

    def off(*shares: float, n: int = 100) -> int:
        honest = np.linspace(0.05, 0.95, 10)
        observed = [*shares, *honest[len(shares) :]]
        return len(
            bins_off({"predicted": honest.tolist(), "observed": observed, "materials": [n] * 10})
        )

    assert off() == 0
    assert off(0.10) == 0  # p = 0.057
    assert off(0.05, 0.24) == 0  # p = 0.022, of ten bins 0.22
    assert off(0.05, 0.35) == 1
    assert off(0.05, 0.17, n=10_000) == 0  # surely off, by two points


@pytest.mark.parametrize("n", [40, 1000])
def test_the_gap_that_chance_gives_is_that_of_honest_probabilities(n: int) -> None:
    rng = np.random.default_rng(n)
    counted, by_chance = [], []
    for _ in range(60):
        p = rng.random(n)
        arm = drawn_alone(p, (rng.random(n) < p).astype(float))
        counted.append(arm["metrics"]["ece"]["value"])
        bins = bins_of(arm["reliability"])
        by_chance.append(sum(one.n * one.by_chance for one in bins) / n)
    assert np.mean(by_chance) == pytest.approx(np.mean(counted), rel=0.1)


def drawn_alone(p: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    return score_predictions(labels, p, task="binary", seed=None)


def test_bins_hold_materials_and_not_rows() -> None:
    p, labels = np.repeat([0.25, 0.75], 20), np.repeat([0.0, 1.0], 20)
    found = score_predictions(labels, p, task="binary", materials=np.arange(40) // 4, seed=None)
    assert (found["n"], found["n_materials"]) == (40, 10)
    assert found["reliability"] == {
        "predicted": [0.25, 0.75], "observed": [0.0, 1.0], "materials": [5, 5],
    }  # fmt: skip


def test_a_calibration_error_within_chance_is_not_held_against_a_few_rows() -> None:
    few = figures(ece=(0.11, 0.09, 0.2), brier=(0.08, 0.05, 0.1))
    assert probabilities_of(few, 40, {}) == "unclear"
    assert probabilities_of(few, 4000, {}) == "off"
    # 200 honest rows are off by 0.056 or less on average: 0.08 neither shows nor excludes honesty
    some = figures(ece=(0.08, 0.05, 0.12), brier=(0.1, 0.08, 0.12))
    assert probabilities_of(some, 200, {}) == "unclear"
    few_off = figures(ece=(0.02, 0.01, 0.03), brier=(0.08, 0.07, 0.09))
    assert probabilities_of(few_off, 4000, {}) == "calibrated"


def test_sigma_of_a_class_is_not_praised_for_following_the_probability() -> None:
    # labels are coins: |y - P| still follows sigma, but wrong answers do not
    rng = np.random.default_rng(5)
    stated = rng.uniform(0, 1, 3000)
    arm = drawn(np.full(3000, 0.5), stated=stated)
    found = arm["parts"]["test"]["metrics"]
    assert found["wrong_auroc"]["low"] < 0.5 < found["wrong_auroc"]["high"]
    _, said = reported(arm)
    assert not any(code.startswith("sigma_order") for code in said.codes)
    assert "sigma_at_wrong_larger" not in said.codes


# --- grades ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "grade", "opening"),
    [
        ((0.30, 0.25, 0.39), "trust", "trust_in_domain"),
        ((0.30, 0.25, 0.41), "caution", "rough_guide"),
        ((0.95, 0.80, 1.10), "caution", "rough_guide"),
        ((0.95, 0.91, 1.10), "do_not_trust", "no_better_than_constant"),
        ((1.20, 1.05, 1.40), "do_not_trust", "worse_than_constant"),
    ],
)
def test_the_grade_is_what_the_interval_of_the_error_leaves(
    share: Ends, grade: str, opening: str
) -> None:
    said = judge(GOOD | error((0.5, 0.4, 0.6), share))
    assert (said.grade, said.codes[0]) == (grade, opening)
    mae = {"value": 0.5, "low": 0.4, "high": 0.6}
    assert said.headline[0].figures["in_domain"] == {"mae": mae, "n": 500}


def test_a_rough_guide_says_how_it_does_on_the_held_out_class() -> None:
    weak = GOOD | error((0.60, 0.50, 0.70), (0.66, 0.51, 0.88))
    there = {"picp__9": (0.81, 0.70, 0.92)} | error((0.62, 0.52, 0.75), (0.89, 0.7, 1.1))
    said = judge(weak, there, m=63)
    assert said.codes[:2] == ["rough_guide", "held_out_rough"]
    assert headline(said).endswith(
        "; on materials with F its mean error is 0.62 eV, 1.0 times that in-domain (0.8 to 1.3) and"
        " not shown to be below that of a constant guess (89 %, 70 % to 110 %)."
    )
    better = judge(weak, there | error((0.62, 0.52, 0.75), (0.6, 0.5, 0.7)), m=63)
    assert (
        "in-domain (0.8 to 1.3) and 60 % (50 % to 70 %) of that of a constant guess."
        in headline(better)
    )
    assert "held_out_rough" not in judge(weak).codes  # nothing was held out
    few = judge(weak, there, m=20).codes
    assert "held_out_few" in few
    assert "held_out_rough" not in few
    assert "held_out_rough" not in judge(GOOD, {**there, "mae": (0.15, 0.14, 0.16)}).codes


def test_what_fails_on_the_held_out_class_stands_beside_its_name() -> None:
    ood = {"score": {"auroc": {"value": 0.95, "low": 0.94, "high": 0.96}}}
    wide, narrow = {"picp__9": (0.9, 0.87, 0.93)}, {"picp__9": (0.3, 0.27, 0.33)}
    said = headline(judge(GOOD, {"mae": (0.7, 0.69, 0.71)} | wide, ood=ood))
    assert "not on materials with F (0.700);" in said
    said = headline(judge(GOOD, {"mae": (0.15, 0.14, 0.16)} | narrow, ood=ood))
    assert "not on materials with F (its error bars are too narrow there);" in said
    inside = GOOD | {"median_ae": (0.10, 0.09, 0.11)}
    median = {"mae": (0.16, 0.15, 0.17), "median_ae": (0.3, 0.29, 0.31)} | wide
    said = headline(judge(inside, median, ood=ood))
    assert "not on materials with F (its median error is 3.0 times as large (2.7 to 3.3));" in said


@pytest.mark.parametrize(("n", "grade"), [(99, "caution"), (100, "trust")])
def test_a_test_too_small_to_show_that_error_bars_hold_is_not_called_trust(
    n: int, grade: str
) -> None:
    said = judge(GOOD, n=n)
    assert (said.grade, said.headline[0].figures["in_domain"]["n"]) == (grade, n)
    ranks = {"rank_correlation": (0.7, 0.6, 0.8)}
    weak = judge(GOOD | error((0.15, 0.14, 0.16), (0.5, 0.4, 0.6)) | ranks, n=99)
    # of a small test good and weak read alike: which it is changes with the split
    assert weak.codes[0] == "rough_guide"
    assert (said.codes[0] == "rough_guide") == (n == 99)
    # the error of the good one is shown, at 0.17 to 0.19 of that of the mean: its values are of use
    assert "use_to_rank" not in said.codes
    assert "use_to_rank" in weak.codes
    assert ("test_in_folds" in said.codes) == (n == 99)


@pytest.mark.parametrize(
    ("auc", "grade"),
    [((0.9, 0.81, 0.95), "trust"), ((0.9, 0.79, 0.95), "caution"),
     ((0.6, 0.45, 0.7), "caution"), ((0.5, 0.45, 0.59), "do_not_trust")],
)  # fmt: skip
def test_the_grade_of_a_classifier_is_what_the_interval_of_its_auc_leaves(
    auc: Ends, grade: str
) -> None:
    own = {"accuracy": (0.8, 0.77, 0.83), "roc_auc": auc, "brier": (0.1, 0.09, 0.11),
           "ece": (0.02, 0.01, 0.03), "balanced_accuracy": (0.8, 0.77, 0.83)}  # fmt: skip
    assert judge(own, task="binary").grade == grade


@pytest.mark.parametrize(
    ("coverage", "n", "code"),
    [
        ((0.84, 0.80, 0.88), 500, "coverage_too_low"),
        ((0.88, 0.875, 0.885), 17_619, "coverage_slightly_low"),  # short for sure, by no matter
        ((0.80, 0.66, 0.91), 40, "coverage_unclear"),
        ((1.0, 1.0, 1.0), 30, "coverage_attained"),  # not: wider than need be
        ((1.0, 1.0, 1.0), 500, "coverage_high"),
        ((0.93, 0.91, 0.95), 500, "coverage_attained"),
    ],
)
def test_coverage_is_evaluated_by_the_interval_for_the_number_of_rows(
    coverage: Ends, n: int, code: str
) -> None:
    said = judge(GOOD | {"picp__9": coverage}, n=n)
    assert [one for one in said.codes if one.startswith("coverage_") and one in COVERAGE] == [code]
    assert ("not_its_intervals" in said.codes) == (code == "coverage_too_low")
    assert ("intervals_wider_than_needed" in said.codes) == (code == "coverage_high")


def test_a_class_with_a_larger_median_error_is_not_trusted_although_its_mean_is_alike() -> None:
    inside = GOOD | {"mae": (1.0, 0.9, 1.1), "median_ae": (0.20, 0.19, 0.21)}
    alike = {
        "mae": (1.05, 0.95, 1.15),
        "median_ae": (0.21, 0.20, 0.22),
        "picp__9": (0.9, 0.87, 0.93),
    }
    assert judge(inside, alike).grade == "trust"
    assert "median_error_grows" not in judge(inside, alike).codes
    worse = judge(inside, alike | {"median_ae": (0.40, 0.37, 0.43)})
    assert (worse.grade, worse.headline[0].figures["measure"]) == ("do_not_trust", "median_ae")
    (median,) = worse.of("median_error_grows")
    assert median.figures["in_domain"]["value"] == 0.20
    assert median.figures["times"]["value"] == pytest.approx(2.0)
    maybe = judge(inside, alike | {"median_ae": (0.30, 0.26, 0.34)})
    assert maybe.grade == "caution"
    (unclear,) = maybe.of("held_out_errors_unclear")
    assert unclear.figures["measure"] == "median_ae"
    assert unclear.figures["times"]["value"] == pytest.approx(1.5)


def test_a_class_that_may_or_may_not_be_worse_is_neither_trusted_nor_condemned() -> None:
    inside = GOOD | {"mae": (0.15, 0.13, 0.17)}
    said = judge(inside, {"mae": (0.21, 0.16, 0.26), "picp__9": (0.9, 0.85, 0.95)}, m=60)
    assert said.grade == "caution"
    (unclear,) = said.of("held_out_errors_unclear")
    assert unclear.figures["measure"] == "mae"
    assert unclear.figures["times"]["value"] == pytest.approx(1.4)


@pytest.mark.parametrize(
    ("auroc", "grade"), [((0.75, 0.71, 0.8), "caution"), ((0.75, 0.65, 0.85), "do_not_trust")]
)
def test_a_warning_counts_only_where_its_interval_shows_it(auroc: Ends, grade: str) -> None:
    area = dict(zip(("value", "low", "high"), auroc, strict=True))
    ood_test = {"mae": (0.7, 0.65, 0.75)}
    assert judge(GOOD, ood_test, ood={"sigma": {"auroc": area}}).grade == grade


@pytest.mark.parametrize(
    ("auroc", "code"),
    [
        ((0.91, 0.88, 0.94), "separated_well"),
        ((0.89, 0.86, 0.92), "separated_well"),  # another seed of the same arm
        ((0.85, 0.80, 0.89), "separated_in_part"),
        ((0.75, 0.65, 0.85), "separated_unclear"),
        ((0.65, 0.61, 0.69), "separated_not"),
    ],
)
def test_detection_is_evaluated_by_its_interval(auroc: Ends, code: str) -> None:
    area = dict(zip(("value", "low", "high"), auroc, strict=True))
    said = judge(GOOD, {"mae": (0.7, 0.65, 0.75)}, ood={"sigma": {"auroc": area}})
    assert code in said.codes
    noticed = [one.figures["how"] for one in said.of("held_out_detected")]
    reported = {"separated_well": ["well"], "separated_in_part": ["in_part"]}
    assert noticed == reported.get(code, [])
    unwarned = {"separated_unclear": "fails_maybe_undetected", "separated_not": "fails_undetected"}
    assert noticed or said.codes[0] == unwarned[code]


def test_a_missing_figure_is_never_guessed() -> None:
    said = judge({name: ends for name, ends in GOOD.items() if name != "picp__9"})
    assert said.grade == "unknown"
    assert sigma_of({}, 500) is None
    assert probabilities_of({}, 500, {}) is None


def test_of_an_order_without_an_interval_nothing_is_said() -> None:
    bare = Figure.of({"value": 0.98})
    assert not bare.known
    assert list(order(bare, None)) == []
    (alone,) = order(Figure(0.5, 0.4, 0.6), bare)
    assert alone.figures["part"] == "in_domain"
