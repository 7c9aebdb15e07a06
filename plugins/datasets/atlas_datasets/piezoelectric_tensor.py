"""Piezoelectric moduli of 941 crystals, embedded (de Jong et al. 2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import DatasetSource

SHA256 = "6d167625d5f571a3d209ea6d2c118153fcfa9e0a5ed1fa14a71bd9ec060dea3d"


class PiezoelectricTensorConfig(Config):
    """Largest piezoelectric modulus of 941 crystals by DFPT."""

    target: Literal["eij_max"] = Field(
        "eij_max",
        description="eij_max: the largest piezoelectric modulus over directions, in C/m^2.",
    )


def build(config: PiezoelectricTensorConfig) -> DatasetSource:
    """Return the loader of the embedded file."""
    from atlas_datasets._embedded import Embedded, Quantity

    return Embedded(
        name="piezoelectric_tensor",
        sha256=SHA256,
        target=config.target,
        targets={
            "eij_max": Quantity("eij_max", "C/m^2", bounds=(0, None)),
        },
        citation=(
            "M. de Jong, W. Chen, H. Geerlings, M. Asta, K. A. Persson, A database to "
            "enable discovery and design of piezoelectric materials, Sci. Data 2, 150053 "
            "(2015), doi:10.1038/sdata.2015.53",
        ),
    )


@hookimpl
def atlas_dataset() -> list[Component]:
    """Offer the data set."""
    return [
        Component(
            "piezoelectric_tensor",
            PiezoelectricTensorConfig,
            build,
            gives={"inputs:composition", "inputs:structure", "task:regression"},
            citation="10.1038/sdata.2015.53",
        )
    ]
