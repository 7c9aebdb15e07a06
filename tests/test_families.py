from __future__ import annotations

import numpy as np

from atlas_core.families import FAMILIES, anion_family
from atlas_core.materials import Materials

# each by hand, from what chemistry calls the compound
KNOWN = {
    "Fe": "elemental",
    "O2": "elemental",
    "Xe": "elemental",
    "LiPF6": "fluoride",
    "LaOF": "fluoride",
    "XeF2": "fluoride",
    "LiFePO4": "oxide",
    "CaCO3": "oxide",
    "Ca(OH)2": "oxide",
    "BiOCl": "oxide",
    "NaNO3": "oxide",
    "NaCl": "halide",
    "NH4I": "halide",
    "SbSI": "halide",
    "CuInSe2": "chalcogenide",
    "Bi2Te3": "chalcogenide",
    "KSCN": "chalcogenide",
    "GaN": "pnictide",
    "TiNiSb": "pnictide",
    "Ti2CN": "pnictide",
    "WC": "carbide",
    "CH4": "carbide",
    "LiBH4": "hydride",
    "LaNi5H6": "hydride",
    "MgB2": "boride",
    "MoSi2": "silicide",
    "KrAr": "other",
    "TiNiSn": "intermetallic",
    "Ni3Al": "intermetallic",
}


def test_each_compound_has_the_family_that_chemistry_gives_it() -> None:
    formulas = list(KNOWN)
    found = anion_family(Materials.from_formulas(formulas, formulas))
    assert dict(zip(formulas, found.tolist(), strict=True)) == KNOWN
    assert set(KNOWN.values()) == set(FAMILIES)


def test_a_structure_has_the_family_of_its_formula() -> None:
    salt = Materials(
        ids=np.array(["a", "b"]),
        offsets=np.array([0, 3, 5]),
        numbers=np.array([11, 17, 17, 26, 26], dtype=np.int16),
        amounts=np.ones(5),
        frac=np.arange(15).reshape(5, 3) / 16,
        lattice=np.stack([np.eye(3) * 4] * 2),
    )
    assert anion_family(salt).tolist() == ["halide", "elemental"]


def test_no_material_has_no_family() -> None:
    assert anion_family(Materials.from_formulas([], [])).tolist() == []
