"""Monte-Carlo dropout: spread of stochastic passes (Gal & Ghahramani 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import UQMethod


MOST_PASSES = 10_000


class MCDropoutConfig(Config):
    """Predict many times with dropout left on."""

    passes: int = Field(
        30, ge=2, le=MOST_PASSES, description="Stochastic forward passes a prediction."
    )


def build(config: MCDropoutConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._mc_dropout import MCDropout

    return MCDropout(config)


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``mc_dropout``."""
    return [
        Component(
            "mc_dropout",
            MCDropoutConfig,
            build,
            needs={"model:dropout"},
            gives={"epistemic", "samples"},
            citation="10.48550/arXiv.1506.02142",
        )
    ]
