"""Bayesian regression on the model's embedding, prior and noise by evidence (MacKay 1992)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import UQMethod


class LastLayerLaplaceConfig(Config):
    """Laplace approximation of the last layer alone: for a linear one it is exact.

    The layer is a new one, from what `embed` returns to the target. The model has learned its
    embedding from the same rows, so both stds are too small by a factor: use a calibrator.
    """

    mean: Literal["model", "line"] = Field(
        "model", description="Predict the model's own mean, or that of the linear layer."
    )


def build(config: LastLayerLaplaceConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._last_layer_laplace import LastLayerLaplace

    return LastLayerLaplace(config)


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``last_layer_laplace``."""
    return [
        Component(
            "last_layer_laplace",
            LastLayerLaplaceConfig,
            build,
            needs={"model:embedding", "task:regression"},
            gives={"epistemic", "aleatoric"},
            citation="10.48550/arXiv.2106.14806",
        )
    ]
