from __future__ import annotations

import numpy as np

from atlas_chemistry import FAMILIES, anion_family
from atlas_core.materials import Materials
from atlas_evaluation.scoring.chemistry import Chemistry

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


# shares of atoms worked out by hand
TRACES = {
    "Fe0.620C0.000953Mn0.000521Si0.00102Cr0.000110Ni0.192Mo0.0176": "intermetallic",
    "Fe0.623C0.00854Cr0.147N0.00163Co0.188": "intermetallic",
    "Fe0.9Si0.09Mn0.01": "intermetallic",  # 9 % Si, dissolved in iron
    "Fe3Si": "silicide",  # 25 %
    "Fe23C6": "carbide",  # 6 of 29
    "Fe93C7": "intermetallic",  # austenite
    "Ga1.001Sb0.999Te0.003": "pnictide",  # doped
    "Ba4B11O20F": "fluoride",  # 1 of 36: 2.8 %
    "Ca5P3O12F": "fluoride",  # 1 of 21
    "Ca6Ag16N": "pnictide",  # 1 of 23
    "Nd2Fe14B": "boride",  # 1 of 17
    "Na97F3": "fluoride",
    "Na98F2": "intermetallic",
    "Na395O98F7": "oxide",  # 7 of 500 are F, 98 of 500 O
}


def test_a_trace_of_an_element_makes_no_family() -> None:
    formulas = list(TRACES)
    ids = [f"m{k}" for k in range(len(formulas))]
    found = anion_family(Materials.from_formulas(ids, formulas))
    assert dict(zip(formulas, found.tolist(), strict=True)) == TRACES
    assert Chemistry(np.array(formulas)).families().tolist() == list(TRACES.values())


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
