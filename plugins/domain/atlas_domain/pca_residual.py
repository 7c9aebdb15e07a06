"""What the main axes of the training materials cannot express (Jackson 1979)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_core.api import F8, DataError, Detector, FitContext, Inputs
from atlas_domain._representation import Scaling
from atlas_domain._verdict import Fitted, Verdict
from atlas_domain.options import PCAResidualConfig

ROUNDING = 1e-12
"""What is left of a column counts above this share of the row's largest entry."""


@dataclass(frozen=True)
class Residual:
    """Measure the length of what the axes cannot express.

    Attributes:
        scaling: what is read, its mean and scale.
        axes: (d, k) orthonormal, those along which the training rows vary most.
    """

    scaling: Scaling
    axes: F8

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) roots of Q (Jackson & Mudholkar 1979, eq. 2.2)."""
        offset = self.scaling.apply(rows)
        rest = offset - (offset @ self.axes) @ self.axes.T
        # what is left of a row that the axes express fully is rounding
        rest = np.where(np.abs(rest) > ROUNDING * np.abs(offset).max(axis=1)[:, None], rest, 0.0)
        return np.asarray(np.sqrt((rest**2).sum(axis=1)), dtype=np.float64)


@dataclass(frozen=True)
class PCAResidual:
    """Measure how far a row lies from the plane of the training rows."""

    config: PCAResidualConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Find the axes; the seed is not needed.

        The axes are the fewest whose share of the training variance reaches ``variance``.

        Raises:
            DataError: fewer than two training rows, or they are all alike.
        """
        scaling = Scaling.of(train, self.config.representation)
        values = scaling.apply(train)
        variance, axes = np.linalg.eigh(values.T @ values)
        variance, axes = np.maximum(variance[::-1], 0.0), axes[:, ::-1]
        if not variance[0] > 0:
            raise DataError(
                f"ood pca_residual: the {len(train)} training rows are alike in what is compared,"
                " so no axis can be found; choose another representation, or leave ood out"
            )
        kept = int(np.searchsorted(np.cumsum(variance) / variance.sum(), self.config.variance)) + 1
        residual = Residual(scaling, np.ascontiguousarray(axes[:, :kept]))
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=residual,
            training_scores=lambda: residual(train),
        )
        return Fitted(residual, verdict)
