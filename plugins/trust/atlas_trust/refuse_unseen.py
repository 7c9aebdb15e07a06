"""Sigma calibrated in-domain, and no trust where an element was never seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlas_core.api import (
    SYMBOLS,
    Assessment,
    Bool,
    Evidence,
    FitContext,
    Inputs,
    OODScore,
    Prediction,
    Reason,
    ReliabilityTarget,
    Str,
    TrustRegion,
)
from atlas_trust._rule import label
from atlas_trust.hooks import RefuseUnseenConfig, SigmaThresholdConfig
from atlas_trust.sigma_threshold import SigmaRegion, SigmaThreshold


@dataclass(frozen=True)
class VetoRegion:
    """A region of sigma without the materials that hold a new element.

    Attributes:
        region: what sigma says.
        seen: (118,) elements of the training materials.
    """

    region: SigmaRegion
    seen: Bool

    def assess(self, inputs: Inputs, prediction: Prediction, ood: OODScore | None) -> Assessment:
        """Return the region's answer with risk 1 where an element was never seen."""
        plain = self.region.assess(inputs, prediction, ood)
        present = (inputs.fractions > 0) & ~self.seen
        new = present.any(axis=1)
        reasons = tuple(
            (Reason.unseen_elements([SYMBOLS[z + 1] for z in np.flatnonzero(row)]),)
            if row.any()
            else ()
            for row in present
        )
        return Assessment(np.where(new, 1.0, plain.risk), plain.expected_error, reasons=reasons)

    def label(self, assessment: Assessment) -> Str:
        """Return (n,) labels of a list."""
        own = self.region
        return label(
            assessment,
            own.rule,
            allowed=own.allowed,
            in_domain_error=own.in_domain_error,
            veto=assessment.risk >= 1.0,
        )


@dataclass(frozen=True)
class RefuseUnseen:
    """Refuse what is new by definition; believe sigma in the rest."""

    config: RefuseUnseenConfig

    def fit(
        self,
        in_domain: Evidence,
        nested: Sequence[Evidence],
        *,
        reliability: ReliabilityTarget,
        levels: tuple[float, ...],
        context: FitContext,
    ) -> TrustRegion:
        """Fit sigma's curves and note the elements of the training materials."""
        sigma = SigmaThreshold(SigmaThresholdConfig(rule=self.config.rule))
        region = sigma.fit(
            in_domain, nested, reliability=reliability, levels=levels, context=context
        )
        return VetoRegion(region, (in_domain.train.fractions > 0).any(axis=0))
