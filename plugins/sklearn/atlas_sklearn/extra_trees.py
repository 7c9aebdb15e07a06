"""Extremely randomised trees: cuts drawn at random, the best kept (Geurts 2006)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_core.api import Model


class ExtraTreesConfig(Config):
    """A forest that grows faster than `random_forest`: one cut drawn at random for each column."""

    trees: int = Field(300, ge=2, le=100_000, description="Number of trees.")
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt"] = Field(
        1 / 3, description="Columns tried at a cut: a share of all, or `sqrt` of their number."
    )
    min_samples_leaf: int = Field(1, ge=1, description="Fewest training rows in a leaf.")
    max_depth: int | None = Field(None, ge=1, description="Most cuts on a path; null: no bound.")
    bootstrap: bool = Field(
        True,
        description="Each tree learns from rows drawn with replacement. The paper's trees learn "
        "from all rows, and then agree at every training row: their spread there is 0.",
    )


def build(config: ExtraTreesConfig) -> Model:
    """Return an unfitted forest."""
    from atlas_sklearn._forest import Forest

    return Forest(config, name="extra_trees", cuts="random", bootstrap=config.bootstrap)


def contract_options(folder: Path) -> dict[str, Any]:
    """Return the options that the contract is checked with: fewer trees, for time."""
    return {"trees": 50}


def _gives(config: ExtraTreesConfig) -> set[str]:
    gives = {"model:members", "model:leaves"}
    return gives | {"model:inbag"} if config.bootstrap else gives


@hookimpl
def atlas_model() -> list[Component]:
    """Offer ``extra_trees``."""
    return [
        Component(
            "extra_trees",
            ExtraTreesConfig,
            build,
            needs={"features:vectors"},
            gives=_gives,
            citation="10.1007/s10994-006-6226-1",
        )
    ]
