"""A second model learns the size of the first one's errors on rows left out (Tran 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import UQMethod


class ResidualModelConfig(Config):
    """Predict the mean absolute error of a row from its features, with the arm's own model.

    It is called aleatoric: learned from errors within the data, it knows where targets are hard to
    predict, and nothing of how far away a row lies.
    """

    folds: int = Field(
        5, ge=2, le=100, description="Parts of the rows left out: it trains folds + 2 models."
    )
    floor: float = Field(
        0.1, gt=0, le=1, description="Least sigma, as a share of that of the median error."
    )


def build(config: ResidualModelConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._residual_model import ResidualModel

    return ResidualModel(config)


def check(config: ResidualModelConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few training rows to leave some out."""
    n, needed = len(facts.train), 2 * config.folds
    if n >= needed:
        return []
    return [f"{n} training rows, needs two for each of {config.folds} folds; lower folds"]


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``residual_model``."""
    return [
        Component(
            "residual_model",
            ResidualModelConfig,
            build,
            needs={"task:regression"},
            gives={"aleatoric"},
            citation="10.1088/2632-2153/ab7e1a",
            check=check,
        )
    ]
