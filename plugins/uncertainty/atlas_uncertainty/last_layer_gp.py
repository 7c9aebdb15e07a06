"""Gaussian process on principal components of the model's embedding (Wilson 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import UQMethod


class LastLayerGPConfig(Config):
    """An exact Gaussian process where the model's last layer stood.

    The embedding is that of the trained model and is not learned with the kernel, unlike the
    paper's. It has seen the same rows, so both stds are too small by a factor: use a calibrator.
    """

    mean: Literal["model", "gp"] = Field(
        "model", description="Predict the model's own mean, or that of the Gaussian process."
    )
    kernel: Literal["matern", "rbf"] = Field(
        "matern", description="`matern` (smoothness 5/2) or the infinitely smooth `rbf`."
    )
    components: int = Field(
        10, ge=1, le=1000, description="Principal components of the embedding, at most."
    )
    rows: int = Field(
        1000,
        ge=10,
        le=20_000,
        description="Training rows, at most, drawn from the seed: time grows with their cube.",
    )


def build(config: LastLayerGPConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._last_layer_gp import LastLayerGP

    return LastLayerGP(config)


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``last_layer_gp``."""
    return [
        Component(
            "last_layer_gp",
            LastLayerGPConfig,
            build,
            needs={"model:embedding", "task:regression"},
            gives={"epistemic", "aleatoric"},
            citation="10.48550/arXiv.1511.02222",
        )
    ]
