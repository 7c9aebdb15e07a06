"""A factor and a line on sigma, with errors of long tails, against maximum likelihood by scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import differential_evolution
from scipy.stats import norm, t

from atlas_calibration import hooks, linear, variance_scaling
from atlas_core.api import CalibrationRequest, DataError, FitContext, Inputs, Materials, Prediction

LEVELS = (0.5, 0.8, 0.9)


def inputs(n):
    return Inputs.of(Materials.from_formulas([str(i) for i in range(n)], ["NaCl"] * n))


def asked(prediction, target, *, task="regression", levels=LEVELS):
    return CalibrationRequest(prediction, target, inputs(len(target)), levels, FitContext(0, task))


def line(sigma, target, *, tails="student_t", **parts):
    parts = parts or {"epistemic": sigma}
    return linear.Linear(hooks.LinearConfig(tails=tails)).calibrate(
        asked(Prediction(np.zeros(len(target)), **parts), target, task="regression")
    )


def test_the_line_is_the_most_likely_one():
    rng = np.random.default_rng(3)
    sigma = rng.gamma(2.0, 0.5, 400)
    target = (2.0 * sigma + 0.7) * rng.normal(size=400)

    def loss(ab):
        return -norm.logpdf(target, scale=ab[0] * sigma + ab[1]).mean()

    best = differential_evolution(loss, [(0, 10), (1e-3, 10)], seed=0, tol=1e-10)
    found = line(sigma, target, tails="gaussian")
    np.testing.assert_allclose([found.slope, found.offset], best.x, rtol=1e-3)


@pytest.mark.parametrize(
    ("slope", "offset", "unit"),
    [(3.0, 0.0, 1.0), (3.0, 0.0, 1e-3), (0.0, 0.4, 1.0), (0.0, 0.4, 1e4), (0.5, 0.2, 1e-3)],
)
def test_a_line_is_found_in_any_unit(slope, offset, unit):
    rng = np.random.default_rng(4)
    sigma = unit * rng.gamma(2.0, 0.5, 6_000)
    found = line(sigma, (slope * sigma + offset * unit) * rng.normal(size=6_000))
    np.testing.assert_allclose([found.slope, found.offset / unit], [slope, offset], atol=0.05)


def test_parts_keep_their_ratio_and_a_sigma_of_zero_gets_the_offset():
    calibration = linear_at(2.0, 1.0)
    done = calibration(
        Prediction(
            np.array([5.0, 5.0]),
            np.array([3.0, 0.0]),
            np.array([4.0, 0.0]),
            samples=np.array([[4.0, 5.0], [6.0, 5.0]]),
        ),
        inputs(2),
    )
    # sigma 5 becomes 11; sigma 0 becomes 1
    np.testing.assert_allclose(done.epistemic, [3 * 11 / 5, 1.0])
    np.testing.assert_allclose(done.aleatoric, [4 * 11 / 5, 0.0])
    np.testing.assert_allclose(done.samples[:, 0], [5 - 11 / 5, 5 + 11 / 5])
    np.testing.assert_allclose(done.upper[0] - 5, [norm.ppf(0.95) * 11, norm.ppf(0.95)])
    alone = calibration(Prediction(np.zeros(1), aleatoric=np.zeros(1)), inputs(1))
    assert alone.aleatoric.tolist() == [1.0]
    assert alone.epistemic is None


def linear_at(slope, offset):
    from atlas_calibration._likelihood import GAUSSIAN
    from atlas_calibration.linear import Line

    return Line(slope, offset, GAUSSIAN, (0.9,))


def test_a_line_cannot_be_drawn_through_no_error_or_too_few_rows():
    with pytest.raises(DataError, match="errors on the calibration rows are exactly 0"):
        line(np.ones(30), np.zeros(30))
    with pytest.raises(DataError, match="19 calibration rows, needs at least 20"):
        line(np.ones(19), np.ones(19))
    with pytest.raises(DataError, match="no sigma"):
        line(np.ones(30), np.ones(30), epistemic=None)


# --- long tails ---------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [1.5, 3.0, 8.0])
def test_scale_and_degrees_of_freedom_equal_those_of_scipy(degrees):
    error = 7.0 * t.rvs(degrees, size=3000, random_state=5)
    found, _, scale = t.fit(error, floc=0)
    calibration = variance_scaling.VarianceScaling(hooks.VarianceScalingConfig()).calibrate(
        asked(Prediction(np.zeros(3000), np.full(3000, 2.0)), error, task="regression")
    )
    np.testing.assert_allclose(1 / calibration.shape.inverse, found, rtol=5e-3)
    done = calibration(Prediction(np.zeros(1), np.full(1, 2.0)), inputs(1))
    np.testing.assert_allclose(done.upper[:, 0], scale * t.ppf([0.75, 0.9, 0.95], found), rtol=5e-3)
    # sigma is the half-width that holds as much as one sigma of a Gaussian
    np.testing.assert_allclose(done.std, scale * t.ppf(norm.cdf(1), found), rtol=5e-3)


def test_a_line_with_tails_is_the_most_likely_one():
    rng = np.random.default_rng(6)
    sigma = rng.gamma(2.0, 0.5, 400)
    target = (1.0 * sigma + 0.4) * rng.standard_t(4, 400)

    def loss(abu):
        scale = (abu[0] * sigma + abu[1]) / t.ppf(norm.cdf(1), 1 / abu[2])
        return -t.logpdf(target, 1 / abu[2], scale=scale).mean()

    best = differential_evolution(loss, [(0, 10), (1e-3, 10), (0.01, 1)], seed=0, tol=1e-10)
    found = line(sigma, target)
    np.testing.assert_allclose([found.slope, found.offset, found.shape.inverse], best.x, rtol=5e-3)


def test_gaussian_errors_have_hardly_any_tail():
    rng = np.random.default_rng(7)
    sigma = rng.gamma(2.0, 0.5, 6_000)
    found = line(sigma, 3.0 * sigma * rng.normal(size=6_000))
    assert found.shape.inverse < 0.02
    np.testing.assert_allclose(found.slope, 3.0, rtol=0.03)


def test_a_few_wild_errors_widen_sigma_only_of_the_gaussian():
    rng = np.random.default_rng(8)
    error = rng.normal(size=1000)
    error[:5] = 100.0

    def width(tails):
        config = hooks.VarianceScalingConfig(tails=tails)
        request = asked(Prediction(np.zeros(1000), np.ones(1000)), error, task="regression")
        done = variance_scaling.VarianceScaling(config).calibrate(request)(
            Prediction(np.zeros(1), np.ones(1)), inputs(1)
        )
        return done.std[0]

    assert width("gaussian") > 5
    assert 0.8 < width("student_t") < 1.2


def test_exact_hits_that_claim_certainty_take_no_part():
    rng = np.random.default_rng(9)
    sigma = rng.gamma(2.0, 0.5, 300)
    error = (sigma + 0.2) * rng.normal(size=300)
    with_hits = line(np.r_[sigma, np.zeros(400)], np.r_[error, np.zeros(400)])
    assert with_hits == line(sigma, error)
    with pytest.raises(DataError, match="19 of 419 calibration rows have an error or a sigma"):
        line(np.r_[sigma[:19], np.zeros(400)], np.r_[error[:19], np.zeros(400)])
