"""Dissimilarity by kernel density of the training materials (Schultz et al. 2025)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from atlas_core.api import F8, DataError, Detector, FitContext, Inputs
from atlas_domain._neighbors import nearest
from atlas_domain._representation import Scaling
from atlas_domain._spread import CLOSE, DRAWN, NEAR
from atlas_domain._verdict import Fitted, Verdict
from atlas_domain.options import KernelDensityConfig

CELLS = 2**22
"""Pairs of a row and a training row at a time: bounds memory."""


@dataclass(frozen=True)
class Dissimilarity:
    """Measure -log of the density at a row.

    Schultz et al. 2025 take 1 - density / largest density, which is 1 to the last digit for
    whatever lies far out; its logarithm keeps the order there and changes it nowhere. Their
    kernel of finite width is a Gaussian here for the same reason.

    Attributes:
        scaling: what is read and how it is scaled.
        reference: (t, d) the training rows.
        bandwidth: width of the kernels.
    """

    scaling: Scaling
    reference: F8
    bandwidth: float

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) -log of the mean kernel."""
        return self._score(self.scaling.apply(rows), skip_own=False)

    def without_self(self) -> F8:
        """Return the training rows' scores, each without its own kernel."""
        return self._score(self.reference, skip_own=True)

    def _score(self, values: F8, *, skip_own: bool) -> F8:
        score = np.empty(len(values))
        squares = (self.reference**2).sum(axis=1)
        step = max(1, CELLS // len(self.reference))
        for start in range(0, len(values), step):
            block = values[start : start + step]
            squared = (block**2).sum(axis=1)[:, None] + squares - 2.0 * block @ self.reference.T
            exponent = -np.maximum(squared, 0.0) / (2.0 * self.bandwidth**2)
            if skip_own:
                own = np.arange(len(block))
                exponent[own, own + start] = -np.inf
            counted = len(self.reference) - skip_own
            score[start : start + step] = np.log(counted) - logsumexp(exponent, axis=1)
        return score


def usual_distance(values: F8, seed: int) -> float:
    """Return the mean distance of rows to the farthest of their nearest 30 %."""
    chosen = np.random.default_rng(seed).permutation(len(values))[:DRAWN]
    drawn = values[np.sort(chosen)]
    distance, _ = nearest(drawn, drawn, max(2, round(NEAR * len(drawn))))
    mean = float(distance[:, -1].mean())
    return mean if mean > CLOSE * float(np.sqrt((drawn**2).sum(axis=1).mean())) else 0.0


@dataclass(frozen=True)
class KernelDensity:
    """Measure how few training rows lie around a row."""

    config: KernelDensityConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Note the training rows and choose the bandwidth, from rows drawn by ``seed``.

        Raises:
            DataError: fewer than two training rows, or no bandwidth can be estimated from them.
        """
        scaling = Scaling.of(train, self.config.representation)
        values = scaling.apply(train)
        width = self.config.bandwidth or usual_distance(values, context.seed)
        if width <= 0:
            raise DataError(
                f"ood kde: the distance of the {len(train)} training rows to their nearest"
                f" {NEAR:.0%} is 0, so no bandwidth can be estimated; give the option bandwidth"
            )
        density = Dissimilarity(scaling, values, width)
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=density,
            training_scores=density.without_self,
        )
        return Fitted(density, verdict)
