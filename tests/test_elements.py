"""Formula text to amounts, held against pymatgen."""

from __future__ import annotations

import bz2
import json
from pathlib import Path

import pytest

from atlas_core.elements import ATOMIC_NUMBER, MAX_Z, SYMBOLS, parse_formula

TEXTS = [
    "Fe2O3",
    "LiFePO4",
    "Ca3(PO4)2",
    "Li0.5CoO2",
    "Ag.5Ge1Pb1.75S4",
    "Ba(Fe0.5Co0.5)2As2",
    "(NH4)2[Fe(CN)6]",
    "{Mg[Al(SiO)2]3}2",
    "Fe0.620C0.000953Mn0.000521Si0.00102",
    "CH3CH2OH",
    "NaCl Fe2",
    "Co",
    "CO",
    "H1e-3O2E1",
    "K(Cl)0F2",
    "U3.O8",
]


@pytest.mark.parametrize("text", TEXTS)
def test_amounts_equal_pymatgens(text):
    composition = pytest.importorskip("pymatgen.core").Composition
    if text == "H1e-3O2E1":
        expected = {1: 1e-3, 8: 20.0}
    else:
        expected = {element.Z: amount for element, amount in composition(text).items()}
    assert parse_formula(text) == pytest.approx(expected, rel=1e-12)


def real_formulas():
    for parent in Path(__file__).resolve().parents:
        folder = parent / "shared" / "data" / "matbench_v0.1"
        if folder.is_dir():
            break
    else:
        pytest.skip("the Matbench files are not here")
    texts = []
    for name in ("steels", "expt_gap", "expt_is_metal"):
        table = json.loads(bz2.decompress((folder / f"matbench_{name}.json.bz2").read_bytes()))
        texts.extend(table["composition"].values())
    return texts


def test_amounts_equal_pymatgens_on_every_formula_of_three_matbench_tasks():
    composition = pytest.importorskip("pymatgen.core").Composition
    texts = real_formulas()
    assert len(texts) == 312 + 4604 + 4921
    for text in texts:
        theirs = composition(text)
        ours = parse_formula(text)
        # pymatgen drops amounts below 1e-8
        kept = {z: amount for z, amount in ours.items() if amount >= 1e-8}
        assert kept == pytest.approx({e.Z: a for e, a in theirs.items()}, rel=1e-12), text


def test_elements_stand_in_order_of_first_appearance():
    assert list(parse_formula("OFeO2H")) == [8, 26, 1]
    assert list(parse_formula("O(FeO)2H")) == [8, 26, 1]


def test_zero_amounts_are_dropped():
    assert parse_formula("Li0Co1O2") == {27: 1.0, 8: 2.0}
    assert parse_formula("Li0(CoO)2") == {27: 2.0, 8: 2.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no element in it"),
        ("Li0", "no element in it"),
        ("Xx2O", "unknown element 'Xx'"),
        ("2H2O", "number '2' at character 1 follows no element"),
        ("Fe2 3", "number '3' at character 5 follows no element"),
        ("Li1.5.5", "number '.5' at character 6 follows no element"),
        ("Fe2O3-", "unexpected '-' at character 6"),
        ("fe2", "unexpected 'f' at character 1"),
        ("Ca3(PO4", "bracket '\\(' is never closed"),
        ("Ca3PO4)2", "bracket '\\)' closes nothing"),
        ("Ca3(PO4]2", "bracket '\\]' closes nothing"),
    ],
)
def test_what_is_no_formula_is_refused_with_its_place(text, message):
    with pytest.raises(ValueError, match=message):
        parse_formula(text)


def test_symbols_stand_at_their_atomic_number():
    elements = pytest.importorskip("pymatgen.core").Element
    assert MAX_Z == 118
    for z in range(1, MAX_Z + 1):
        assert elements.from_Z(z).symbol == SYMBOLS[z]
        assert ATOMIC_NUMBER[SYMBOLS[z]] == z
