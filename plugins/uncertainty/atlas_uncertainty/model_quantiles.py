"""The model's own quantiles as draws: the spread of targets, not of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import UQMethod


class ModelQuantilesConfig(Config):
    """Read conditional quantiles, such as those of `quantile_forest`."""

    draws: int = Field(
        99,
        ge=9,
        le=9999,
        description="Quantiles a row, at the levels (i - 1/2) / draws: they are its samples.",
    )


def build(config: ModelQuantilesConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._model_quantiles import ModelQuantiles

    return ModelQuantiles(config)


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``model_quantiles``."""
    return [
        Component(
            "model_quantiles",
            ModelQuantilesConfig,
            build,
            needs={"model:quantiles", "task:regression"},
            gives={"aleatoric", "samples"},
            citation="https://www.jmlr.org/papers/v7/meinshausen06a.html",
        )
    ]
