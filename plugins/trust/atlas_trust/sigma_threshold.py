"""Sigma alone, calibrated in-domain: the baseline that every trust region must beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl
from atlas_trust.rule import RuleField

if TYPE_CHECKING:
    from atlas_core.api import TrustMethod


class SigmaThresholdConfig(Config):
    """An isotonic curve from sigma to the probability of exceeding the budget."""

    rule: RuleField = "set"


def build(config: SigmaThresholdConfig) -> TrustMethod:
    """Return the method."""
    from atlas_trust._sigma_threshold import SigmaThreshold

    return SigmaThreshold(config.rule)


@hookimpl
def atlas_trust() -> list[Component]:
    """Offer ``sigma_threshold``."""
    return [
        Component(
            "sigma_threshold",
            SigmaThresholdConfig,
            build,
            needs={"epistemic", "task:regression"},
            citation="10.48550/arXiv.1807.00263",
        )
    ]
