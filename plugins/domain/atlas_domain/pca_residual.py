"""What the main axes of the training materials cannot express (Jackson 1979)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, hookimpl
from atlas_domain._options import Compared, Quantile
from atlas_domain._representation import NEEDS
from atlas_domain._spread import spread

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class PCAResidualConfig(Config):
    """How much the axes express, of what, and what counts as outside."""

    variance: float = Field(
        0.99, gt=0.0, lt=1.0, description="Share of the training variance that the axes keep."
    )
    representation: Compared = "fractions"
    quantile: Quantile = 0.95


def needs(config: PCAResidualConfig) -> frozenset[str]:
    """Return what the chosen representation needs."""
    return NEEDS[config.representation]


def build(config: PCAResidualConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._pca_residual import PCAResidual

    return PCAResidual(config.variance, config.representation, config.quantile)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``pca_residual``."""
    return [
        Component(
            "pca_residual",
            PCAResidualConfig,
            build,
            needs=needs,
            citation="10.1080/00401706.1979.10489779",
            check=spread,
        )
    ]
