"""One number for all materials."""

from pathlib import Path

import numpy as np

from atlas_core.api import DataContext, Materials
from atlas_stability.hooks import LimitConfig
from atlas_stability.limit import Limit


def test_the_border_is_the_number_whatever_is_known() -> None:
    folder = Path()
    limit = Limit(LimitConfig(value=-0.25, yes="deep", no="shallow")).load(
        DataContext(data_dir=folder, cache_dir=folder, spec_dir=folder, offline=True)
    )
    some = Materials.from_amounts(["H", "HO"], [{1: 1.0}, {1: 1.0, 8: 1.0}])
    for target in (np.zeros(2), np.array([5.0, -5.0])):
        border = limit.border(some, some, target)
        np.testing.assert_array_equal(border.value, [-0.25, -0.25])  # of an element, too
        assert list(border.words) == ["-0.25", "-0.25"]
    words = limit.wording(some)
    assert (words.yes, words.no, words.against) == ("deep", "shallow", "a limit of -0.25")
