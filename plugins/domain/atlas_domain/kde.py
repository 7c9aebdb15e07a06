"""Dissimilarity by kernel density of the training materials (Schultz et al. 2025)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl
from atlas_domain._options import Compared, Quantile
from atlas_domain._representation import NEEDS
from atlas_domain._spread import no_bandwidth, spread, two_rows

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class KernelDensityConfig(Config):
    """How smooth the density is, of what, and what counts as outside."""

    bandwidth: float | None = Field(
        None,
        gt=0.0,
        description="Width of the Gaussian kernels in the units of the representation; none: the"
        " mean distance of training materials to their nearest 30 %, as in the paper.",
    )
    representation: Compared = "root_fractions"
    quantile: Quantile = 0.95


def needs(config: KernelDensityConfig) -> frozenset[str]:
    """Return what the chosen representation needs."""
    return NEEDS[config.representation]


def build(config: KernelDensityConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._kde import KernelDensity

    return KernelDensity(config.bandwidth, config.representation, config.quantile)


def check(config: KernelDensityConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or a spread to estimate the bandwidth from."""
    if config.bandwidth:
        return two_rows(facts)
    return spread(config, facts) or no_bandwidth(facts.train, config.representation)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``kde``."""
    return [
        Component(
            "kde",
            KernelDensityConfig,
            build,
            needs=needs,
            citation="10.1038/s41524-025-01573-x",
            check=check,
        )
    ]
