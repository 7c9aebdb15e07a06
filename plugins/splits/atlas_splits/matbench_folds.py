"""Matbench v0.1's five official folds, in file order (Dunn et al. 2020)."""

from __future__ import annotations

from atlas_core.api import Component, Config, Field, Splitter, hookimpl


class MatbenchFoldsConfig(Config):
    """Official test folds; Matbench has no calibration part, so none is taken by default."""

    calibration: float = Field(
        0.0,
        ge=0,
        lt=1,
        description=(
            "Fraction taken from each training fold to calibrate. 0 trains on the whole official"
            " training fold, as the leaderboard does; above 0 the test folds stay official."
        ),
    )


def build(config: MatbenchFoldsConfig) -> Splitter:
    """Return the splitter."""
    from atlas_splits._matbench_folds import MatbenchFolds

    return MatbenchFolds(config)


@hookimpl
def atlas_split() -> list[Component]:
    """Offer ``matbench_folds``."""
    return [
        Component(
            "matbench_folds",
            MatbenchFoldsConfig,
            build,
            needs={"target"},
            citation="10.1038/s41524-020-00406-3",
            expected_failures={"different_seed_different_folds": "Matbench fixes its folds"},
        )
    ]
