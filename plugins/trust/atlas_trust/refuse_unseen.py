"""Sigma calibrated in-domain, and no trust for materials with an unseen element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlas_core.api import (
    Assessment,
    Evidence,
    FitContext,
    Inputs,
    OODScore,
    Prediction,
    ReliabilityTarget,
    Str,
    TrustRegion,
)
from atlas_trust._rule import label
from atlas_trust.hooks import RefuseUnseenConfig, SigmaThresholdConfig
from atlas_trust.sigma_threshold import SigmaRegion, SigmaThreshold, unseen_elements


@dataclass(frozen=True)
class VetoRegion:
    """A region of sigma without the materials that hold a new element."""

    region: SigmaRegion

    def assess(self, inputs: Inputs, prediction: Prediction, ood: OODScore | None) -> Assessment:
        """Return the region's answer with risk 1 where an element was never seen."""
        plain = self.region.assess(inputs, prediction, ood)
        reasons = unseen_elements(inputs, self.region.seen)
        new = np.array([bool(own) for own in reasons], np.bool_)
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
        """Fit sigma's curves, beside the elements of the training materials."""
        sigma = SigmaThreshold(SigmaThresholdConfig(rule=self.config.rule))
        return VetoRegion(
            sigma.fit(in_domain, nested, reliability=reliability, levels=levels, context=context)
        )
