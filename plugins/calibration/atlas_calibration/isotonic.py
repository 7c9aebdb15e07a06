"""Isotonic recalibration of quantiles, or of a probability (Kuleshov 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


class IsotonicConfig(Config):
    """No options: the curve comes from the calibration rows."""


def build(config: IsotonicConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._isotonic import Isotonic

    return Isotonic()


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
        )
    ]
