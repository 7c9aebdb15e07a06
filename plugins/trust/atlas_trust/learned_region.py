"""A trust region learned from shifts inside the training part, with the set rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl
from atlas_trust.rule import RuleField

if TYPE_CHECKING:
    from atlas_core.api import TrustMethod


FEWEST = 100
"""Rows below which no map with several signals is fitted."""


class LearnedRegionConfig(Config):
    """Maps from sigma, distances and disagreements to risk and expected error."""

    rule: RuleField = "set"
    representation: Literal["features", "embedding"] = Field(
        "features",
        description="What distances are measured in, beside the formula: the arm's vectors, or"
        " its trained model's embedding.",
    )
    reference: int = Field(
        5000,
        ge=50,
        description="Most training rows that distances are measured to, drawn at random.",
    )
    class_quantile: float = Field(
        0.85,
        gt=0,
        lt=1,
        description="Intervals of novel rows hold for this share of the held-out classes.",
    )


def build(config: LearnedRegionConfig) -> TrustMethod:
    """Return the method."""
    from atlas_trust._learned_region import LearnedRegionMethod

    return LearnedRegionMethod(config)


def needs(config: LearnedRegionConfig) -> frozenset[str]:
    """Return sigma, and the representation."""
    own = "model:embedding" if config.representation == "embedding" else "features:vectors"
    return frozenset({"epistemic", "task:regression", own})


def check(config: LearnedRegionConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few calibration rows."""
    n = len(facts.calibration)
    if n >= FEWEST:
        return []
    return [
        f"{n} calibration rows, needs at least {FEWEST}; raise the split's `calibration` fraction"
    ]


@hookimpl
def atlas_trust() -> list[Component]:
    """Offer ``learned_region``."""
    return [
        Component(
            "learned_region",
            LearnedRegionConfig,
            build,
            needs=needs,
            beside=("sigma_threshold", "refuse_unseen"),
            check=check,
        )
    ]
