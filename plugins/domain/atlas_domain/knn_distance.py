"""Mean distance to the nearest training materials (Ramaswamy et al. 2000)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl
from atlas_domain._options import Compared, Quantile
from atlas_domain._representation import NEEDS
from atlas_domain._spread import two_rows

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class KNNDistanceConfig(Config):
    """How many neighbours count, of what, and what counts as outside."""

    neighbours: int = Field(5, ge=1, description="Nearest training materials that are averaged.")
    representation: Compared = "fractions"
    quantile: Quantile = 0.95


def needs(config: KNNDistanceConfig) -> frozenset[str]:
    """Return what the chosen representation needs."""
    return NEEDS[config.representation]


def build(config: KNNDistanceConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._knn_distance import KNNDistance

    return KNNDistance(config.neighbours, config.representation, config.quantile)


def check(config: Config, facts: FoldFacts) -> list[str]:
    """Return why there is nothing to compare with."""
    return two_rows(facts)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``knn_distance``."""
    return [
        Component(
            "knn_distance",
            KNNDistanceConfig,
            build,
            needs=needs,
            citation="10.1145/342009.335437",
            check=check,
        )
    ]
