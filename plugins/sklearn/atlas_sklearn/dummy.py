"""The mean of the training targets for every row: the baseline to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_core.api import F8, Features, FitContext

if TYPE_CHECKING:
    from atlas_sklearn.hooks import DummyConfig


@dataclass
class Dummy:
    """Predict one number; for a binary task it is the share of class 1."""

    config: DummyConfig

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Take the mean of ``target``."""
        self._mean = float(np.mean(target))

    def predict(self, features: Features) -> F8:
        """Return (n,) times the mean."""
        return np.full(len(features), self._mean)
