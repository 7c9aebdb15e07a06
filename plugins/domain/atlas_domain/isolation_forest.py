"""Isolation forest: few random cuts set it apart (Liu, Ting & Zhou 2008)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import IsolationForest as Forest

from atlas_core.api import F8, Detector, FitContext, Inputs
from atlas_domain._representation import Scaling
from atlas_domain._verdict import Fitted, Verdict
from atlas_domain.options import IsolationForestConfig


@dataclass(frozen=True)
class _Anomaly:
    scaling: Scaling
    forest: Forest

    def __call__(self, rows: Inputs) -> F8:
        if not len(rows):
            return np.zeros(0)
        return np.asarray(-self.forest.score_samples(self.scaling.apply(rows)), dtype=np.float64)


@dataclass(frozen=True)
class IsolationForest:
    """Measure how easily a row is set apart by random cuts."""

    config: IsolationForestConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Grow the forest from ``seed``. Score: 2^(-mean depth / c(n)) (Liu et al. 2008, eq. 2).

        Raises:
            DataError: fewer than two training rows.
        """
        scaling = Scaling.of(train, self.config.representation)
        forest = Forest(
            n_estimators=self.config.trees, random_state=context.seed % 2**32, n_jobs=context.n_jobs
        )
        forest.fit(scaling.apply(train))
        forest.set_params(n_jobs=1)  # threads would add the trees' depths up in any order
        anomaly = _Anomaly(scaling, forest)
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=anomaly,
            training_scores=lambda: anomaly(train),
        )
        return Fitted(anomaly, verdict)
