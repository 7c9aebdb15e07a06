"""Sigma calibrated in-domain, and no trust where an element was never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl
from atlas_trust.rule import RuleField

if TYPE_CHECKING:
    from atlas_core.api import TrustMethod


class RefuseUnseenConfig(Config):
    """What `sigma_threshold` does, with a veto."""

    rule: RuleField = "set"


def build(config: RefuseUnseenConfig) -> TrustMethod:
    """Return the method."""
    from atlas_trust._refuse_unseen import RefuseUnseen

    return RefuseUnseen(config.rule)


@hookimpl
def atlas_trust() -> list[Component]:
    """Offer ``refuse_unseen``."""
    return [
        Component(
            "refuse_unseen",
            RefuseUnseenConfig,
            build,
            needs={"epistemic", "task:regression"},
        )
    ]
