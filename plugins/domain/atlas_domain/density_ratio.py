"""A classifier tells training materials from made-up ones (Hastie et al. 2009)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from atlas_core.api import F8, Detector, FitContext, Inputs
from atlas_domain._representation import Scaling
from atlas_domain._verdict import Fitted, Verdict
from atlas_domain.options import DensityRatioConfig

MARGIN = 0.1
"""How much wider than the range of the training rows the uniform background is, each side."""
SMALLEST_LEAF = 5
"""Rows in a leaf: smaller ones would know each training row by itself."""


@dataclass(frozen=True)
class Ratio:
    """Measure the share of trees' votes for the background.

    With as many background rows as training rows, p / (1 - p) estimates the ratio of the
    densities (Hastie et al. 2009, eq. 14.8).

    Attributes:
        scaling: what is read and how it is scaled.
        forest: the classifier; class 1 is the background.
    """

    scaling: Scaling
    forest: ExtraTreesClassifier

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) probabilities of being background."""
        if not len(rows):
            return np.zeros(0)
        votes = self.forest.predict_proba(self.scaling.apply(rows))
        return np.asarray(votes[:, 1], dtype=np.float64)

    def out_of_bag(self) -> F8:
        """Return the training rows' scores by the trees that did not see them."""
        votes = self.forest.oob_decision_function_
        real = votes[: len(votes) // 2, 1]
        return np.asarray(np.where(np.isnan(real), 0.5, real), dtype=np.float64)


@dataclass(frozen=True)
class DensityRatio:
    """Take what looks like background for far away."""

    config: DensityRatioConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Draw the background and train the classifier, both from ``seed``.

        Raises:
            DataError: fewer than two training rows.
        """
        scaling = Scaling.of(train, self.config.representation)
        values = scaling.apply(train)
        rng = np.random.default_rng(context.seed)
        if self.config.background == "shuffled":
            made = rng.permuted(values, axis=0)
        else:
            low, high = values.min(axis=0), values.max(axis=0)
            spare = MARGIN * (high - low)
            made = rng.uniform(low - spare, high + spare, values.shape)
        forest = ExtraTreesClassifier(
            self.config.trees,
            min_samples_leaf=SMALLEST_LEAF,
            bootstrap=True,
            oob_score=True,
            random_state=context.seed % 2**32,
            n_jobs=context.n_jobs,
        )
        label = np.repeat([0, 1], len(values))
        forest.fit(np.concatenate([values, made]), label)
        forest.set_params(n_jobs=1)  # threads would add the trees' votes up in any order
        ratio = Ratio(scaling, forest)
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=ratio,
            training_scores=ratio.out_of_bag,
        )
        return Fitted(ratio, verdict)
