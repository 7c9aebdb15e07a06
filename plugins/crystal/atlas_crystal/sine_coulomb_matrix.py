"""Sine Coulomb matrix: sorted eigenvalues, padded with zeros (Faber et al. 2015)."""

from __future__ import annotations

from atlas_core.api import Component, Config, Featurizer, Field, hookimpl


class SineCoulombMatrixConfig(Config):
    """Eigenvalues of the sine Coulomb matrix, largest magnitude first."""

    max_sites: int = Field(
        64,
        ge=1,
        le=2000,
        description=(
            "Columns. Crystals with fewer sites are padded with zeros; of a crystal with more, the"
            " eigenvalues of largest magnitude are kept."
        ),
    )


def build(config: SineCoulombMatrixConfig) -> Featurizer:
    """Return the featurizer."""
    from atlas_crystal._sine_coulomb_matrix import SineCoulombMatrix

    return SineCoulombMatrix(config)


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer ``sine_coulomb_matrix``."""
    return [
        Component(
            "sine_coulomb_matrix",
            SineCoulombMatrixConfig,
            build,
            needs={"inputs:structure"},
            gives={"features:vectors"},
            citation="10.1002/qua.24917",
            expected_failures={
                "supercell_does_not_matter": "the matrix has one row a site of the given cell"
            },
        )
    ]
