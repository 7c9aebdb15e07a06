"""Sigma alone, calibrated in-domain: the baseline that every trust region must beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, FoldFacts, hookimpl
from atlas_trust.rule import RuleField

if TYPE_CHECKING:
    from atlas_core.api import TrustMethod


FEWEST = 30
"""Rows below which a curve of probabilities says nothing."""


class SigmaThresholdConfig(Config):
    """An isotonic curve from sigma to the probability of exceeding the budget."""

    rule: RuleField = "set"


def build(config: SigmaThresholdConfig) -> TrustMethod:
    """Return the method."""
    from atlas_trust._sigma_threshold import SigmaThreshold

    return SigmaThreshold(config.rule)


def check(config: SigmaThresholdConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few calibration rows."""
    n = len(facts.calibration)
    if n >= FEWEST:
        return []
    return [
        f"{n} calibration rows, needs at least {FEWEST}; raise the split's `calibration` fraction"
    ]


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
            check=check,
        )
    ]
