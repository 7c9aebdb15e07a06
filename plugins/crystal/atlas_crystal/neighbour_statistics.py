"""Nearest-neighbour distance and coordination number: statistics over the sites."""

from __future__ import annotations

from atlas_core.api import Component, Config, Featurizer, Field, hookimpl


class NeighbourStatisticsConfig(Config):
    """Neighbours are the atoms almost as near as the nearest, as pymatgen's MinimumDistanceNN."""

    tolerance: float = Field(
        0.1,
        ge=0.001,
        le=1,
        description="A neighbour is nearer than (1 + tolerance) times the distance of the nearest.",
    )


def build(config: NeighbourStatisticsConfig) -> Featurizer:
    """Return the featurizer."""
    from atlas_crystal._neighbour_statistics import NeighbourStatistics

    return NeighbourStatistics(config)


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer ``neighbour_statistics``."""
    return [
        Component(
            "neighbour_statistics",
            NeighbourStatisticsConfig,
            build,
            needs={"inputs:structure"},
            gives={"features:vectors"},
            citation="10.1016/j.commatsci.2012.10.028",
        )
    ]
