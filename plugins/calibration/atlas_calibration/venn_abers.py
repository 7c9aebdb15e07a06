"""Venn-Abers: a P(1) that is calibrated whatever the model, and conformal sets of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


class VennAbersConfig(Config):
    """No options: two isotonic curves come from the calibration rows."""


def build(config: VennAbersConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._venn_abers import VennAbers

    return VennAbers()


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer ``venn_abers``."""
    return [
        Component(
            "venn_abers",
            VennAbersConfig,
            build,
            needs={"task:binary"},
            citation="10.48550/arXiv.1211.0025",
        )
    ]
