"""The model's own variance, ignorance and noise apart (a Gaussian process, say)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import UQMethod


class ModelVarianceConfig(Config):
    """No options: the model says it all."""


def build(config: ModelVarianceConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._model_variance import ModelVariance

    return ModelVariance()


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``model_variance``."""
    return [
        Component(
            "model_variance",
            ModelVarianceConfig,
            build,
            needs={"model:variance"},
            gives={"epistemic", "aleatoric"},
        )
    ]
