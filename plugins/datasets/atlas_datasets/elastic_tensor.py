"""Elastic moduli of 1181 crystals, embedded (de Jong et al. 2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import DatasetSource

SHA256 = "d0b57e6a64be91fab803a66d409474ba77349cac9e826cca8a68ae7b47962482"


class ElasticTensorConfig(Config):
    """Bulk and shear moduli (Voigt-Reuss-Hill) of 1181 crystals by DFT."""

    target: Literal["K_VRH", "G_VRH", "log10_K_VRH", "log10_G_VRH"] = Field(
        "K_VRH", description="Bulk (K) or shear (G) modulus in GPa, or its decimal logarithm."
    )


def build(config: ElasticTensorConfig) -> DatasetSource:
    """Return the loader of the embedded file."""
    from atlas_datasets._embedded import Embedded, Quantity

    return Embedded(
        name="elastic_tensor",
        sha256=SHA256,
        target=config.target,
        targets={
            "K_VRH": Quantity("K_VRH", "GPa", bounds=(0, None)),
            "G_VRH": Quantity("G_VRH", "GPa", bounds=(0, None)),
            "log10_K_VRH": Quantity("K_VRH", "log10(GPa)", log10=True),
            "log10_G_VRH": Quantity("G_VRH", "log10(GPa)", log10=True),
        },
        citation=(
            "M. de Jong et al., Charting the complete elastic properties of inorganic "
            "crystalline compounds, Sci. Data 2, 150009 (2015), doi:10.1038/sdata.2015.9",
        ),
    )


@hookimpl
def atlas_dataset() -> list[Component]:
    """Offer the data set."""
    return [
        Component(
            "elastic_tensor",
            ElasticTensorConfig,
            build,
            gives={"inputs:composition", "inputs:structure", "task:regression"},
            citation="10.1038/sdata.2015.9",
        )
    ]
