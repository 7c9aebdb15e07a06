"""A classifier tells training materials from made-up ones (Hastie et al. 2009)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, hookimpl
from atlas_domain._options import Compared, Quantile
from atlas_domain._representation import NEEDS
from atlas_domain._spread import spread

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class DensityRatioConfig(Config):
    """What they are contrasted with, of what, and what counts as outside."""

    background: Literal["shuffled", "uniform"] = Field(
        "uniform",
        description="What training materials are told from. `shuffled`: rows whose columns are"
        " drawn from the training rows one by one, so that only the dependence between columns is"
        " lost. `uniform`: rows drawn evenly from a box a tenth wider than the training data.",
    )
    trees: int = Field(200, ge=10, description="Trees of the classifier.")
    representation: Compared = "features"
    quantile: Quantile = 0.95


def needs(config: DensityRatioConfig) -> frozenset[str]:
    """Return what the chosen representation needs."""
    return NEEDS[config.representation]


def build(config: DensityRatioConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._density_ratio import DensityRatio

    return DensityRatio(config.background, config.trees, config.representation, config.quantile)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``density_ratio``."""
    return [
        Component(
            "density_ratio",
            DensityRatioConfig,
            build,
            needs=needs,
            citation="10.1007/978-0-387-84858-7",
            check=spread,
        )
    ]
