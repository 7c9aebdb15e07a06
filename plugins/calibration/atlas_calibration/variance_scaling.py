"""Variance scaling: one factor on sigma by maximum likelihood (Levi 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_calibration._options import TailsConfig
from atlas_core.api import Component, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


class VarianceScalingConfig(TailsConfig):
    """One number from the calibration rows: what sigma is multiplied by."""


def build(config: VarianceScalingConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._variance_scaling import VarianceScaling

    return VarianceScaling(config)


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer ``variance_scaling``."""
    return [
        Component(
            "variance_scaling",
            VarianceScalingConfig,
            build,
            needs={"epistemic", "task:regression"},
            citation="10.3390/s22155540",
        )
    ]
