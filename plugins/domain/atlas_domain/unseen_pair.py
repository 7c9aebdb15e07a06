"""Share of pairs of elements that no training material has together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl
from atlas_domain._options import Quantile

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class UnseenPairConfig(Config):
    """What counts as outside."""

    quantile: Quantile = 0.95


def build(config: UnseenPairConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._unseen_pair import UnseenPair

    return UnseenPair(config.quantile)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``unseen_pair``."""
    return [
        Component(
            "unseen_pair",
            UnseenPairConfig,
            build,
        )
    ]
