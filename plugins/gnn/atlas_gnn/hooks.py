"""Networks and their options. Light."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from atlas_core.api import Component, Field, hookimpl
from atlas_gnn._options import TrainingConfig, provides, tasks


class CGCNNConfig(TrainingConfig):
    """Crystal graph convolutional network (Xie & Grossman 2018) and its training."""

    width: int = Field(64, ge=1, description="Features per atom and of the crystal vector.")
    convolutions: int = Field(3, ge=1, le=12, description="Rounds of message passing.")
    hidden: int = Field(64, ge=1, description="Width of the layer between crystal and target.")
    dropout: float = Field(
        0.1, gt=0, lt=1, description="Share of features dropped before each layer of the head."
    )
    cutoff: float = Field(8.0, gt=0, description="Last center of the distance expansion, in Å.")
    spacing: float = Field(
        0.2, gt=0, description="Step and width of the Gaussians of the distance expansion, in Å."
    )

    @model_validator(mode="after")
    def _has_two_centers(self) -> Self:
        if self.spacing > self.cutoff:
            raise ValueError("spacing must not exceed cutoff")
        if self.cutoff / self.spacing > 1000:
            raise ValueError("cutoff / spacing must be at most 1000")
        return self


class PaiNNConfig(TrainingConfig):
    """Polarizable atom interaction network (Schütt, Unke & Gastegger 2021) and its training.

    Requires graphs with directions: ``crystal_graph`` with ``shells: whole``.
    """

    learning_rate: float = Field(3e-3, gt=0, description="Peak of the one-cycle schedule.")
    width: int = Field(
        64, ge=1, description="Scalar features per atom, and vector features per atom."
    )
    interactions: int = Field(3, ge=1, le=12, description="Rounds of message passing.")
    hidden: int = Field(64, ge=1, description="Width of the layer between crystal and target.")
    dropout: float = Field(
        0.1, gt=0, lt=1, description="Share of features dropped before each layer of the head."
    )
    cutoff: float = Field(
        6.0, gt=0, description="Å; a message fades with distance and is zero from here on."
    )
    radial: int = Field(
        20, ge=1, le=200, description="Number of radial basis functions (sine waves)."
    )


class RoostConfig(TrainingConfig):
    """Network on the formula alone (Goodall & Lee 2020), and its training."""

    epochs: int = Field(100, ge=1, description="Passes over the training rows.")
    batch_size: int = Field(128, ge=2, description="Minimum batch size, in formulas.")
    learning_rate: float = Field(2e-3, gt=0, description="Peak of the one-cycle schedule.")
    weight_decay: float = Field(0.1, ge=0, description="Decoupled weight decay of AdamW.")
    validation: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Fraction of the training rows used for validation, to select the best"
        " epoch, rounded down to whole rows; if that is 0, all rows are used for"
        " training and the last epoch is kept.",
    )
    width: int = Field(64, ge=1, description="Features per element and of the formula vector.")
    rounds: int = Field(3, ge=1, le=12, description="Rounds of messages between elements.")
    heads: int = Field(3, ge=1, le=32, description="Attention heads of each round.")
    message: int = Field(
        64, ge=1, description="Width of the layer between a pair of elements and its message."
    )
    hidden: int = Field(128, ge=1, description="Width of the layer between formula and target.")
    dropout: float = Field(
        0.1, gt=0, lt=1, description="Share of features dropped before each layer of the head."
    )


@hookimpl
def atlas_model() -> list[Component]:
    """Offer the model components."""
    return [
        Component(
            "cgcnn",
            CGCNNConfig,
            "atlas_gnn.cgcnn:cgcnn",
            requires=lambda config: {"features:graphs"} | tasks(config),
            provides=provides,
            citation="10.1103/PhysRevLett.120.145301",
            contract_options={
                "width": 16,
                "hidden": 16,
                "convolutions": 2,
                "epochs": 20,
                "batch_size": 8,
            },
        ),
        Component(
            "painn",
            PaiNNConfig,
            "atlas_gnn.painn:painn",
            requires=lambda config: {"features:graphs", "features:directions"} | tasks(config),
            provides=provides,
            citation="10.48550/arXiv.2102.03150",
            contract_options={
                "width": 16,
                "hidden": 16,
                "interactions": 2,
                "epochs": 20,
                "batch_size": 8,
            },
        ),
        Component(
            "roost",
            RoostConfig,
            "atlas_gnn.roost:roost",
            requires=lambda config: {"features:fractions"} | tasks(config),
            provides=provides,
            citation="10.1038/s41467-020-19964-7",
            contract_options={
                "width": 16,
                "hidden": 16,
                "rounds": 2,
                "heads": 2,
                "message": 16,
                "epochs": 20,
                "batch_size": 8,
                "learning_rate": 1e-2,
            },
        ),
    ]
