"""Mahalanobis distance to the training data, Ledoit-Wolf covariance (Ledoit & Wolf 2004)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl
from atlas_domain._options import Quantile
from atlas_domain._representation import NEEDS
from atlas_domain._spread import no_covariance, two_rows

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class MahalanobisConfig(Config):
    """What is measured, and what counts as outside."""

    representation: Literal["arm", "fractions", "root_fractions", "features", "embedding"] = Field(
        "arm",
        description="What is compared: what the `arm` looks at (atomic fractions and, where its"
        " featurizer reads structures, also its features, or the volume per atom where these are"
        " graphs: the larger distance counts, each in units of its own threshold); atomic"
        " `fractions` of the 118 elements, their roots (`root_fractions`: distances are then"
        " Hellinger's), the arm's `features` (vectors, standardised), or the `embedding` of its"
        " trained model.",
    )
    shrinkage: float | None = Field(
        None,
        gt=0.0,
        le=1.0,
        description="Share of the identity in the covariance; none: that of Ledoit and Wolf, found"
        " from the rows.",
    )
    centre: Literal["all", "size"] = Field(
        "all",
        description="Whose mean and covariance: those of `all` training rows, or of those of the"
        " same `size`, the number of elements (few elements make extreme statistics, so that in"
        " features every binary looks far).",
    )
    quantile: Quantile = 0.95


def needs(config: MahalanobisConfig) -> frozenset[str]:
    """Return what the chosen representation needs."""
    return NEEDS[config.representation]


def build(config: MahalanobisConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._mahalanobis import Mahalanobis

    return Mahalanobis(config.representation, config.quantile, config.shrinkage, config.centre)


def check(config: MahalanobisConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or a covariance that can be inverted."""
    return two_rows(facts) or no_covariance(
        facts.train,
        config.representation,
        shrunk=config.shrinkage is not None,
        per_size=config.centre == "size",
    )


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
            check=check,
        )
    ]
