"""Ridge regression; logistic regression for a binary target (Hoerl & Kennard 1970)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Model


class RidgeConfig(Config):
    """A linear model of standardised columns with an L2 penalty."""

    alpha: float = Field(1.0, gt=0, description="Strength of the L2 penalty.")


def build(config: RidgeConfig) -> Model:
    """Return an unfitted linear model."""
    from atlas_sklearn._ridge import Ridge

    return Ridge(config)


@hookimpl
def atlas_model() -> list[Component]:
    """Offer ``ridge``."""
    return [
        Component(
            "ridge",
            RidgeConfig,
            build,
            needs={"features:vectors"},
            citation="10.1080/00401706.1970.10488634",
        )
    ]
