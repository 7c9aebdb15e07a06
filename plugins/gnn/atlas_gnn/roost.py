"""Network that reads a formula as elements that send messages (Goodall & Lee 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas_core.api import Component, Field, hookimpl
from atlas_gnn._options import TrainingConfig, gives, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_core.api import Model


class RoostConfig(TrainingConfig):
    """Network that reads a formula alone (Goodall & Lee 2020), and its training."""

    epochs: int = Field(100, ge=1, description="Passes over the training rows.")
    batch_size: int = Field(128, ge=2, description="Formulas a step, at least.")
    learning_rate: float = Field(2e-3, gt=0, description="Peak of the one-cycle schedule.")
    weight_decay: float = Field(0.1, ge=0, description="Decoupled weight decay of AdamW.")
    validation: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the training rows that picks the best epoch, rounded down to whole"
        " rows; where that is 0, all rows are learned from and the last epoch is kept.",
    )
    width: int = Field(64, ge=1, description="Features of an element and of the formula vector.")
    rounds: int = Field(3, ge=1, le=12, description="Rounds of messages between elements.")
    heads: int = Field(3, ge=1, le=32, description="Attention heads of each round.")
    message: int = Field(
        64, ge=1, description="Width of the layer between a pair of elements and its message."
    )
    hidden: int = Field(128, ge=1, description="Width of the layer between formula and target.")
    dropout: float = Field(
        0.1, gt=0, lt=1, description="Share of features dropped before each layer of the head."
    )


def build(config: RoostConfig) -> Model:
    """Return an unfitted network."""
    from atlas_gnn._roost import roost

    return roost(config)


@hookimpl
def atlas_model() -> list[Component]:
    """Offer ``roost``."""
    return [
        Component(
            "roost",
            RoostConfig,
            build,
            needs=lambda config: {"features:fractions"} | tasks(config),
            gives=gives,
            citation="10.1038/s41467-020-19964-7",
        )
    ]


def contract_options(_folder: Path) -> dict[str, Any]:
    """Return a network small enough for the contract's 45 toy formulas."""
    small = {"width": 16, "hidden": 16, "rounds": 2, "heads": 2, "message": 16}
    return {**small, "epochs": 30, "batch_size": 8, "learning_rate": 1e-2}
