"""The method's own mathematics; pytest collects its contract from pyproject.toml."""

import numpy as np
from quantile_spread import Predictor


def test_one_odd_member_counts_little():
    class Committee:
        def members(self, features):
            return np.array([[-1.0], [0.0], [0.0], [0.0], [1.0], [1000.0]])

    sigma = Predictor(Committee(), 0.6).predict(None).epistemic
    np.testing.assert_allclose(sigma, 0.5)  # the 20 % and 80 % quantiles are 0 and 1
