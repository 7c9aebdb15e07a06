"""Isotonic recalibration of quantiles, or of a probability (Kuleshov 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_calibration._ahead import both_classes, enough
from atlas_core.api import Component, Config, FoldFacts, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


ROWS = 20
"""Fewest calibration rows: a curve takes more than a factor."""


class IsotonicConfig(Config):
    """No options: the curve comes from the calibration rows."""


def build(config: IsotonicConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._isotonic import Isotonic

    return Isotonic()


def check(config: IsotonicConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or rows of both classes."""
    return enough(facts, ROWS) + both_classes(facts)


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer ``isotonic``."""
    return [
        Component(
            "isotonic",
            IsotonicConfig,
            build,
            needs={"epistemic"},
            citation="10.48550/arXiv.1807.00263",
            check=check,
        )
    ]
