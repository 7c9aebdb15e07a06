"""Formula text to amounts, held against pymatgen."""

from __future__ import annotations

import bz2
import json
from pathlib import Path

import pytest

from atlas_core.elements import (
    ATOMIC_NUMBER,
    MAX_Z,
    SYMBOLS,
    formula_flags,
    parse_formula,
)

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
    ("text", "expected"),
    [
        ("CuSO4·5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4*5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4 • 5 H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4∙5H₂O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4⋅5D2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4. 5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("Na2CO3·10H2O", {"Na": 2, "C": 1, "O": 13, "H": 20}),
        ("Fe2O3·H2O", {"Fe": 2, "O": 4, "H": 2}),
        ("LiCl.H2O", {"Li": 1, "Cl": 1, "H": 2, "O": 1}),
        ("CaSO4·0.5H2O", {"Ca": 1, "S": 1, "O": 4.5, "H": 1}),
        ("CaSO4·½H2O", {"Ca": 1, "S": 1, "O": 4.5, "H": 1}),
        ("CaSO4·1/2H2O", {"Ca": 1, "S": 1, "O": 4.5, "H": 1}),
        ("Cu(NO3)2·1½H2O", {"Cu": 1, "N": 2, "O": 7.5, "H": 3}),
        ("KAl(SO4)2·12H2O", {"K": 1, "Al": 1, "S": 2, "O": 20, "H": 24}),
        ("3CaO·Al2O3·6H2O", {"Ca": 3, "Al": 2, "O": 12, "H": 12}),
        ("MgCl2·6H2O·2NaCl", {"Mg": 1, "Cl": 4, "H": 12, "O": 6, "Na": 2}),
        ("[Cu(H2O)4]SO4·H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("(CuSO4·5H2O)2", {"Cu": 2, "S": 2, "O": 18, "H": 20}),
        ("Fe₂O₃", {"Fe": 2, "O": 3}),
        ("Li₀.₅CoO₂", {"Li": 0.5, "Co": 1, "O": 2}),
        ("Na\u00a0Cl\u2009", {"Na": 1, "Cl": 1}),
        ("Na\u200bCl\ufeff", {"Na": 1, "Cl": 1}),
        ("LiD", {"Li": 1, "H": 1}),
        ("DTO", {"H": 2, "O": 1}),
        ("DyT3", {"Dy": 1, "H": 3}),
        ("Fe0.5Ni0.5", {"Fe": 0.5, "Ni": 0.5}),
        ("K0.5H2O", {"K": 0.5, "H": 2, "O": 1}),
        ("CaSO4·1.5H2O", {"Ca": 1, "S": 1, "O": 5.5, "H": 3}),
    ],
)
def test_formulas_as_people_write_them(text, expected):
    found = {SYMBOLS[z]: amount for z, amount in parse_formula(text).items()}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("CuSO4.5H2O", ("CuSO4·5H2O", "CuSO5.5H2")),
        ("CaSO4.2H2O", ("CaSO4·2H2O", "CaSO5.2H2")),
        ("Na2CO3.10H2O", ("Na2CO3·10H2O", "Na2CO4.1H2")),
        ("Na2CO3.10 H2O", ("Na2CO3·10H2O", "Na2CO4.1H2")),
        ("CaSO4.2(H2O)", ("CaSO4·2(H2O)", "CaSO5.2H2")),
        ("Fe2(SO4)3.9H2O", ("Fe2(SO4)3·9H2O", "Fe2S3.9O16.6H2")),
        ("LiI.3H2O", ("LiI·3H2O", "H2I0.3LiO")),
        ("LiI.3D2O", ("LiI·3D2O", "H2I0.3LiO")),
        ("CaSO4.0.5H2O", ("CaSO4·0.5H2O", "CaSO4.0·5H2O")),
        ("CuSO4 .5H2O", ("CuSO4·5H2O", "CuSO4·0.5H2O")),
        ("NiCl2.6NH3", ("NiCl2·6NH3", "Cl2.6H3NNi")),
        ("Bi2O3.3TiO2", ("Bi2O3·3TiO2", "Bi2O5.3Ti")),
        ("BaCl2.2H2O", ("BaCl2·2H2O", "BaH2OCl2.2")),
        ("Al2O3.2SiO2.2H2O", ("Al2O3·2SiO2·2H2O", "Al2H2O6.4Si")),
        ("Na2SO4.2CaSO4", ("Na2SO4·2CaSO4", "Na2S2O8.2Ca")),
        ("FeCl3.3KCl", ("FeCl3·3KCl", "FeCl4.3K")),
        ("AlF3.3NaF", ("AlF3·3NaF", "AlF4.3Na")),
        ("CuCl2.2KCl", ("CuCl2·2KCl", "CuCl3.2K")),
        ("ZnCl2.4Zn(OH)2", ("ZnCl2·4Zn(OH)2", "Cl2.4H2O2Zn2")),
        ("MgCl2.2C4H8O", ("MgCl2·2C4H8O", "MgC4H8OCl2.2")),
        ("LiCl.2C4H8O", ("LiCl·2C4H8O", "LiCl0.2C4H8O")),
        ("NaBr.2NH4Cl", ("NaBr·2NH4Cl", "NaBr0.2NH4Cl")),
        ("CaF2.3Ca3(PO4)2", ("CaF2·3Ca3(PO4)2", "Ca4P2O8F2.3")),
        ("C60.2CHCl3", ("C60·2CHCl3", "C61.2HCl3")),
        ("FeCl3.3KCl.2H2O", ("FeCl3·3KCl·2H2O", "Cl3.5FeH2KO")),
    ],
)
def test_a_full_stop_that_may_be_a_dot_or_a_point_is_refused_with_both_readings(text, readings):
    with pytest.raises(ValueError, match="the period may be") as caught:
        parse_formula(text)
    for reading in readings:
        assert reading in str(caught.value)
    if ".0.5" not in text:
        first, second = map(parse_formula, readings)
        assert first != second


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Li6PS5.2ClBr0.8", {"Li": 6, "P": 1, "S": 5.2, "Cl": 1, "Br": 0.8}),
        ("CsPbI2.5Br0.5", {"Cs": 1, "Pb": 1, "I": 2.5, "Br": 0.5}),
        ("Li2MnO2.5", {"Li": 2, "Mn": 1, "O": 2.5}),
        ("Y2O2.5F", {"Y": 2, "O": 2.5, "F": 1}),
        ("Fe78P12.5C5B4", {"Fe": 78, "P": 12.5, "C": 5, "B": 4}),
        ("La1.85Sr0.15CuO4", {"La": 1.85, "Sr": 0.15, "Cu": 1, "O": 4}),
        ("Na 2 Cl 2", {"Na": 2, "Cl": 2}),
        ("Na 2SO4", {"Na": 2, "S": 1, "O": 4}),
        ("Ca 1Ti 1O 3", {"Ca": 1, "Ti": 1, "O": 3}),
        ("K2 Cu4 O8", {"K": 2, "Cu": 4, "O": 8}),
        ("CaCl2×2H2O", {"Ca": 1, "Cl": 2, "H": 4, "O": 2}),
    ],
)
def test_a_decimal_point_or_a_blank_that_can_be_nothing_else_is_read(text, expected):
    found = {SYMBOLS[z]: amount for z, amount in parse_formula(text).items()}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("BaO 8H2O", ("BaO·8H2O", "BaO9H2")),
        ("NaOH 2H2O", ("NaOH·2H2O", "NaO2H4")),
        ("FeO 2 H2O", ("FeO·2H2O", "FeO3H2")),
        ("MgO 0.5H2O", ("MgO·0.5H2O", "MgO1.5H2")),
        ("NaCl 2KCl", ("NaCl·2KCl", "NaCl3K")),
    ],
)
def test_a_blank_that_may_be_a_dot_is_refused_with_both_readings(text, readings):
    with pytest.raises(ValueError, match="blank") as caught:
        parse_formula(text)
    assert all(reading in str(caught.value) for reading in readings)
    first, second = map(parse_formula, readings)
    assert first != second


@pytest.mark.parametrize(
    "text",
    ["Fe(III)Cl3", "Fe(II)O", "Cu(I)Cl", "Mn(IV)O2", "V(V)2O5", "TiO2(B)", "ZnS (W)"],
)
def test_an_oxidation_state_or_the_name_of_a_form_is_no_element(text):
    with pytest.raises(ValueError, match="oxidation state"):
        parse_formula(text)


@pytest.mark.parametrize("text", ["STO", "BTO", "ITO", "YBCO", "KDP", "TIO2", "BATIO3", "PBTIO3"])
def test_a_short_name_and_capitals_that_hide_a_symbol_are_refused(text):
    with pytest.raises(ValueError, match=r"short name|capital"):
        parse_formula(text)


def test_a_long_text_in_small_letters_is_refused_at_once():
    with pytest.raises(ValueError, match="unexpected 'c' at character 1"):
        parse_formula("co" * 200)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("CO", {6: 1, 8: 1}), ("NO", {7: 1, 8: 1}), ("HF", {1: 1, 9: 1}), ("SN", {16: 1, 7: 1})),
        *(("BN", {5: 1, 7: 1}), ("KIO3", {19: 1, 53: 1, 8: 3}), ("HTO", {1: 2, 8: 1})),
        *(("VO2", {23: 1, 8: 2}), ("D2O", {1: 2, 8: 1}), ("T2O", {1: 2, 8: 1})),
        ("S1T1O1", {16: 1, 1: 1, 8: 1}),
    ],
)
def test_a_formula_in_capitals_is_read(text, expected):
    assert parse_formula(text) == expected


def test_an_element_of_which_there_is_none_is_known():
    absent = {"Na0Cl": ["Na"], "Li₀D2O0": ["Li", "O"], "Li10O5": [], "NaNa0Cl": []}
    for text, symbols in absent.items():
        reported = [flag for flag in formula_flags(text) if "amount of 0" in flag]
        assert [flag.split()[0] for flag in reported] == symbols


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Fe1e400", "an amount is too large"),
        ("Fe1e308Ni1e308", "an amount is too large"),
        ("CuSO4·xH2O", "unexpected 'x' at character 7; write the amount as a number"),
        ("Fe³O4", "unexpected '³' at character 3; leave charges and mass numbers out"),
        ("YBa2Cu3O7-x", "unexpected '-' at character 10; write the amount as a number"),
        ("La2−δCuO4", "unexpected '−' at character 4; write the amount as a number"),
        ("Ni-Ti", "unexpected '-' at character 3; a hyphen joins no elements"),
        ("Na+", "unexpected '\\+' at character 3; leave charges and mass numbers out"),
        ("CuSO4·", "no element in front of the end"),
        ("·5H2O", "no element in front of '·'"),
        ("Na2(·H2O)", "no element in front of '·'"),
        ("CaSO4·1/0H2O", "divides by 0"),
        ("F\u0435O", "unexpected '\u0435' at character 2 \\(cyrillic small letter ie\\)"),
        ("", "no element in it"),
        ("Li0", "no element in it"),
        ("Xx2O", "unknown element 'Xx'"),
        ("2H2O", "number '2' at character 1 follows no element; leave a number in front"),
        ("7LiF", "number '7' at character 1 follows no element; leave a number in front"),
        ("CaCl2..2H2O", "two periods"),
        ("CaCl2. .2H2O", "two periods"),
        ("CdSO4.8/3H2O", "unexpected '/' at character 8; '·' joins a part"),
        ("Fe_2O_3", "unexpected '_' at character 3; write amounts as plain digits"),
        ("na2o", "unexpected 'n' at character 1; .* did you mean Na2O\\?"),
        ("nacl", "unexpected 'n' at character 1; .* did you mean NaCl\\?"),
        ("no2", "unexpected 'n' at character 1; symbols begin with a capital letter$"),
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


def test_isotopes_of_hydrogen_are_known_from_elements_that_begin_alike() -> None:
    for text, found in (("D2O", "D"), ("LiT", "T"), ("DyTe", ""), ("TaD3T", "DT"), ("TiO2", "")):
        assert formula_flags(text) == tuple(f"{one} is read as hydrogen" for one in found)
