"""One way to bring columns to a scale, and one to find the nearest rows."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_core.neighbors import BLOCK, nearest
from atlas_core.standardizer import Standardizer

TABLE = np.array([[1.0, 5.0, np.nan, np.nan], [3.0, 5.0, 2.0, np.nan], [5.0, 5.0, 4.0, np.nan]])


def test_gaps_are_numbers_of_no_column_and_become_its_mean() -> None:
    known = Standardizer.of(TABLE)
    assert known.mean.tolist() == [3.0, 5.0, 3.0, 0.0]
    np.testing.assert_allclose(known.scale, [(8 / 3) ** 0.5, 1.0, 1.0, 1.0])
    assert known(np.array([[3.0, 6.0, np.nan, 2.0]])).tolist() == [[0.0, 1.0, 0.0, 2.0]]
    assert known.fill(TABLE)[0].tolist() == [1.0, 5.0, 3.0, 0.0]


def test_a_std_may_be_that_of_filled_rows_and_a_constant_column_silent() -> None:
    filled = Standardizer.of(TABLE, constant=np.inf, filled=True)
    np.testing.assert_allclose(filled.scale, [(8 / 3) ** 0.5, np.inf, (2 / 3) ** 0.5, np.inf])
    assert filled(np.array([[3.0, 6.0, 3.0, 2.0]])).tolist() == [[0.0, 0.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("noise", "options", "constant"),
    [
        (1e-10, {}, True),
        (1e-10, {"absolute": 0.0}, True),
        (1e-10, {"relative": 1e-12, "absolute": 0.0}, False),
        (1e-7, {}, False),
    ],
)
def test_a_std_at_rounding_level_is_a_constant_column(
    noise: float, options: dict[str, float], constant: bool
) -> None:
    found = Standardizer.of(np.array([[0.5 - noise], [0.5 + noise]]), **options)
    assert (found.scale[0] == 1.0) == constant


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("repeats", [1, 20, 100])
def test_equally_near_rows_come_in_their_order_whatever_the_others(
    kind: type, repeats: int
) -> None:
    rng = np.random.default_rng(0)
    reference = np.repeat(rng.normal(size=(30, 3)), repeats, axis=0).astype(kind)
    rows = (reference[::3] + 0.25).astype(kind)
    apart, place = nearest(reference, rows, 5)
    for i in (0, 7, len(rows) - 1):
        exact = np.linalg.norm(reference.astype(float) - rows[i].astype(float), axis=1)
        assert place[i].tolist() == np.lexsort((np.arange(len(exact)), exact))[:5].tolist()
        assert nearest(reference, rows[i : i + 1], 5)[1][0].tolist() == place[i].tolist()
        np.testing.assert_allclose(apart[i], np.sort(exact)[:5], rtol=1e-12)


def test_there_are_at_most_as_many_as_rows_and_any_number_is_asked_for() -> None:
    line = np.arange(3.0)[:, None]
    assert nearest(line, line, 9)[1].shape == (3, 3)
    assert nearest(line, np.zeros((0, 1)), 2)[0].shape == (0, 2)
    assert nearest(line, np.zeros((BLOCK + 1, 1)), 2)[1].tolist() == [[0, 1]] * (BLOCK + 1)


def test_distances_that_are_compared_rounded_are_returned_so() -> None:
    apart, place = nearest(np.array([[1 + 1e-11], [1.0]]), np.zeros((1, 1)), 2, decimals=9)
    assert (apart.tolist(), place.tolist()) == ([[1.0, 1.0]], [[0, 1]])
