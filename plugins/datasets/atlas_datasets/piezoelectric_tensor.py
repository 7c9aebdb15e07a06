"""Piezoelectric moduli of 941 crystals, embedded (de Jong et al. 2015)."""

from __future__ import annotations

from atlas_datasets._embedded import Embedded, Quantity
from atlas_datasets.hooks import PiezoelectricTensorConfig


def piezoelectric_tensor(config: PiezoelectricTensorConfig) -> Embedded:
    """Return the loader of the embedded file."""
    return Embedded(
        name="piezoelectric_tensor",
        sha256="6d167625d5f571a3d209ea6d2c118153fcfa9e0a5ed1fa14a71bd9ec060dea3d",
        target=config.target,
        targets={
            "eij_max": Quantity(
                "eij_max",
                "C/m^2",
                "largest piezoelectric modulus",
                bounds=(0, None),
                caveat="computed by density functional perturbation theory, not measured",
            )
        },
        citation=(
            "M. de Jong, W. Chen, H. Geerlings, M. Asta, K. A. Persson, A database to "
            "enable discovery and design of piezoelectric materials, Sci. Data 2, 150053 "
            "(2015), doi:10.1038/sdata.2015.53",
        ),
    )
