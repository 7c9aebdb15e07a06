"""Variance scaling: one factor on sigma by maximum likelihood (Levi 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_calibration._ahead import enough
from atlas_calibration._options import TailsConfig
from atlas_core.api import Component, FoldFacts, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


ROWS = 10
"""Fewest calibration rows: with 10 the factor has a relative error of about 1 / sqrt(20)."""


class VarianceScalingConfig(TailsConfig):
    """One number from the calibration rows: what sigma is multiplied by."""


def build(config: VarianceScalingConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._variance_scaling import VarianceScaling

    return VarianceScaling(config)


def check(config: VarianceScalingConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few rows."""
    return enough(facts, ROWS)


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
            check=check,
        )
    ]
