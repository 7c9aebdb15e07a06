"""Sigma from the distance to training rows, learned on rows left out (Janet 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import UQMethod


class DistanceScaledConfig(Config):
    """A variance that grows with the mean distance to the nearest training rows.

    It trains the model once on all rows, and once for each fold and each cluster.
    """

    representation: Literal["vectors", "embedding"] = Field(
        "vectors", description="Distances between feature vectors, or within the model."
    )
    neighbours: int = Field(5, ge=1, le=1000, description="Nearest training rows that count.")
    folds: int = Field(5, ge=2, le=100, description="Parts of the rows left out at random.")
    clusters: int = Field(
        5,
        ge=0,
        le=100,
        description="Clusters of rows (k-means) left out as well, 0 for none: rows at random lie "
        "too near the others to show how errors grow with distance.",
    )
    reference_rows: int = Field(
        20_000, ge=10, description="Training rows that distances are taken to, at most."
    )


def build(config: DistanceScaledConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._distance_scaled import DistanceScaled

    return DistanceScaled(config)


def _needs(config: DistanceScaledConfig) -> set[str]:
    inside = config.representation == "embedding"
    return {"task:regression", "model:embedding" if inside else "features:vectors"}


def check(config: DistanceScaledConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few training rows to leave some out."""
    parts = config.folds + (config.clusters if config.clusters > 1 else 0)
    n, needed = len(facts.train), 2 * parts
    if n >= needed:
        return []
    return [
        f"{n} training rows, needs {needed}: two for each fold and cluster; lower folds or clusters"
    ]


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``distance_scaled``."""
    return [
        Component(
            "distance_scaled",
            DistanceScaledConfig,
            build,
            needs=_needs,
            gives={"epistemic", "aleatoric"},
            citation="10.1039/C9SC02298H",
            check=check,
        )
    ]
