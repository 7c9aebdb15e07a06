"""Venn-Abers: a P(1) that is calibrated whatever the model, and conformal sets of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_calibration._ahead import both_classes, enough, fewest
from atlas_core.api import Component, Config, FoldFacts, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


ROWS = 20
"""Fewest calibration rows: a curve takes more than a factor."""


class VennAbersConfig(Config):
    """No options: two isotonic curves come from the calibration rows."""


def build(config: VennAbersConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._venn_abers import VennAbers

    return VennAbers()


def check(config: VennAbersConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or rows of both classes."""
    return enough(facts, max(ROWS, fewest(facts.levels))) + both_classes(facts)


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
            check=check,
        )
    ]
