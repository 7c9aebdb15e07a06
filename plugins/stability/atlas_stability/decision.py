"""The probability of lying on the hull, learned from calibration rows.

A sigma that is right for energies is not right for this question: crystals that somebody computed
lie near the hull, so that the hull itself says as much of an energy as a model does. Learned is how
often materials of this margin, sigma and depth of the hull lie below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from atlas_core.api import F8, BorderRows, Decision

if TYPE_CHECKING:
    from atlas_stability.hooks import ConvexHullConfig, LimitConfig

ROWS = 400
"""Calibration rows from which trees are learned; a curve is from ``FEW``."""
FEW = 40
LEAST = 0.005
"""No call is surer than this: so few rows cannot show it."""


class LearnedDecisions:
    """What references of this package share: options that decide, and decisions that are learned.

    Attributes:
        config: the options.
    """

    config: ConvexHullConfig | LimitConfig

    @property
    def margin(self) -> float:
        """Return how far above the border still is near it, in the target's unit."""
        return self.config.margin

    @property
    def target_reliability(self) -> float:
        """Return the share of trusted decisions that should be right."""
        return self.config.target_reliability

    def learn(self, rows: BorderRows, margin: float) -> Decision:
        """Return the probability of at most ``margin`` above the border; see ``learned``."""
        return learned(rows, margin)


def learned(rows: BorderRows, margin: float) -> Decision:
    """Return the decision that the rows allow.

    With 400 rows or more: gradient boosting on margin, sigma, expected error, depth of the hull,
    number of elements and score of the detector. With 40: a logistic curve of the margin over
    sigma. With fewer, or where all of them lie on one side: a Gaussian of sigma.

    Args:
        rows: with true values.
        margin: added to the border, in its unit.
    """
    below = rows.target <= rows.border + margin
    several = 0 < below.sum() < len(rows)
    if several and len(rows) >= ROWS:
        signals = _signals(rows, margin)
        trees = HistGradientBoostingClassifier(
            max_iter=80,
            learning_rate=0.05,
            max_leaf_nodes=8,
            min_samples_leaf=max(20, len(rows) // 100),
            monotonic_cst=[1, 1, 1] + [0] * (signals.shape[1] - 3),
            early_stopping=False,
            random_state=0,
        )
        return Trees(trees.fit(signals, below), margin)
    if several and len(rows) >= FEW:
        return Curve(LogisticRegression().fit(_over_sigma(rows, margin)[:, None], below), margin)
    return Gaussian(margin)


@dataclass(frozen=True)
class Trees:
    """Gradient boosting that only rises with the margin."""

    trees: HistGradientBoostingClassifier
    margin: float

    def __call__(self, rows: BorderRows) -> F8:
        """Return (n,) probabilities."""
        return _bounded(self.trees.predict_proba(_signals(rows, self.margin))[:, 1])


@dataclass(frozen=True)
class Curve:
    """A logistic curve of the margin over sigma."""

    curve: LogisticRegression
    margin: float

    def __call__(self, rows: BorderRows) -> F8:
        """Return (n,) probabilities."""
        return _bounded(self.curve.predict_proba(_over_sigma(rows, self.margin)[:, None])[:, 1])


@dataclass(frozen=True)
class Gaussian:
    """Sigma as it is; where there is none, nobody knows."""

    margin: float

    def __call__(self, rows: BorderRows) -> F8:
        """Return (n,) probabilities."""
        z = (rows.border + self.margin - rows.mean) / np.maximum(rows.std, 1e-9)
        return _bounded(np.where(np.isfinite(z), ndtr(z), 0.5))


def _bounded(probability: F8) -> F8:
    return np.clip(np.asarray(probability, dtype=np.float64), LEAST, 1.0 - LEAST)


def _over_sigma(rows: BorderRows, margin: float) -> F8:
    """Return (n,) how many sigma a prediction lies below the border; eV/atom without a sigma."""
    sigma = np.where(np.isfinite(rows.std), np.maximum(rows.std, 1e-9), 1.0)
    return np.asarray(np.arcsinh((rows.border + margin - rows.mean) / sigma))


def _signals(rows: BorderRows, margin: float) -> F8:
    """Return (n, 8) what a decision is learned from; the first three rise with the margin."""
    below = rows.border + margin - rows.mean
    expected = np.maximum(rows.expected_error, 1e-9)
    sigma = np.maximum(rows.std, 1e-9)
    found = np.stack(
        [
            below,
            _over_sigma(rows, margin),
            np.arcsinh(below / expected),
            np.log(sigma),
            np.log(expected),
            rows.border,
            rows.elements,
            rows.score,
        ],
        axis=1,
    )
    return np.where(np.isfinite(found), found, 0.0)  # the arm does not have it
