"""Features outside the range of the training materials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, hookimpl
from atlas_domain._options import Quantile

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class RangeDetectorConfig(Config):
    """What is measured, and what counts as outside."""

    measure: Literal["degree", "share"] = Field(
        "degree",
        description="`degree`: the largest excess over the range, in training standard deviations;"
        " `share`: the share of features out of range.",
    )
    quantile: Quantile = 0.95


def build(config: RangeDetectorConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._out_of_range import RangeDetector

    return RangeDetector(config.measure, config.quantile)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``out_of_range``."""
    return [
        Component(
            "out_of_range",
            RangeDetectorConfig,
            build,
            needs={"features:vectors"},
            citation="10.3390/molecules17054791",
        )
    ]
