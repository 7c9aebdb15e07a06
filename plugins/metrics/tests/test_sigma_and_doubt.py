"""Metrics of sigma and of intervals against scipy, integration and arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from atlas_core.api import MetricRows
from atlas_core.metrics.rows import floor_std
from atlas_metrics import doubt, intervals, sigma

RNG = np.random.default_rng(5)
N = 503
STD = RNG.gamma(3, 0.3, N)
Y = RNG.normal(0, 2, N)
M = Y + STD * RNG.normal(0, 1.3, N)
ERROR = Y - M


def of_sigma(name: str, y: object, m: object, s: object) -> float:
    return float(getattr(sigma, name)().value(target=y, mean=m, std=s))


def of_doubt(name: str, error: object, s: object) -> float:
    return float(getattr(doubt, name)().value(target=error, mean=np.zeros(len(s)), std=s))


def of_interval(name: str, y: object, low: object, high: object) -> float:
    metric = getattr(intervals, name)()
    return float(metric.value(target=y, lower=low, upper=high, level=0.9))


def area_of(order: object) -> float:
    """Return the area under the risk-coverage curve as the mean over every cut."""
    ranked = np.abs(ERROR)[np.argsort(order)]
    return float(np.mean([ranked[: k + 1].mean() for k in range(N)]))


def test_nll_agrees_with_the_density_of_scipy() -> None:
    expected = -stats.norm(M, STD).logpdf(Y).mean()
    assert of_sigma("nll", Y, M, STD) == pytest.approx(expected)


@pytest.mark.parametrize(("y", "m", "s"), [(0.3, 0.0, 1.0), (-2.0, 1.0, 0.5), (1.0, 1.0, 2.0)])
def test_crps_is_the_integral_of_its_definition(y: float, m: float, s: float) -> None:
    def gap(x: float) -> float:
        return float((stats.norm(m, s).cdf(x) - (x >= y)) ** 2)

    expected = integrate.quad(gap, -30, y)[0] + integrate.quad(gap, y, 30)[0]
    assert of_sigma("crps", [y], [m], [s]) == pytest.approx(expected, rel=1e-6)


def test_crps_of_a_sigma_of_zero_is_the_absolute_error() -> None:
    assert of_sigma("crps", [3.0, 1.0], [1.0, 1.0], [0.0, 0.0]) == 1.0
    assert of_sigma("crps", [3.0], [1.0], [1e-9]) == pytest.approx(2.0)


def covered_at(levels: object) -> np.ndarray:
    """Return how often scipy's central Gaussian intervals hold the target."""
    return np.array(
        [
            np.mean([lo <= y <= hi for y, lo, hi in zip(Y, *ends, strict=True)])
            for ends in (stats.norm(M, STD).interval(p) for p in levels)
        ]
    )


def test_the_calibration_curve_counts_central_intervals() -> None:
    columns = {"target": Y, "mean": M, "std": STD}
    found = sigma.covered(MetricRows(columns)).mean(axis=0)
    np.testing.assert_allclose(found[[9, 49, 89]], covered_at([0.1, 0.5, 0.9]))


def test_miscalibration_area_of_certain_and_of_unsure_models_is_a_half() -> None:
    # never covered: gaps 0.01 + ... + 0.99 = 49.5, times 0.01; always covered: the same
    assert of_sigma("miscalibration_area", [1.0], [0.0], [1e-6]) == pytest.approx(0.495)
    assert of_sigma("miscalibration_area", [0.0], [0.0], [1.0]) == pytest.approx(0.495)


def test_miscalibration_area_is_the_integral_of_the_gap() -> None:
    levels = np.arange(101) / 100
    observed = np.concatenate([[0], covered_at(levels[1:-1]), [1]])
    fine = np.linspace(0, 1, 200_001)
    gap = np.abs(np.interp(fine, levels, observed) - fine)
    expected = integrate.trapezoid(gap, fine)
    assert of_sigma("miscalibration_area", Y, M, STD) == pytest.approx(expected, rel=1e-6)


def test_both_triangles_count_where_the_curve_crosses_the_diagonal() -> None:
    gaps = np.zeros((1, 99))
    gaps[0, 40:42] = 0.1, -0.3  # triangles 0.0005, then 0.1 and 0.3 over 0.01, then 0.0015
    expected = 0.01 * (0.05 + (0.01 + 0.09) / (2 * 0.4) + 0.15)
    assert sigma.area_between(gaps)[0] == pytest.approx(expected)


def test_ence_agrees_with_a_loop_over_bins() -> None:
    parts = []
    for rows in np.array_split(np.argsort(STD), 10):
        rmv = np.sqrt(np.mean(STD[rows] ** 2))
        parts.append(abs(rmv - np.sqrt(np.mean(ERROR[rows] ** 2))) / rmv)
    assert of_sigma("ence", Y, M, STD) == pytest.approx(np.mean(parts))


def test_ence_of_equal_sigmas_does_not_depend_on_the_row_order() -> None:
    order = RNG.permutation(N)
    std = np.ones(N)
    assert of_sigma("ence", Y, M, std) == pytest.approx(of_sigma("ence", Y[order], M[order], std))


def test_zms_sharpness_and_dispersion_by_hand() -> None:
    assert of_sigma("zms", [2.0, 0.0], [0.0, 3.0], [1.0, 3.0]) == pytest.approx((4 + 1) / 2)
    zeros = [0.0, 0.0]
    assert of_sigma("sharpness", zeros, zeros, [3.0, 4.0]) == pytest.approx(np.sqrt(12.5))
    assert of_sigma("dispersion", zeros, zeros, [1.0, 3.0]) == pytest.approx(np.sqrt(2) / 2)
    expected = stats.variation(STD, ddof=1)
    assert of_sigma("dispersion", Y, M, STD) == pytest.approx(expected)


def test_quantiles_of_z_by_hand() -> None:
    columns = ([0.5, 2.0, 6.0, 0.0], np.zeros(4), np.ones(4))
    assert of_sigma("within_1_sigma", *columns) == 0.5
    assert of_sigma("beyond_5_sigma", *columns) == 0.25
    assert of_sigma("median_z", *columns) == 1.25


def test_floor_raises_only_vanishing_sigmas() -> None:
    raised, changed = floor_std([0.0, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(raised, [0.002, 1, 2, 3])  # 0.001 x median of 1, 2, 3
    assert changed.tolist() == [True, False, False, False]
    raised, changed = floor_std([0.0, 0.0])
    assert raised.tolist() == [0, 0]
    assert not changed.any()


def test_a_sigma_of_zero_has_no_metric_that_divides_by_it() -> None:
    for name in ("nll", "zms", "ence", "within_1_sigma", "median_z"):
        assert np.isnan(of_sigma(name, [1.0], [1.0], [0.0])), name
    assert np.isnan(of_sigma("ence", [1.0], [1.0], [1.0]))  # fewer rows than bins
    assert np.isnan(of_sigma("dispersion", [1.0], [1.0], [1.0]))


def test_interval_metrics_by_hand() -> None:
    columns = ([0.0, 5.0, 1.0], [-1.0, 1.0, 1.0], [1.0, 3.0, 2.0])
    assert of_interval("picp", *columns) == pytest.approx(2 / 3)  # an end counts as inside
    assert of_interval("mpiw", *columns) == pytest.approx(5 / 3)
    # widths 2 + 2 + 1, and 5 lies 2 above 3 at 2 / 0.1 each
    assert of_interval("interval_score", *columns) == pytest.approx((5 + 40) / 3)


def test_infinite_intervals_are_counted_apart() -> None:
    low, high = [-np.inf, 0.0], [np.inf, 1.0]
    assert of_interval("mpiw", [0.0, 0.0], low, high) == 1
    assert of_interval("infinite_share", [0.0, 0.0], low, high) == 0.5
    assert of_interval("picp", [100.0, 2.0], low, high) == 0.5
    assert np.isnan(of_interval("interval_score", [0.0, 0.0], low, high))
    assert np.isnan(of_interval("mpiw", [0.0], [-np.inf], [np.inf]))


@pytest.mark.parametrize("std", [STD, np.round(STD, 1)], ids=["distinct", "tied"])
def test_spearman_agrees_with_scipy(std: np.ndarray) -> None:
    expected = stats.spearmanr(np.abs(ERROR), std).statistic
    assert of_doubt("spearman", ERROR, std) == pytest.approx(expected)


def test_spearman_of_a_constant_sigma_is_undefined() -> None:
    assert np.isnan(of_doubt("spearman", ERROR, np.ones(N)))


def test_aurc_is_the_mean_over_every_cut() -> None:
    assert of_doubt("aurc", ERROR, STD) == pytest.approx(area_of(STD))


def test_aurc_of_ties_is_the_mean_over_their_orders() -> None:
    # errors 1, 2 share a sigma: orders 1,2 and 2,1 then 6: cuts (1 + 1.5 + 3) and (2 + 1.5 + 3)
    expected = ((1 + 1.5 + 3) / 3 + (2 + 1.5 + 3) / 3) / 2
    assert of_doubt("aurc", [1, -2, 6], [1, 1, 2]) == pytest.approx(expected)


def test_aurc_lies_between_the_oracle_and_what_a_random_order_gives_on_average() -> None:
    random = of_doubt("aurc_random", ERROR, STD)
    assert of_doubt("aurc_oracle", ERROR, STD) == pytest.approx(area_of(np.abs(ERROR)))
    assert random == pytest.approx(np.abs(ERROR).mean())
    drawn = [of_doubt("aurc", ERROR, RNG.random(N)) for _ in range(400)]
    assert random == pytest.approx(np.mean(drawn), rel=0.02)
    assert random == pytest.approx(of_doubt("aurc", ERROR, np.ones(N)))


def test_the_error_of_the_most_certain_four_fifths() -> None:
    kept = np.argsort(STD)[: round(0.8 * N)]
    assert of_doubt("mae_at_80", ERROR, STD) == pytest.approx(np.abs(ERROR)[kept].mean())
    # of 5 rows 4 are kept: 1, 2 and two of the three that share a sigma, 3 + 4 + 8 = 15 in all
    found = of_doubt("mae_at_80", [1, -2, 3, 4, -8], [1, 2, 3, 3, 3])
    assert found == pytest.approx((1 + 2 + 2 * 15 / 3) / 4)
    assert of_doubt("mae_at_80", [7], [1]) == 7  # one row at least


def test_ause_is_zero_for_the_oracle_and_the_random_mark_for_a_constant() -> None:
    assert of_doubt("ause", ERROR, np.abs(ERROR)) == pytest.approx(0, abs=1e-12)
    # errors 1, 3: oracle cuts 1, 2; random 2, 2; so (2 - 1.5) / 2
    assert of_doubt("ause_random", [1.0, 3.0], [1.0, 1.0]) == pytest.approx(0.25)
    assert of_doubt("ause", [1.0, 3.0], [2.0, 1.0]) == pytest.approx((2.5 - 1.5) / 2)
    assert np.isnan(of_doubt("ause", [0.0], [1.0]))


def test_error_auroc_agrees_with_scikit_learn() -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="the independent reference")
    top = np.zeros(N)
    top[np.argsort(np.abs(ERROR))[-50:]] = 1  # a tenth of 503 rows
    expected = sk.roc_auc_score(top, STD)
    assert of_doubt("error_auroc", ERROR, STD) == pytest.approx(expected)
    assert np.isnan(of_doubt("error_auroc", [1.0, 1.0], [1.0, 2.0]))


def test_wrong_answers_are_found_as_scikit_learn_finds_them() -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="the independent reference")
    p = RNG.random(N)
    y = (RNG.random(N) < p).astype(float)
    found = doubt.wrong_auroc().value(task="binary", target=y, mean=p, std=STD)
    assert found == pytest.approx(sk.roc_auc_score((p > 0.5) != (y == 1), STD))
