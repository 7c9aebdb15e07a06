"""Metrics of sigma and of intervals against scipy, integration and arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from atlas_core.metrics import uncertainty

RNG = np.random.default_rng(5)
N = 503
STD = RNG.gamma(3, 0.3, N)
Y = RNG.normal(0, 2, N)
M = Y + STD * RNG.normal(0, 1.3, N)
ERROR = Y - M


def test_nll_agrees_with_the_density_of_scipy() -> None:
    expected = -stats.norm(M, STD).logpdf(Y).mean()
    assert uncertainty.nll(Y, M, STD) == pytest.approx(expected)


@pytest.mark.parametrize(("y", "m", "s"), [(0.3, 0.0, 1.0), (-2.0, 1.0, 0.5), (1.0, 1.0, 2.0)])
def test_crps_is_the_integral_of_its_definition(y: float, m: float, s: float) -> None:
    def gap(x: float) -> float:
        return float((stats.norm(m, s).cdf(x) - (x >= y)) ** 2)

    expected = integrate.quad(gap, -30, y)[0] + integrate.quad(gap, y, 30)[0]
    assert uncertainty.crps([y], [m], [s]) == pytest.approx(expected, rel=1e-6)


def test_crps_of_a_sigma_of_zero_is_the_absolute_error() -> None:
    assert uncertainty.crps([3.0, 1.0], [1.0, 1.0], [0.0, 0.0]) == 1.0
    assert uncertainty.crps([3.0], [1.0], [1e-9]) == pytest.approx(2.0)


def test_calibration_curve_counts_central_intervals() -> None:
    levels = [0.1, 0.5, 0.9]
    expected = [
        np.mean(
            [lo <= y <= hi for y, lo, hi in zip(Y, *stats.norm(M, STD).interval(p), strict=True)]
        )
        for p in levels
    ]
    np.testing.assert_allclose(uncertainty.calibration_curve(Y, M, STD, levels), expected)


def test_miscalibration_area_of_certain_and_of_unsure_models_is_a_half() -> None:
    # never covered: gaps 0.01 + ... + 0.99 = 49.5, times 0.01; always covered: the same
    assert uncertainty.miscalibration_area([1.0], [0.0], [1e-6]) == pytest.approx(0.495)
    assert uncertainty.miscalibration_area([0.0], [0.0], [1.0]) == pytest.approx(0.495)


def test_miscalibration_area_is_the_integral_of_the_gap() -> None:
    levels = np.arange(101) / 100
    observed = np.concatenate([[0], uncertainty.calibration_curve(Y, M, STD), [1]])
    fine = np.linspace(0, 1, 200_001)
    gap = np.abs(np.interp(fine, levels, observed) - fine)
    expected = integrate.trapezoid(gap, fine)
    assert uncertainty.miscalibration_area(Y, M, STD) == pytest.approx(expected, rel=1e-6)


def test_both_triangles_count_where_the_curve_crosses_the_diagonal() -> None:
    gaps = np.zeros((1, 99))
    gaps[0, 40:42] = 0.1, -0.3  # triangles 0.0005, then 0.1 and 0.3 over 0.01, then 0.0015
    expected = 0.01 * (0.05 + (0.01 + 0.09) / (2 * 0.4) + 0.15)
    assert uncertainty.area_between(gaps)[0] == pytest.approx(expected)


def test_ence_agrees_with_a_loop_over_bins() -> None:
    parts = []
    for rows in np.array_split(np.argsort(STD), 10):
        rmv = np.sqrt(np.mean(STD[rows] ** 2))
        parts.append(abs(rmv - np.sqrt(np.mean(ERROR[rows] ** 2))) / rmv)
    assert uncertainty.ence(Y, M, STD) == pytest.approx(np.mean(parts))


def test_ence_of_equal_sigmas_does_not_depend_on_the_row_order() -> None:
    order = RNG.permutation(N)
    std = np.ones(N)
    assert uncertainty.ence(Y, M, std) == pytest.approx(uncertainty.ence(Y[order], M[order], std))


def test_zms_sharpness_and_dispersion_by_hand() -> None:
    assert uncertainty.zms([2.0, 0.0], [0.0, 3.0], [1.0, 3.0]) == pytest.approx((4 + 1) / 2)
    assert uncertainty.sharpness([3.0, 4.0]) == pytest.approx(np.sqrt(12.5))
    assert uncertainty.dispersion([1.0, 3.0]) == pytest.approx(np.sqrt(2) / 2)
    assert uncertainty.dispersion(STD) == pytest.approx(stats.variation(STD, ddof=1))


def test_floor_raises_only_vanishing_sigmas() -> None:
    raised, changed = uncertainty.floor_std([0.0, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(raised, [0.002, 1, 2, 3])  # 0.001 x median of 1, 2, 3
    assert changed.tolist() == [True, False, False, False]
    raised, changed = uncertainty.floor_std([0.0, 0.0])
    assert raised.tolist() == [0, 0]
    assert not changed.any()


def test_a_sigma_of_zero_is_refused_where_it_divides() -> None:
    for metric in (uncertainty.nll, uncertainty.zms, uncertainty.ence):
        with pytest.raises(ValueError, match="floor_std"):
            metric([1.0], [1.0], [0.0])
    with pytest.raises(ValueError, match="finite std"):
        uncertainty.crps([1.0], [1.0], [-1.0])
    with pytest.raises(ValueError, match="as many rows"):
        uncertainty.ence([1.0], [1.0], [1.0])
    with pytest.raises(ValueError, match="two rows"):
        uncertainty.dispersion([1.0])


def test_interval_metrics_by_hand() -> None:
    y, low, high = [0.0, 5.0, 1.0], [-1.0, 1.0, 1.0], [1.0, 3.0, 2.0]
    assert uncertainty.picp(y, low, high) == pytest.approx(2 / 3)  # an end counts as inside
    assert uncertainty.mpiw(low, high) == pytest.approx(5 / 3)
    # widths 2 + 2 + 1, and 5 lies 2 above 3 at 2 / 0.1 each
    assert uncertainty.interval_score(y, low, high, level=0.9) == pytest.approx((5 + 40) / 3)


def test_infinite_intervals_are_counted_apart() -> None:
    low, high = [-np.inf, 0.0], [np.inf, 1.0]
    assert uncertainty.mpiw(low, high) == 1
    assert uncertainty.infinite_share(low, high) == 0.5
    assert uncertainty.picp([100.0, 2.0], low, high) == 0.5
    with pytest.raises(ValueError, match="infinite"):
        uncertainty.interval_score([0.0, 0.0], low, high, level=0.9)
    with pytest.raises(ValueError, match="no interval is finite"):
        uncertainty.mpiw([-np.inf], [np.inf])
    with pytest.raises(ValueError, match="NaN or below"):
        uncertainty.picp([0.0], [1.0], [0.0])


@pytest.mark.parametrize("std", [STD, np.round(STD, 1)], ids=["distinct", "tied"])
def test_spearman_agrees_with_scipy(std: np.ndarray) -> None:
    expected = stats.spearmanr(np.abs(ERROR), std).statistic
    assert uncertainty.spearman(ERROR, std) == pytest.approx(expected)


def test_spearman_of_a_constant_sigma_is_refused() -> None:
    with pytest.raises(ValueError, match="not constant"):
        uncertainty.spearman(ERROR, np.ones(N))


def test_aurc_is_the_mean_over_every_cut() -> None:
    sorted_error = np.abs(ERROR)[np.argsort(STD)]
    expected = np.mean([sorted_error[: k + 1].mean() for k in range(N)])
    coverage, risk = uncertainty.risk_coverage(ERROR, STD)
    assert uncertainty.aurc(ERROR, STD) == pytest.approx(expected)
    assert risk.mean() == pytest.approx(expected)
    assert coverage[-1] == 1
    assert risk[-1] == pytest.approx(np.abs(ERROR).mean())


def test_aurc_of_ties_is_the_mean_over_their_orders() -> None:
    # errors 1, 2 share a sigma: orders 1,2 and 2,1 then 6: cuts (1 + 1.5 + 3) and (2 + 1.5 + 3)
    expected = ((1 + 1.5 + 3) / 3 + (2 + 1.5 + 3) / 3) / 2
    assert uncertainty.aurc([1, -2, 6], [1, 1, 2]) == pytest.approx(expected)
    assert uncertainty.risk_coverage([1, -2, 6], [1, 1, 2])[1].mean() == pytest.approx(expected)


def test_aurc_lies_between_the_oracle_and_what_a_coin_gives_on_average() -> None:
    size = np.abs(ERROR)
    expected = np.mean([np.sort(size)[: k + 1].mean() for k in range(N)])
    assert uncertainty.aurc_oracle(ERROR) == pytest.approx(expected)
    assert uncertainty.aurc_random(ERROR) == pytest.approx(size.mean())
    coins = [uncertainty.aurc(ERROR, RNG.random(N)) for _ in range(400)]
    assert uncertainty.aurc_random(ERROR) == pytest.approx(np.mean(coins), rel=0.02)
    assert uncertainty.aurc_random(ERROR) == pytest.approx(uncertainty.aurc(ERROR, np.ones(N)))


def test_mae_at_coverage_keeps_the_surest() -> None:
    kept = np.argsort(STD)[: round(0.8 * N)]
    assert uncertainty.mae_at_coverage(ERROR, STD) == pytest.approx(np.abs(ERROR)[kept].mean())
    assert uncertainty.mae_at_coverage(ERROR, STD, coverage=1) == pytest.approx(
        np.abs(ERROR).mean()
    )
    # of 5 rows 4 are kept: 1, 2 and two of the three that share a sigma, 3 + 4 + 8 = 15 in all
    found = uncertainty.mae_at_coverage([1, -2, 3, 4, -8], [1, 2, 3, 3, 3])
    assert found == pytest.approx((1 + 2 + 2 * 15 / 3) / 4)
    assert uncertainty.mae_at_coverage([7], [1], coverage=0.1) == 7  # one row at least
    with pytest.raises(ValueError, match=r"coverage 0 is not in \(0, 1\]"):
        uncertainty.mae_at_coverage(ERROR, STD, coverage=0)


def test_ause_is_zero_for_the_oracle_and_the_random_mark_for_a_constant() -> None:
    assert uncertainty.ause(ERROR, np.abs(ERROR)) == pytest.approx(0, abs=1e-12)
    # errors 1, 3: oracle cuts 1, 2; random 2, 2; so (2 - 1.5) / 2
    assert uncertainty.ause_random([1.0, 3.0]) == pytest.approx(0.25)
    assert uncertainty.ause([1.0, 3.0], [2.0, 1.0]) == pytest.approx((2.5 - 1.5) / 2)
    with pytest.raises(ValueError, match="every error is 0"):
        uncertainty.ause([0.0], [1.0])


def test_error_auroc_agrees_with_scikit_learn() -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="the independent reference")
    top = np.zeros(N)
    top[np.argsort(np.abs(ERROR))[-50:]] = 1  # a tenth of 503 rows
    expected = sk.roc_auc_score(top, STD)
    assert uncertainty.error_auroc(ERROR, STD) == pytest.approx(expected)
    with pytest.raises(ValueError, match="all equal"):
        uncertainty.error_auroc([1.0, 1.0], [1.0, 2.0])
