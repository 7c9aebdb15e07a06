"""Formation energies of 3938 crystals, embedded (Faber et al. 2015)."""

from __future__ import annotations

from atlas_datasets._embedded import Embedded, Quantity
from atlas_datasets.hooks import FllaConfig


def flla(config: FllaConfig) -> Embedded:
    """Return the loader of the embedded file."""
    return Embedded(
        name="flla",
        sha256="919f17bb2b9f2f9a46d70d69b84117f152fa257dfa743ef09709e8d114910b55",
        target=config.target,
        targets={
            "formation_energy_per_atom": Quantity(
                "formation_energy_per_atom",
                "eV/atom",
                "formation energy per atom",
                caveat="formation energy, not stability: that is the distance to the convex hull",
            ),
            "e_above_hull": Quantity(
                "e_above_hull",
                "eV/atom",
                "energy above the convex hull",
                bounds=(0, None),
                caveat="at 0 K and against the phases known when it was computed; metastable"
                " materials above 0 exist",
            ),
        },
        citation=(
            "F. Faber, A. Lindmaa, O. A. von Lilienfeld, R. Armiento, Crystal structure "
            "representations for machine learning models of formation energies, Int. J. "
            "Quantum Chem. 115, 1094-1101 (2015), doi:10.1002/qua.24917",
        ),
    )
