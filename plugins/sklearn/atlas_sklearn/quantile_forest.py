"""Quantile forest: the spread of the targets in the leaves (Meinshausen 2006)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_core.api import Model


class QuantileForestConfig(Config):
    """A forest that keeps the training targets of its leaves, not their mean alone."""

    trees: int = Field(300, ge=2, le=100_000, description="Number of trees.")
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt"] = Field(
        1 / 3, description="Columns tried at a cut: a share of all, or `sqrt` of their number."
    )
    min_samples_leaf: int = Field(
        5,
        ge=1,
        description="Fewest training rows in a leaf: with 1 there is nothing to spread in most.",
    )
    max_depth: int | None = Field(None, ge=1, description="Most cuts on a path; null: no bound.")
    cuts: Literal["best", "random"] = Field(
        "best", description="As in `random_forest` (`best`) or in `extra_trees` (`random`)."
    )
    bootstrap: bool = Field(
        True,
        description="Grow each tree on rows drawn with replacement. Its leaves hold all training "
        "rows either way.",
    )


def build(config: QuantileForestConfig) -> Model:
    """Return an unfitted forest."""
    from atlas_sklearn._quantile_forest import QuantileForest

    return QuantileForest(config)


def contract_options(folder: Path) -> dict[str, Any]:
    """Return the options that the contract is checked with: fewer trees, for time."""
    return {"trees": 50}


def _gives(config: QuantileForestConfig) -> set[str]:
    gives = {"model:members", "model:leaves", "model:quantiles"}
    return gives | {"model:inbag"} if config.bootstrap else gives


@hookimpl
def atlas_model() -> list[Component]:
    """Offer ``quantile_forest``."""
    return [
        Component(
            "quantile_forest",
            QuantileForestConfig,
            build,
            needs={"features:vectors", "task:regression"},
            gives=_gives,
            citation="https://www.jmlr.org/papers/v7/meinshausen06a.html",
        )
    ]
