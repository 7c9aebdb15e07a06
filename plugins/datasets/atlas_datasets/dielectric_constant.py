"""Refractive index and dielectric data of 1056 crystals, embedded (Petousis 2017)."""

from __future__ import annotations

from atlas_datasets._embedded import Embedded, Quantity
from atlas_datasets.hooks import DielectricConstantConfig

CAVEAT = "computed by density functional perturbation theory, not measured"


def dielectric_constant(config: DielectricConstantConfig) -> Embedded:
    """Return the loader of the embedded file."""
    return Embedded(
        name="dielectric_constant",
        sha256="c13cf9f4da0d7dc9c4bd4a7d3bbeea6fd9f2a9ec9afd5dab1bb0c36acd917ad3",
        target=config.target,
        targets={
            "n": Quantity("n", "", "refractive index", bounds=(1, None), caveat=CAVEAT),
            "band_gap": Quantity(
                "band_gap",
                "eV",
                "band gap",
                bounds=(0, None),
                caveat="a gap of semilocal density functional theory, which is below the measured"
                " one",
            ),
            "poly_total": Quantity(
                "poly_total", "", "mean dielectric constant", bounds=(1, None), caveat=CAVEAT
            ),
        },
        citation=(
            "I. Petousis et al., High-throughput screening of inorganic compounds for the "
            "discovery of novel dielectric and optical materials, Sci. Data 4, 160134 "
            "(2017), doi:10.1038/sdata.2016.134",
        ),
    )
