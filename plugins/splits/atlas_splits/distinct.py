"""Random split in which no formula, nor one close to it, stands on both sides."""

from __future__ import annotations

from atlas_core.api import Component, Config, Field, Splitter, hookimpl


class DistinctConfig(Config):
    """Formulas within a distance of each other are one group, and groups are dealt whole."""

    calibration: float = Field(0.15, ge=0, lt=0.5, description="Fraction of the rows to calibrate.")
    test: float = Field(0.15, gt=0, lt=0.5, description="Fraction of the rows to test.")
    distance: float = Field(
        0.03,
        ge=0,
        le=0.5,
        description=(
            "Formulas nearer than this (Euclidean, of element fractions) are one group; 0.03 is"
            " one atom in fifty exchanged, 0 joins equal formulas (polymorphs) only."
        ),
    )


def build(config: DistinctConfig) -> Splitter:
    """Return the splitter."""
    from atlas_splits._distinct import Distinct

    return Distinct(config)


@hookimpl
def atlas_split() -> list[Component]:
    """Offer ``distinct``."""
    return [
        Component(
            "distinct",
            DistinctConfig,
            build,
            needs={"inputs:composition"},
            citation="10.1038/s41524-024-01426-z",
        )
    ]
