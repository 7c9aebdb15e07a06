"""The contract of the kind, and the method's own mathematics."""

import numpy as np
from quantile_spread import Predictor

from atlas_core.testing import parametrize_contract


@parametrize_contract("quantile_spread")
def test_contract(check):
    check()


def test_one_odd_member_counts_little():
    class Committee:
        def members(self, features):
            return np.array([[-1.0], [0.0], [0.0], [0.0], [1.0], [1000.0]])

    sigma = Predictor(Committee(), 0.6).predict(None).epistemic
    np.testing.assert_allclose(sigma, 0.5)  # the 20 % and 80 % quantiles are 0 and 1
