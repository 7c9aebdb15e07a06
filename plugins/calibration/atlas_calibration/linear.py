"""A line on sigma by maximum likelihood: a sigma + b (Palmer 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_calibration._options import TailsConfig
from atlas_core.api import Component, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


class LinearConfig(TailsConfig):
    """Two numbers, a and b, from the calibration rows; neither is negative."""


def build(config: LinearConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._linear import Linear

    return Linear(config)


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer ``linear``."""
    return [
        Component(
            "linear",
            LinearConfig,
            build,
            needs={"epistemic", "task:regression"},
            citation="10.1038/s41524-022-00794-8",
        )
    ]
