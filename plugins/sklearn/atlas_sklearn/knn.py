"""k nearest neighbours: mean of the most similar training rows (Cover & Hart 1967)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Model


class KNNConfig(Config):
    """Neighbours by Euclidean distance of standardised columns."""

    k: int = Field(5, ge=1, description="Number of neighbours; all rows where there are fewer.")
    weights: Literal["uniform", "distance"] = Field(
        "distance", description="Neighbours count alike, or by the inverse of their distance."
    )


def build(config: KNNConfig) -> Model:
    """Return an unfitted neighbour model."""
    from atlas_sklearn._knn import KNN

    return KNN(config)


@hookimpl
def atlas_model() -> list[Component]:
    """Offer ``knn``."""
    return [
        Component(
            "knn", KNNConfig, build, needs={"features:vectors"}, citation="10.1109/TIT.1967.1053964"
        )
    ]
