"""Equivariant network that reads directions of bonds, and so angles (Schütt et al. 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas_core.api import Component, Field, hookimpl
from atlas_gnn._options import TrainingConfig, gives, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_core.api import Model


class PaiNNConfig(TrainingConfig):
    """Polarizable atom interaction network (Schütt, Unke & Gastegger 2021) and its training.

    It reads graphs with directions: ``crystal_graph`` with ``shells: whole``.
    """

    learning_rate: float = Field(3e-3, gt=0, description="Peak of the one-cycle schedule.")
    width: int = Field(64, ge=1, description="Scalars of an atom, and vectors of an atom.")
    interactions: int = Field(3, ge=1, le=12, description="Rounds of message passing.")
    hidden: int = Field(64, ge=1, description="Width of the layer between crystal and target.")
    dropout: float = Field(
        0.1, gt=0, lt=1, description="Share of features dropped before each layer of the head."
    )
    cutoff: float = Field(
        6.0, gt=0, description="Å; a message fades with distance and is zero from here on."
    )
    radial: int = Field(20, ge=1, le=200, description="Sine waves that a distance is told by.")


def build(config: PaiNNConfig) -> Model:
    """Return an unfitted network."""
    from atlas_gnn._painn import painn

    return painn(config)


@hookimpl
def atlas_model() -> list[Component]:
    """Offer ``painn``."""
    return [
        Component(
            "painn",
            PaiNNConfig,
            build,
            needs=lambda config: {"features:graphs", "features:directions"} | tasks(config),
            gives=gives,
            citation="10.48550/arXiv.2102.03150",
        )
    ]


def contract_options(_folder: Path) -> dict[str, Any]:
    """Return a network small enough for the contract's 45 toy crystals."""
    return {"width": 16, "hidden": 16, "interactions": 2, "epochs": 30, "batch_size": 8}
