"""Probabilities of lying below a border, against counts and a world that is known."""

import numpy as np
from scipy.special import ndtr

from atlas_core.api import BorderRows
from atlas_stability.decision import LEAST, Curve, Gaussian, Trees, learned


def world(n: int, seed: int, *, width: float = 0.2, believed: float = 1.0) -> BorderRows:
    """Return rows whose errors are Gaussian and whose sigma is wrong by a factor."""
    rng = np.random.default_rng(seed)
    border = rng.normal(-1.0, 0.5, n)
    target = border + rng.normal(0.05, 0.25, n)
    sigma = width * rng.uniform(0.5, 2.0, n)
    mean = target + sigma * rng.normal(size=n)
    unknown = np.full(n, np.nan)
    return BorderRows(border, mean, believed * sigma, unknown, unknown, np.full(n, 3.0), target)


def gap(probability: np.ndarray, true: np.ndarray) -> float:
    """Return the calibration error over ten bins of equal width."""
    which = np.minimum((probability * 10).astype(int), 9)
    return sum(
        abs(probability[which == k].sum() - true[which == k].sum()) / len(true) for k in range(10)
    )


def test_a_wrong_sigma_is_mended_by_what_calibration_rows_show() -> None:
    learn, asked = (world(4000, seed, believed=0.2) for seed in (0, 1))
    true = asked.target <= asked.border
    gaussian = Gaussian(0.0)(asked)
    trees = learned(learn, 0.0)
    assert isinstance(trees, Trees)
    assert gap(gaussian, true) > 0.08
    assert gap(trees(asked), true) < 0.03
    assert np.mean((trees(asked) - true) ** 2) < np.mean((gaussian - true) ** 2)


def test_it_knows_what_bayes_knows() -> None:
    """Margins have a known distribution: the best answer has a closed form, and this is near."""
    learn, asked = world(8000, 2), world(8000, 3)
    precision = 1 / asked.std**2 + 1 / 0.25**2
    best = ((asked.mean - asked.border) / asked.std**2 + 0.05 / 0.25**2) / precision
    bayes = ndtr(-best * np.sqrt(precision))
    true = asked.target <= asked.border
    mine = learned(learn, 0.0)(asked)
    assert np.mean((mine - true) ** 2) < 1.05 * np.mean((bayes - true) ** 2)


def test_few_rows_give_a_curve_and_none_a_gaussian() -> None:
    rows = world(500, 4)
    assert isinstance(learned(rows.take(np.arange(100)), 0.0), Curve)
    assert isinstance(learned(rows.take(np.arange(10)), 0.0), Gaussian)
    below = rows.take(rows.target <= rows.border)
    assert isinstance(learned(below, 0.0), Gaussian)


def test_a_gaussian_is_that_of_the_margin_over_sigma() -> None:
    rows = world(5, 5)
    expected = ndtr((rows.border + 0.05 - rows.mean) / rows.std)
    np.testing.assert_allclose(Gaussian(0.05)(rows), np.clip(expected, LEAST, 1 - LEAST))


def test_without_a_sigma_a_gaussian_does_not_know() -> None:
    rows = BorderRows(**{**vars(world(3, 6)), "std": np.full(3, np.nan)})
    np.testing.assert_array_equal(Gaussian(0.0)(rows), 0.5)


def test_no_probability_is_0_or_1() -> None:
    rows = world(2000, 7, width=0.001)
    found = learned(rows, 0.0)(rows)
    assert found.min() >= LEAST
    assert found.max() <= 1 - LEAST


def test_the_lower_the_prediction_the_likelier() -> None:
    decision = learned(world(4000, 8), 0.0)
    row = world(1, 9)
    lower = np.linspace(1.0, -1.0, 50) + row.border[0]
    every = {name: np.repeat(values, 50) for name, values in vars(row).items()}
    found = decision(BorderRows(**{**every, "mean": lower}))
    assert (np.diff(found) >= 0).all()
    assert found[-1] - found[0] > 0.8
