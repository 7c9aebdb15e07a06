"""A line on sigma by maximum likelihood: a sigma + b (Palmer 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_calibration._ahead import enough
from atlas_calibration._options import TailsConfig
from atlas_core.api import Component, FoldFacts, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


ROWS = 20
"""Fewest calibration rows: a line takes more than a factor."""


class LinearConfig(TailsConfig):
    """Two numbers, a and b, from the calibration rows; neither is negative."""


def build(config: LinearConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._linear import Linear

    return Linear(config)


def check(config: LinearConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few rows."""
    return enough(facts, ROWS)


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
            check=check,
        )
    ]
