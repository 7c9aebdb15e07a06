"""Share of atoms whose element no training material has."""

from __future__ import annotations

from dataclasses import dataclass

from atlas_core.api import Detector, FitContext, Inputs, OODScore
from atlas_domain._verdict import Elements
from atlas_domain.options import UnseenElementConfig


@dataclass(frozen=True)
class _Fitted:
    elements: Elements

    def score(self, rows: Inputs) -> OODScore:
        share = self.elements.unseen(rows.fractions)
        return OODScore(share, 0.0, tuple(map(self.elements.new, rows.fractions)))


@dataclass(frozen=True)
class UnseenElement:
    """Flag any element that no training material has."""

    config: UnseenElementConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Note the training elements; calibration rows and the seed are not needed."""
        return _Fitted(Elements.of(train.fractions))
