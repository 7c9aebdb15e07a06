"""Groups below a promised share: every p-value is that of scipy, worked out from the counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from atlas_evaluation.scoring import shares
from atlas_statistics import binomial

TABLES = [
    ([(87, 103), (217, 220)], 0.9),  # oxides of a random forest, and all other families
    ([(15505, 17619), (5305, 6001), (877, 1000), (9150, 10000)], 0.9),
    ([(30, 40), (39, 40), (28, 31)], 0.8),
    ([(0, 30), (30, 30)], 0.5),
]


def found(counts: list[tuple[int, int]], level: float) -> dict:
    hits = {f"g{k}": hit for k, (hit, _) in enumerate(counts)}
    return shares.shortfalls(hits, {f"g{k}": n for k, (_, n) in enumerate(counts)}, level)


@pytest.mark.parametrize(("counts", "level"), TABLES)
def test_each_group_is_held_against_the_level_by_the_binomial_test_of_scipy(
    counts: list[tuple[int, int]], level: float
) -> None:
    p = [stats.binomtest(hit, n, level, alternative="less").pvalue for hit, n in counts]
    result = found(counts, level)
    assert result["p_value"] == pytest.approx(min(1, len(p) * min(p)))
    for one in result["below"]:
        assert one["p_level"] >= p[int(one["group"][1:])] * (1 - 1e-9)


@pytest.mark.parametrize(("counts", "level"), TABLES)
def test_each_group_is_held_against_the_others_by_fishers_test_of_scipy(
    counts: list[tuple[int, int]], level: float
) -> None:
    hits, n = np.array(counts).T
    for k in range(len(counts)):
        rest = (int(hits.sum() - hits[k]), int(n.sum() - n[k]))
        table = [[hits[k], n[k] - hits[k]], [rest[0], rest[1] - rest[0]]]
        expected = stats.fisher_exact(table, alternative="less").pvalue
        assert binomial.fisher_below(int(hits[k]), int(n[k]), *rest) == pytest.approx(
            expected, rel=1e-6, abs=1e-300
        )


@pytest.mark.parametrize("counts", [TABLES[0][0], TABLES[1][0]])
def test_homogeneity_is_pearsons_test_of_scipy_where_every_cell_is_large(
    counts: list[tuple[int, int]],
) -> None:
    hits, n = np.array(counts).T
    expected = stats.chi2_contingency([hits, n - hits], correction=False).pvalue
    assert shares.homogeneity_p(hits.tolist(), n.tolist()) == pytest.approx(expected)


def test_homogeneity_of_small_groups_is_the_exact_test() -> None:
    # of one row of two shares the statistic orders tables as fisher's two-sided test does here
    expected = stats.fisher_exact([[26, 4], [30, 0]]).pvalue
    assert shares.homogeneity_p([26, 30], [30, 30]) == pytest.approx(expected, abs=0.015)
    assert shares.homogeneity_p([30, 30], [30, 30]) == 1
    assert shares.homogeneity_p([30], [40]) == 1


def test_holms_correction_by_hand() -> None:
    # sorted 0.01, 0.03, 0.04: times 3, 2, 1 is 0.03, 0.06, 0.04, never falling
    assert shares.holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert shares.holm([0.5, 0.9]) == [1, 1]


def test_all_groups_below_are_named_and_none_above() -> None:
    result = found([(15505, 17619), (5305, 6001), (9400, 10000), (45, 50)], 0.9)
    assert [one["group"] for one in result["below"]] == ["g0", "g1"]
    first = stats.binomtest(15505, 17619, 0.9, alternative="less").pvalue
    second = stats.binomtest(5305, 6001, 0.9, alternative="less").pvalue
    assert result["below"][0]["p_level"] == pytest.approx(4 * first, rel=1e-6)
    assert result["below"][1]["p_level"] == pytest.approx(3 * second)


def test_a_group_far_below_the_others_is_named_though_its_own_rows_do_not_prove_it() -> None:
    alone = stats.binomtest(87, 103, 0.9, alternative="less").pvalue
    result = found(TABLES[0][0], 0.9)
    (one,) = result["below"]
    assert one["p_level"] == pytest.approx(2 * alone)
    assert one["p_level"] > binomial.BY_CHANCE
    table = [[87, 16], [217, 3]]
    assert one["p_others"] == pytest.approx(
        2 * stats.fisher_exact(table, alternative="less").pvalue
    )


def test_a_single_group_below_is_named() -> None:
    (one,) = found([(70, 100)], 0.9)["below"]
    assert one["p_level"] == pytest.approx(stats.binomtest(70, 100, 0.9, alternative="less").pvalue)
    assert one["p_others"] == 1
    assert found([(86, 100)], 0.9)["below"] == []


@pytest.mark.parametrize(
    "counts",
    [
        [(94, 100), (330, 330)],  # far below the others, but above the promise
        [(88, 100), (91, 100), (90, 100)],  # as low as chance makes one of three
        [(90, 100), (90, 100)],  # the promise itself
    ],
)
def test_no_group_is_named_where_none_is_below(counts: list[tuple[int, int]]) -> None:
    assert found(counts, 0.9)["below"] == []


def test_where_every_group_is_calibrated_one_is_named_in_one_table_of_ten_at_most() -> None:
    rng = np.random.default_rng(3)
    sizes = [40, 60, 200, 1000, 45]
    named = sum(
        bool(found([(int(rng.binomial(n, 0.9)), n) for n in sizes], 0.9)["below"])
        for _ in range(300)
    )
    assert named <= 30


@pytest.mark.parametrize(("calibration", "k"), [(30, 28), (99, 90), (600, 541)])
@pytest.mark.parametrize(("hits", "n"), [(0, 40), (170, 200), (33.4, 40), (200, 200)])
def test_the_luck_of_the_calibration_draw_is_the_beta_binomial_of_scipy(
    calibration: int, k: int, hits: float, n: int
) -> None:
    expected = stats.betabinom(n, k, calibration + 1 - k).cdf(np.ceil(hits))
    found = shares.shortfall_p(hits, n, 0.9, calibration=calibration)
    assert found == pytest.approx(expected, rel=1e-6)


def test_too_few_calibration_materials_for_a_level_have_no_draw() -> None:
    # eight calibration materials cannot make a finite interval of 90 %
    assert shares.shortfall_p(35, 40, 0.9, calibration=8) == shares.shortfall_p(35, 40, 0.9)


@pytest.mark.parametrize("calibration", [30, 150])
def test_exchangeable_groups_of_calibrated_intervals_are_named_at_the_nominal_rate(
    calibration: int,
) -> None:
    rng = np.random.default_rng(calibration)
    k = int(np.ceil((calibration + 1) * 0.9))
    sizes = {f"g{j}": 200 for j in range(5)}
    named = bare = 0
    for _ in range(400):
        end = np.sort(rng.random(calibration))[k - 1]  # split conformal: the k-th score
        hits = {name: int((rng.random(n) <= end).sum()) for name, n in sizes.items()}
        one = shares.shortfalls(hits, sizes, 0.9, calibration=calibration)
        named += bool(one["below"])
        bare += bool(shares.shortfalls(hits, sizes, 0.9)["below"])
    assert named <= 36  # two tests at 5 %
    assert bare > 50  # the binomial test takes the luck of the draw for a fault


def test_counts_that_are_not_whole_are_rounded_against_the_claim() -> None:
    assert shares.shortfall_p(34.2, 40, 0.9) == shares.shortfall_p(35, 40, 0.9)
    assert shares.shortfall_p(35 + 1e-12, 40, 0.9) == shares.shortfall_p(35, 40, 0.9)
    assert binomial.fisher_below(34.2, 40, 39.8, 40) == binomial.fisher_below(35, 40, 39, 40)


def test_the_least_of_several_shares_is_named_where_fishers_test_is_significant() -> None:
    p = stats.fisher_exact([[60, 40], [180, 20]], alternative="less").pvalue
    assert 3 * p < 0.05
    assert binomial.surely_least([90, 60, 90], [100, 100, 100]) == 1
    assert binomial.surely_least([90, 88, 90], [100, 100, 100]) is None
    assert binomial.surely_least([0], [100]) is None
    rng = np.random.default_rng(5)
    hits = rng.binomial(40, 0.9, size=(500, 5)).tolist()
    assert sum(binomial.surely_least(one, [40] * 5) is not None for one in hits) <= 30
