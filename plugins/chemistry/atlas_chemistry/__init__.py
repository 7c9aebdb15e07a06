"""What chemistry says of a composition: families, the periodic table. Light: numpy only."""

from atlas_chemistry.families import FAMILIES, anion_family, families_of, family_of_elements
from atlas_chemistry.periodic_table import (
    atomic_mass,
    covalent_radius,
    electronegativity,
    element_statistics,
    f_block,
    periodic_group,
    periodic_row,
)

__all__ = [
    "FAMILIES",
    "anion_family",
    "atomic_mass",
    "covalent_radius",
    "electronegativity",
    "element_statistics",
    "f_block",
    "families_of",
    "family_of_elements",
    "periodic_group",
    "periodic_row",
]
