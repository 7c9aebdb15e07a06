"""Sigma calibrated in-domain, and no trust where an element was never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, FoldFacts, hookimpl
from atlas_trust.rule import RuleField
from atlas_trust.sigma_threshold import FEWEST

if TYPE_CHECKING:
    from atlas_core.api import TrustMethod


class RefuseUnseenConfig(Config):
    """What `sigma_threshold` does, with a veto."""

    rule: RuleField = "set"


def build(config: RefuseUnseenConfig) -> TrustMethod:
    """Return the method."""
    from atlas_trust._refuse_unseen import RefuseUnseen

    return RefuseUnseen(config.rule)


def check(config: RefuseUnseenConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few calibration rows."""
    n = len(facts.calibration)
    if n >= FEWEST:
        return []
    return [
        f"{n} calibration rows, needs at least {FEWEST}; raise the split's `calibration` fraction"
    ]


@hookimpl
def atlas_trust() -> list[Component]:
    """Offer ``refuse_unseen``."""
    return [
        Component(
            "refuse_unseen",
            RefuseUnseenConfig,
            build,
            needs={"epistemic", "task:regression"},
            check=check,
        )
    ]
