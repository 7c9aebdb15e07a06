"""LOCO: hold out one k-means cluster of materials a fold (Meredig et al. 2018)."""

from __future__ import annotations

from atlas_core.api import Component, Field, Splitter, hookimpl
from atlas_splits._options import InDomainConfig
from atlas_splits._representation import HELP, Representation, needs_of


class ClusterConfig(InDomainConfig):
    """Leave one cluster out; clusters are made by k-means."""

    clusters: int = Field(5, ge=2, description="Clusters, and so folds.")
    held_out: int | None = Field(
        None, ge=1, description="Hold out only so many of them, drawn at random; none: each."
    )
    representation: Representation = Field(
        "fractions", description=f"What the clusters are made in: {HELP}"
    )
    restarts: int = Field(4, ge=1, description="k-means++ starts; the tightest clustering wins.")


def build(config: ClusterConfig) -> Splitter:
    """Return the splitter."""
    from atlas_splits._cluster import Cluster

    return Cluster(config)


@hookimpl
def atlas_split() -> list[Component]:
    """Offer ``cluster``."""
    return [
        Component(
            "cluster",
            ClusterConfig,
            build,
            needs=lambda config: needs_of(config.representation),
            citation="10.1039/C8ME00012C",
        )
    ]
