"""Isolation forest: few random cuts set it apart (Liu, Ting & Zhou 2008)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, hookimpl
from atlas_domain._options import Quantile
from atlas_domain._representation import NEEDS
from atlas_domain._spread import spread

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class IsolationForestConfig(Config):
    """How many trees, of what, and what counts as outside."""

    trees: int = Field(200, ge=10, description="Trees in the forest.")
    representation: Literal["features", "embedding"] = Field(
        "features",
        description="What is cut: the arm's feature vectors, or the embedding of its trained"
        " model. Not fractions: a column that is 0 throughout training is never cut, so an"
        " element that was never seen would make a material look ordinary.",
    )
    quantile: Quantile = 0.95


def needs(config: IsolationForestConfig) -> frozenset[str]:
    """Return what the chosen representation needs."""
    return NEEDS[config.representation]


def build(config: IsolationForestConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._isolation_forest import IsolationForest

    return IsolationForest(config.trees, config.representation, config.quantile)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``isolation_forest``."""
    return [
        Component(
            "isolation_forest",
            IsolationForestConfig,
            build,
            needs=needs,
            expected_failures={
                "far_materials_are_flagged": "its scores saturate outside the range of the"
                " training data: cuts end there, so few far rows pass the threshold"
            },
            citation="10.1109/ICDM.2008.17",
            check=spread,
        )
    ]
