"""Radial distribution function g(r) of a crystal, in bins of distance."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from atlas_core.api import Component, Config, Featurizer, Field, hookimpl


class RadialDistributionConfig(Config):
    """As matminer's RadialDistributionFunction, divided by the number of sites."""

    cutoff: float = Field(
        20.0, gt=0, le=50, description="Å; largest distance, a whole number of bins."
    )
    bin_size: float = Field(0.1, ge=0.001, le=10, description="Å; width of a bin.")

    @model_validator(mode="after")
    def _whole_bins(self) -> Self:
        if abs(self.cutoff / self.bin_size - round(self.cutoff / self.bin_size)) > 1e-6:
            raise ValueError(
                f"cutoff {self.cutoff:g} is no whole number of bins of {self.bin_size:g}"
            )
        return self


def build(config: RadialDistributionConfig) -> Featurizer:
    """Return the featurizer."""
    from atlas_crystal._radial_distribution import RadialDistribution

    return RadialDistribution(config)


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer ``radial_distribution``."""
    return [
        Component(
            "radial_distribution",
            RadialDistributionConfig,
            build,
            needs={"inputs:structure"},
            gives={"features:vectors"},
            citation="10.1016/j.commatsci.2018.05.018",
        )
    ]
