"""Split conformal: intervals whose coverage holds for any model (Vovk; Lei 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_calibration._ahead import conformal
from atlas_calibration._options import ScoreConfig, needs_of_score
from atlas_core.api import Component, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


class SplitConformalConfig(ScoreConfig):
    """Quantiles of the errors on calibration rows."""


def build(config: SplitConformalConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._split_conformal import SplitConformal

    return SplitConformal(config)


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer ``split_conformal``."""
    return [
        Component(
            "split_conformal",
            SplitConformalConfig,
            build,
            needs=needs_of_score,
            citation="10.1080/01621459.2017.1307116",
            check=conformal,
        )
    ]
