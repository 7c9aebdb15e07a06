"""Mahalanobis distance to the training data, Ledoit-Wolf covariance (Ledoit & Wolf 2004)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl
from atlas_domain._options import Compared, Quantile
from atlas_domain._representation import NEEDS

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class MahalanobisConfig(Config):
    """What is measured, and what counts as outside."""

    representation: Compared = "fractions"
    quantile: Quantile = 0.95


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
