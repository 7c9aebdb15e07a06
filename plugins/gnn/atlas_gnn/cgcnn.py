"""Crystal graph convolutional network with dropout and embedding (Xie & Grossman 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import model_validator

from atlas_core.api import Component, Field, hookimpl
from atlas_gnn._options import TrainingConfig, gives, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_core.api import Model


class CGCNNConfig(TrainingConfig):
    """Crystal graph convolutional network (Xie & Grossman 2018) and its training."""

    width: int = Field(64, ge=1, description="Features of an atom and of the crystal vector.")
    convolutions: int = Field(3, ge=1, le=12, description="Rounds of message passing.")
    hidden: int = Field(64, ge=1, description="Width of the layer between crystal and target.")
    dropout: float = Field(
        0.1, gt=0, lt=1, description="Share of features dropped before each layer of the head."
    )
    cutoff: float = Field(8.0, gt=0, description="Last centre of the distance expansion, in Å.")
    spacing: float = Field(
        0.2, gt=0, description="Step and width of the Gaussians of the distance expansion, in Å."
    )

    @model_validator(mode="after")
    def _has_two_centres(self) -> Self:
        if self.spacing > self.cutoff:
            raise ValueError("spacing must not exceed cutoff")
        if self.cutoff / self.spacing > 1000:
            raise ValueError("cutoff / spacing must be at most 1000")
        return self


def build(config: CGCNNConfig) -> Model:
    """Return an unfitted network."""
    from atlas_gnn._cgcnn import cgcnn

    return cgcnn(config)


@hookimpl
def atlas_model() -> list[Component]:
    """Offer ``cgcnn``."""
    return [
        Component(
            "cgcnn",
            CGCNNConfig,
            build,
            needs=lambda config: {"features:graphs"} | tasks(config),
            gives=gives,
            citation="10.1103/PhysRevLett.120.145301",
        )
    ]


def contract_options(_folder: Path) -> dict[str, Any]:
    """Return a network small enough for the contract's 45 toy crystals."""
    return {"width": 16, "hidden": 16, "convolutions": 2, "epochs": 30, "batch_size": 8}
