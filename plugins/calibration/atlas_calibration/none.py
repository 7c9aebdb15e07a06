"""No calibration: the intervals that sigma, or the probability, claims as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


class NoneConfig(Config):
    """No options; it looks at no calibration row."""


def build(config: NoneConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._none import Uncalibrated

    return Uncalibrated()


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer ``none``."""
    return [
        Component(
            "none",
            NoneConfig,
            build,
            expected_failures={"coverage_keeps_its_word": "it repeats what sigma claims"},
        )
    ]
