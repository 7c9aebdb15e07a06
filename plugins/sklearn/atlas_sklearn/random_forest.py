"""Random forest: trees on bootstrapped rows; their spread is a sigma (Breiman 2001)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_core.api import Model


class RandomForestConfig(Config):
    """A forest of decision trees; the trees are the members of a committee."""

    trees: int = Field(300, ge=2, le=100_000, description="Number of trees.")
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt"] = Field(
        1 / 3, description="Columns tried at a cut: a share of all, or `sqrt` of their number."
    )
    min_samples_leaf: int = Field(1, ge=1, description="Fewest training rows in a leaf.")
    max_depth: int | None = Field(None, ge=1, description="Most cuts on a path; null: no bound.")


def build(config: RandomForestConfig) -> Model:
    """Return an unfitted forest."""
    from atlas_sklearn._forest import Forest

    return Forest(config, name="random_forest", cuts="best")


def contract_options(folder: Path) -> dict[str, Any]:
    """Return the options that the contract is checked with: fewer trees, for time."""
    return {"trees": 50}


@hookimpl
def atlas_model() -> list[Component]:
    """Offer ``random_forest``."""
    return [
        Component(
            "random_forest",
            RandomForestConfig,
            build,
            needs={"features:vectors"},
            gives={"model:members", "model:leaves", "model:inbag"},
            citation="10.1023/A:1010933404324",
        )
    ]
