"""Elastic moduli of 1181 crystals, embedded (de Jong et al. 2015)."""

from __future__ import annotations

from atlas_datasets._embedded import Embedded, Quantity
from atlas_datasets.hooks import ElasticTensorConfig

CAVEAT = "Voigt-Reuss-Hill average of a perfect crystal at 0 K, computed, not measured"


def elastic_tensor(config: ElasticTensorConfig) -> Embedded:
    """Return the loader of the embedded file."""
    return Embedded(
        name="elastic_tensor",
        sha256="d0b57e6a64be91fab803a66d409474ba77349cac9e826cca8a68ae7b47962482",
        target=config.target,
        targets={
            "K_VRH": Quantity("K_VRH", "GPa", "bulk modulus", bounds=(0, None), caveat=CAVEAT),
            "G_VRH": Quantity("G_VRH", "GPa", "shear modulus", bounds=(0, None), caveat=CAVEAT),
            "log10_K_VRH": Quantity(
                "K_VRH", "log10(GPa)", "logarithm of the bulk modulus", log10=True, caveat=CAVEAT
            ),
            "log10_G_VRH": Quantity(
                "G_VRH", "log10(GPa)", "logarithm of the shear modulus", log10=True, caveat=CAVEAT
            ),
        },
        citation=(
            "M. de Jong et al., Charting the complete elastic properties of inorganic "
            "crystalline compounds, Sci. Data 2, 150009 (2015), doi:10.1038/sdata.2015.9",
        ),
    )
