"""Conformalised quantile regression: quantiles of the draws, widened to keep their word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_calibration._ahead import conformal
from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


class CQRConfig(Config):
    """No options: the quantiles are those of the prediction's draws."""


def build(config: CQRConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._cqr import CQR

    return CQR()


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer ``cqr``."""
    return [
        Component(
            "cqr",
            CQRConfig,
            build,
            needs={"samples", "task:regression"},
            citation="10.48550/arXiv.1905.03222",
            check=conformal,
        )
    ]
