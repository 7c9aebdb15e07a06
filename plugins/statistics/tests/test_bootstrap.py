"""Bootstrap intervals and paired comparisons against scipy and known sampling errors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from atlas_statistics import bootstrap

RNG = np.random.default_rng(8)


def test_counts_of_a_resample_add_up_and_depend_on_the_seed_alone() -> None:
    first, again, other = (
        np.concatenate(list(bootstrap.resample(np.arange(40), resamples=30, seed=s)))
        for s in (1, 1, 2)
    )
    assert first.shape == (30, 40)
    assert (first.sum(axis=1) == 40).all()
    assert (first == again).all()
    assert (first != other).any()


def test_rows_of_one_material_are_drawn_together() -> None:
    materials = bootstrap.numbered(np.array(["b", "a", "b", "c"]))
    assert materials.tolist() == [0, 1, 0, 2]
    counts = np.concatenate(list(bootstrap.resample(materials, resamples=50, seed=0)))
    assert (counts[:, 0] == counts[:, 2]).all()
    assert (counts[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_a_large_table_comes_in_blocks_with_the_right_number_of_resamples() -> None:
    n = bootstrap.BLOCK // 2
    sizes = [len(c) for c in bootstrap.resample(np.arange(n), resamples=5, seed=0)]
    assert sizes == [2, 2, 1]


def test_the_interval_of_a_mean_is_two_standard_errors_each_way() -> None:
    values = RNG.normal(3, 1, 2000)
    interval = bootstrap.paired_difference(values, np.zeros(2000), seed=0)
    error = values.std() / np.sqrt(2000)
    assert interval.difference == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert interval.high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)


def test_an_interval_that_leaves_its_estimate_out_is_none() -> None:
    assert bootstrap.percentile_interval(3.0, [1.0, 2.0]) is None
    assert bootstrap.percentile_interval(np.nan, [1.0]) is None
    assert bootstrap.percentile_interval(1.0, [np.nan]) is None
    assert bootstrap.percentile_ends([]) is None


def test_one_undefined_draw_leaves_no_interval_and_rounding_is_no_exclusion() -> None:
    assert bootstrap.percentile_interval(1.5, [1.0, 2.0]) is not None
    assert bootstrap.percentile_interval(1.5, [1.0, np.nan, 2.0]) is None
    constant = bootstrap.percentile_interval(0.1 + 0.2, [0.3] * 9)
    assert constant is not None
    assert constant.low <= constant.value <= constant.high
    assert (constant.low, constant.high) == pytest.approx((0.3, 0.3))


def test_classes_that_never_overlapped_may_overlap_yet() -> None:
    """Of 20 materials that all rank right, Wilson's lower end is n / (n + 1.96^2)."""
    perfect = bootstrap.order_interval(bootstrap.Interval(1.0, 1.0, 1.0), [20])
    assert perfect is not None
    assert (perfect.low, perfect.high) == pytest.approx((20 / (20 + 1.959964**2), 1.0))
    wrong = bootstrap.order_interval(bootstrap.Interval(0.0, 0.0, 0.0), [20])
    assert wrong is not None
    assert (wrong.low, wrong.high) == pytest.approx((0.0, 1 - 20 / (20 + 1.959964**2)))
    wide = bootstrap.Interval(0.9, 0.8, 0.95)
    assert bootstrap.order_interval(wide, [20]) == wide


def test_an_order_of_few_materials_of_a_class_has_no_interval() -> None:
    ends = bootstrap.Interval(0.9, 0.89, 0.91)
    assert bootstrap.order_interval(ends, [9]) is None
    assert bootstrap.order_interval(ends, [10]) == ends
    # the mean of folds of 40 and 2: 2^2 / (1 / 40 + 1 / 2) is 7.6
    assert bootstrap.order_interval(ends, [40, 2]) is None
    assert bootstrap.order_interval(ends, [40, 0]) is None
    # of folds of 30 and 6: 20, of which 18 are nine tenths
    wilson = stats.binomtest(18, 20).proportion_ci(method="wilson")
    wider = bootstrap.order_interval(ends, [30, 6])
    assert wider is not None
    assert (wider.low, wider.high) == pytest.approx((wilson.low, wilson.high))


def test_paired_difference_sees_through_what_the_rows_have_in_common() -> None:
    hard = RNG.exponential(1, 300)
    difference = bootstrap.paired_difference(hard + 0.05 + RNG.normal(0, 0.1, 300), hard, seed=4)
    assert difference.n == 300
    assert 0.02 < difference.low < difference.difference < difference.high < 0.09
    assert difference.p_value == pytest.approx(2 / 1001)
    assert 0.15 < difference.share_better < 0.5


def test_equal_errors_differ_by_nothing() -> None:
    error = RNG.exponential(1, 50)
    same = bootstrap.paired_difference(error, error, seed=4)
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    assert same.share_better == 0.5


def test_p_values_of_no_difference_are_uniform() -> None:
    p = [
        bootstrap.paired_difference(*RNG.normal(size=(2, 40)), seed=s, resamples=200).p_value
        for s in range(200)
    ]
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_the_p_value_agrees_with_the_t_test() -> None:
    a, b = RNG.normal(0.2, 1, 200), RNG.normal(0, 1, 200)
    p = bootstrap.paired_difference(a, b, seed=0, resamples=4000).p_value
    assert p == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=0.03)


def test_error_vectors_must_match() -> None:
    with pytest.raises(ValueError, match="one length"):
        bootstrap.paired_difference([1.0], [1.0, 2.0], seed=0)
    with pytest.raises(ValueError, match="not finite"):
        bootstrap.paired_difference([np.nan], [1.0], seed=0)


def test_a_figure_stands_out_from_the_mean_of_the_others_by_hand() -> None:
    # 1.0 above the others' mean; its error is hypot(0.3, hypot(0.4, 0.4) / 2) = 0.412; of three
    # figures together 5 % one-sided is z = 2.128, so that 0.877 is too far for chance
    assert bootstrap.stands_out([2.0, 1.0, 1.0], [0.3, 0.4, 0.4], [50, 50, 50]) == 0
    assert bootstrap.stands_out([1.87, 1.0, 1.0], [0.3, 0.4, 0.4], [50, 50, 50]) is None
    assert bootstrap.stands_out([1.0, 1.88, 1.0], [0.4, 0.3, 0.4], [50, 50, 50]) == 1
    assert bootstrap.stands_out([2.0, 1.0, 1.0], [0.3, 0.4, 0.4], [9, 50, 50]) is None
    assert bootstrap.stands_out([2.0], [0.1], [50]) is None
    assert bootstrap.stands_out([1.0, 1.0], [0.0, 0.0], [50, 50]) is None
    # a single material has no spread: it is no figure that another could stand out from
    assert bootstrap.stands_out([2.0, 1.0], [0.1, 0.0], [50, 1]) is None
    assert bootstrap.stands_out([1.0, 0.5], [float("nan"), 0.1], [50, 50]) is None


@pytest.mark.parametrize("folds", [2, 5])
def test_of_equal_folds_none_stands_out(folds: int) -> None:
    rng = np.random.default_rng(folds)
    errors = np.exp(rng.normal(size=(500, folds, 40)))
    means, spreads = errors.mean(axis=2), errors.std(axis=2) / np.sqrt(39)
    sizes = [40] * folds
    pairs = zip(means, spreads, strict=True)
    reported = [bootstrap.stands_out(*pair, sizes) is not None for pair in pairs]
    assert np.mean(reported) < 0.07
