"""Mahalanobis distance to the training data, Ledoit-Wolf covariance (Ledoit & Wolf 2004)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, hookimpl
from atlas_domain._representation import NEEDS, Representation

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class MahalanobisConfig(Config):
    """What is measured, and what counts as outside."""

    representation: Representation = Field(
        "fractions",
        description="What is compared: atomic fractions of the 118 elements, the arm's feature"
        " vectors (standardised), or the embedding of its trained model.",
    )
    quantile: float = Field(
        0.95,
        gt=0.0,
        lt=1.0,
        description="Share of calibration materials below the threshold; those above are flagged.",
    )


def needs(config: MahalanobisConfig) -> frozenset[str]:
    """Return what the chosen representation needs."""
    return NEEDS[config.representation]


def build(config: MahalanobisConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._mahalanobis import Mahalanobis

    return Mahalanobis(config.representation, config.quantile)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``mahalanobis``."""
    return [
        Component(
            "mahalanobis",
            MahalanobisConfig,
            build,
            needs=needs,
            citation="10.1016/S0047-259X(03)00096-4",
        )
    ]
