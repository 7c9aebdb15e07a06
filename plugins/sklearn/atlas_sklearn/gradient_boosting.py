"""Gradient boosting on binned columns: trees that correct each other (Friedman 2001)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Model


class GradientBoostingConfig(Config):
    """Boosted trees on histograms of the columns."""

    trees: int = Field(300, ge=1, le=100_000, description="Number of boosting rounds.")
    learning_rate: float = Field(0.1, gt=0, le=1, description="Share of each tree that is added.")
    max_leaves: int = Field(31, ge=2, description="Most leaves of a tree.")
    min_samples_leaf: int = Field(20, ge=1, description="Fewest training rows in a leaf.")
    l2: float = Field(0.0, ge=0, description="L2 penalty on the values of leaves.")
    max_features: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share of the columns tried at a cut; below 1 it uses the seed.",
    )


def build(config: GradientBoostingConfig) -> Model:
    """Return an unfitted booster."""
    from atlas_sklearn._gradient_boosting import GradientBoosting

    return GradientBoosting(config)


@hookimpl
def atlas_model() -> list[Component]:
    """Offer ``gradient_boosting``."""
    return [
        Component(
            "gradient_boosting",
            GradientBoostingConfig,
            build,
            needs={"features:vectors"},
            citation="10.1214/aos/1013203451",
        )
    ]
