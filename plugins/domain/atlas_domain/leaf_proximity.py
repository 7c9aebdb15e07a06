"""Company in the leaves of the model's trees (Breiman 2001)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl
from atlas_domain._options import Quantile
from atlas_domain._spread import two_rows

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


_OUTERMOST = "beyond the last cut of a column everything shares the outermost leaf"


class LeafDetectorConfig(Config):
    """How many neighbours count, and what counts as outside."""

    nearest: int = Field(
        5, ge=1, description="Training materials with the largest proximities, which are averaged."
    )
    local: bool = Field(
        False,
        description="Compare with how alone those training materials are themselves, as the local"
        " outlier factor does.",
    )
    quantile: Quantile = 0.95


def build(config: LeafDetectorConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._leaf_proximity import LeafDetector

    return LeafDetector(config.nearest, config.local, config.quantile)


def check(config: Config, facts: FoldFacts) -> list[str]:
    """Return why there is nothing to compare with."""
    return two_rows(facts)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``leaf_proximity``."""
    return [
        Component(
            "leaf_proximity",
            LeafDetectorConfig,
            build,
            needs={"model:leaves"},
            citation="10.1023/A:1010933404324",
            expected_failures={
                "far_scores_above_near": _OUTERMOST,
                "far_materials_are_flagged": _OUTERMOST,
            },
            check=check,
        )
    ]
