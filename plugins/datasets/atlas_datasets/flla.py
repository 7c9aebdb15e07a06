"""Formation energies of 3938 crystals, embedded (Faber et al. 2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import DatasetSource

SHA256 = "919f17bb2b9f2f9a46d70d69b84117f152fa257dfa743ef09709e8d114910b55"


class FllaConfig(Config):
    """FLLA: 3938 ordered crystals of the Materials Project, chosen by Faber et al. (2015)."""

    target: Literal["formation_energy_per_atom", "e_above_hull"] = Field(
        "formation_energy_per_atom", description="Property to predict, in eV/atom."
    )


def build(config: FllaConfig) -> DatasetSource:
    """Return the loader of the embedded file."""
    from atlas_datasets._embedded import Embedded, Quantity

    return Embedded(
        name="flla",
        sha256=SHA256,
        target=config.target,
        targets={
            "formation_energy_per_atom": Quantity("formation_energy_per_atom", "eV/atom"),
            "e_above_hull": Quantity("e_above_hull", "eV/atom", bounds=(0, None)),
        },
        citation=(
            "F. Faber, A. Lindmaa, O. A. von Lilienfeld, R. Armiento, Crystal structure "
            "representations for machine learning models of formation energies, Int. J. "
            "Quantum Chem. 115, 1094-1101 (2015), doi:10.1002/qua.24917",
        ),
    )


@hookimpl
def atlas_dataset() -> list[Component]:
    """Offer the data set."""
    return [
        Component(
            "flla",
            FllaConfig,
            build,
            gives={"inputs:composition", "inputs:structure", "task:regression"},
            citation="10.1002/qua.24917",
        )
    ]
