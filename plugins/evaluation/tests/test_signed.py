"""Signed errors by element: the interval and the test of scipy, and when no bias is reported."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from atlas_core.elements import ATOMIC_NUMBER
from atlas_evaluation.scoring.chemistry import Chemistry
from atlas_evaluation.scoring.signed import biases


def test_the_interval_is_that_of_student_corrected_for_the_number_of_groups() -> None:
    rng = np.random.default_rng(3)
    groups = [rng.normal(0.4, 1.0, m) for m in (10, 40, 200)]
    for values, found in zip(groups, biases([*groups, rng.normal(size=9)]), strict=False):
        # the fourth group is too small to be tested, so three are
        wanted = stats.ttest_1samp(values, 0.0).confidence_interval(1 - 0.05 / 3)
        assert found.ends == pytest.approx((wanted.low, wanted.high))
        p = stats.wilcoxon(values).pvalue
        assert found.off == (not wanted.low < 0 < wanted.high and p < 0.05 / 3)
        assert found.mean == pytest.approx(values.mean())


def test_ten_of_one_sign_are_off_among_twenty_five_groups_and_not_among_twenty_six() -> None:
    # all ten too high: of 1,024 signs two are as extreme, and 2 / 1,024 < 0.05 / k up to k = 25
    shifted = np.linspace(0.9, 1.1, 10)
    quiet = np.tile([-1.0, 1.0], 10) * np.linspace(0.5, 1.5, 20)
    for others, off in ((24, True), (25, False)):
        found = biases([shifted] + [quiet] * others)
        assert [one.off for one in found] == [off] + [False] * others


def test_nine_formulas_have_a_mean_and_no_interval() -> None:
    text = np.array([f"WO{k + 1}" for k in range(9)])
    found = Chemistry(text).errors(np.full(9, 2.0), np.arange(9))["W"]
    assert found["mean_error"] == 2.0
    assert not found["off"]
    assert "low" not in found


def test_the_mean_weighs_a_formula_once_and_keeps_the_sign() -> None:
    text = np.array(["FeO", "FeO", "FeO", "Fe2O3"])
    found = Chemistry(text).errors(np.array([-1.0, -2.0, -3.0, 4.0]), np.arange(4))
    assert found["Fe"]["mean_error"] == pytest.approx((-2.0 + 4.0) / 2)
    assert found["Fe"]["mae"] == pytest.approx(10 / 4)


def test_one_large_error_is_no_bias_and_neither_are_errors_that_are_all_zero() -> None:
    outlier = np.r_[np.tile([-0.1, 0.1], 15), 80.0]
    assert not biases([outlier])[0].off
    assert not biases([np.zeros(20)])[0].off


@pytest.mark.parametrize(
    "drawn",
    [
        lambda rng: rng.normal(size=200),
        lambda rng: rng.standard_t(3, size=200),
        lambda rng: rng.normal(size=200) * rng.lognormal(0, 1, size=200),
        lambda rng: rng.gamma(2.0, 1.0, size=200) - 2.0,
    ],
    ids=["normal", "heavy tails", "mixed sizes", "skewed"],
)
def test_errors_without_a_bias_mark_an_element_in_one_table_of_twenty_at_most(
    drawn: object,
) -> None:
    rng = np.random.default_rng(4)
    symbols = list(ATOMIC_NUMBER)[:30]
    marked = 0
    for _ in range(40):
        triples = rng.permuted(np.tile(np.arange(30), (200, 1)), axis=1)[:, :3]
        text = np.array(["".join(symbols[k] for k in row) for row in triples])
        found = Chemistry(text).errors(drawn(rng), np.arange(200))
        marked += any(own["off"] for own in found.values())
    assert marked <= 6  # 2 are expected at most, and more than 6 once in 300 tests


def test_an_element_predicted_too_low_is_found() -> None:
    rng = np.random.default_rng(8)
    symbols = np.array(["Fe", "Ni", "Co", "Cr", "Mn", "Cu", "Zn", "Ti", "W"])
    pairs = [rng.choice(symbols, 2, replace=False) for _ in range(400)]
    text = np.array(["".join(pair) + str(k + 2) for k, pair in enumerate(pairs)])
    with_w = np.array(["W" in pair for pair in pairs])
    found = Chemistry(text).errors(rng.normal(0, 0.3, 400) - 0.3 * with_w, np.arange(400))
    assert "W" in [symbol for symbol, own in found.items() if own["off"]]
    assert found["W"]["high"] < 0
    none = Chemistry(text).errors(rng.normal(0, 0.3, 400), np.arange(400))
    assert not any(own["off"] for own in none.values())
