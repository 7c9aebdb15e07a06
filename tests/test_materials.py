"""Materials as flat arrays: slicing, formulas, fractions, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from atlas_core.api import DataContext, DataError, Materials
from atlas_registry.loading import Registry


def salts() -> Materials:
    """Return NaCl as two sites of a cube, and Cs2O3 as a formula-like cell of five sites."""
    return Materials(
        ids=np.array(["nacl", "cs2o3"]),
        offsets=np.array([0, 2, 7]),
        numbers=np.array([11, 17, 55, 55, 8, 8, 8]),
        amounts=np.ones(7),
        frac=np.linspace(0, 0.9, 21).reshape(7, 3),
        lattice=np.stack([np.eye(3) * 5.6, np.diag([4.0, 5.0, 6.0])]),
    )


def test_take_keeps_the_order_that_was_asked_for_and_repeats_nothing_else() -> None:
    swapped = salts().take([1, 0])
    assert swapped.ids.tolist() == ["cs2o3", "nacl"]
    assert swapped.numbers.tolist() == [55, 55, 8, 8, 8, 11, 17]
    assert swapped.frac is not None
    np.testing.assert_array_equal(swapped.frac[-2:], salts().frac[:2])  # type: ignore[index]
    assert swapped.lattice[0, 2, 2] == 6.0  # type: ignore[index]


def test_element_fractions_by_hand() -> None:
    fractions = salts().element_fractions()
    assert fractions.shape == (2, 118)
    assert fractions[1, 54] == pytest.approx(0.4)
    assert fractions[1, 7] == pytest.approx(0.6)
    assert fractions.sum() == pytest.approx(2.0)


def test_formulas_are_reduced_and_alphabetical() -> None:
    made = Materials.from_formulas(["a", "b", "c", "d"], ["Na2Cl2", "O3Cs2", "Li0.5O1", "TiO2"])
    assert made.formulas() == ["ClNa", "Cs2O3", "LiO2", "O2Ti"]
    assert salts().formulas() == ["ClNa", "Cs2O3"]
    assert made.chemical_systems() == ["Cl-Na", "Cs-O", "Li-O", "O-Ti"]


@pytest.mark.filterwarnings("error")
def test_amounts_beyond_any_cell_are_reduced_to_fractions_without_a_warning() -> None:
    texts = ["FeO" + "9" * 25, "Fe3000000000O1000000000", "Fe1000000000O1000000000"]
    made = Materials.from_formulas(["a", "b", "c"], texts)
    assert made.formulas() == ["Fe1e-25O", "Fe3O", "FeO"]


def keys(*texts: str) -> list[str]:
    return Materials.from_formulas([str(i) for i in range(len(texts))], texts).formulas()


@pytest.mark.parametrize(
    ("texts", "key"),
    [
        (("Fe0.65Ni0.35", "Fe65Ni35", "Fe13Ni7", "Ni35Fe65", "Fe6.5Ni3.5"), "Fe13Ni7"),
        (("Li0.5CoO2", "LiCo2O4", "Li0.125Co0.25O0.5"), "Co2LiO4"),
        (("Fe0.5Ni0.5", "FeNi"), "FeNi"),
        (("Cu1.8S1", "Cu9S5"), "Cu9S5"),
        (("La0.6667Sr0.3333MnO3", "La2SrMn3O9"), "La2Mn3O9Sr"),
        (("YBa2Cu3O6.95", "Y20Ba40Cu60O139"), "Ba40Cu60O139Y20"),
        (("Fe0.12346Ni0.87654", "Fe12346Ni87654"), "Fe0.1235Ni0.8765"),
    ],
)
def test_one_composition_has_one_key_however_it_is_written(
    texts: tuple[str, ...], key: str
) -> None:
    assert set(keys(*texts)) == {key}


def test_compositions_that_differ_have_different_keys() -> None:
    pairs = [
        ("Fe0.651Ni0.349", "Fe65Ni35"),
        ("Li0.99CoO2", "LiCoO2"),
        ("Na500Cl499", "NaCl"),
        ("Fe", "FeNi0.0001"),
        ("C200H301", "C2H3"),
    ]
    for a, b in pairs:
        first, second = keys(a, b)
        assert first != second, (a, b)


def test_a_key_depends_on_the_ratio_alone() -> None:
    rng = np.random.default_rng(5)
    symbols = ["Fe", "Ni", "O", "Li", "C", "Zr"]
    for _ in range(300):
        names = rng.permutation(symbols)[: rng.integers(2, 6)]
        places = int(rng.integers(1, 6))
        amounts = np.round(rng.uniform(10.0**-places, 1, len(names)), places)
        amounts = np.maximum(amounts, 10.0**-places)
        for factor in (100, 1 / 3, 0.07):
            scaled = "".join(
                f"{n}{float(a * factor)!r}" for n, a in zip(names, amounts, strict=True)
            )
            plain = "".join(f"{n}{a:.{places}f}" for n, a in zip(names, amounts, strict=True))
            first, second = keys(plain, scaled)
            assert first == second, (plain, scaled)


def test_formulas_are_written_as_pymatgen_writes_them() -> None:
    composition = pytest.importorskip("pymatgen.core").Composition
    flla = Registry().resolve("dataset", "flla").component
    context = DataContext(None, Path("none"), Path("none"))
    materials = flla.build(flla.config()).load(context).materials
    written = materials.written()
    assert len(written) == 3938
    assert {"BaTiO3", "SrF2"} <= set(written)
    for text, key in zip(written, materials.formulas(), strict=True):
        if "H" not in composition(key):
            assert text == composition(key).reduced_formula


def test_formulas_that_people_know_are_written_as_people_write_them() -> None:
    texts = ["O3TiBa", "F4YLi", "O7Ti2Y2", "O5Ta2", "F5P", "ClNa", "OH2", "O8P2Ca3", "OH", "N"]
    made = Materials.from_formulas([str(i) for i in range(len(texts))], texts)
    expected = ["BaTiO3", "LiYF4", "Y2Ti2O7", "Ta2O5", "PF5", "NaCl", "H2O", "Ca3(PO4)2"]
    assert made.written() == [*expected, "H2O2", "N2"]


@pytest.mark.parametrize(
    "formula",
    [
        # oxides, perovskites, oxyanions
        *[
            "Al2O3",
            "Fe3O4",
            "SrTiO3",
            "LiNbO3",
            "LiFePO4",
            "LiCoO2",
            "Ca3(PO4)2",
            "Na2SO4",
            "KMnO4",
        ],
        # hydroxides and oxyhydroxides, alone and beside other anions
        *["NaOH", "Ca(OH)2", "Al(OH)3", "FeO(OH)", "Ca5(PO4)3(OH)", "Cu2CO3(OH)2"],
        # ammonium salts, hydrogen salts, acids
        *[
            "NH4Cl",
            "NH4NO3",
            "(NH4)2SO4",
            "(NH4)2CO3",
            "NaHCO3",
            "KH2PO4",
            "H3PO4",
            "H3BO3",
            "H2SO4",
        ],
        # hydrides and molecules
        *["NaBH4", "LiAlH4", "NH3", "CH4", "H2O", "CH4N2O"],
        # intermetallics, semiconductors, ceramics
        *[
            "LaNi5",
            "Nd2Fe14B",
            "Nb3Sn",
            "MgB2",
            "GaAs",
            "CdTe",
            "MoS2",
            "Si3N4",
            "WC",
            "Li7La3Zr2O12",
        ],
    ],
)
def test_a_formula_has_the_spelling_that_chemists_accept(formula: str) -> None:
    (whole,) = Materials.from_formulas(["1"], [formula]).written()
    assert whole == formula
    elements = re.findall(r"[A-Z][a-z]?", formula)
    (key,) = Materials.from_formulas(["1"], [formula]).formulas()
    assert sorted(set(elements)) == re.findall(r"[A-Z][a-z]?", key)
    assert Materials.from_formulas(["1"], [whole]).formulas() == [key]


def test_arrays_are_read_only_and_the_caller_keeps_a_writeable_one() -> None:
    numbers = np.array([11, 17, 55, 55, 8, 8, 8], dtype=np.int16)
    arrays = {**salts().to_arrays(), "numbers": numbers}
    made = Materials(**arrays)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="read-only"):
        made.numbers[0] = 3
    numbers[0] = 12


def test_an_id_that_is_no_utf8_has_a_fingerprint() -> None:
    arrays = {**salts().to_arrays()}
    broken = [
        Materials(**{**arrays, "ids": [f"{sign}{i}" for i in range(len(salts()))]})  # type: ignore[arg-type]
        for sign in ("\ud800", "\udcff")
    ]
    assert len({one.fingerprint for one in (*broken, salts())}) == 3


def test_fingerprint_depends_on_content_alone() -> None:
    wide = Materials(**{**salts().to_arrays(), "ids": np.array(["nacl", "cs2o3"], dtype="<U40")})
    assert wide.fingerprint == salts().fingerprint
    moved = {**salts().to_arrays(), "frac": np.asarray(salts().frac) + 1e-9}
    assert Materials(**moved).fingerprint != salts().fingerprint  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": np.array(["a", "a"])}, "duplicate id 'a'"),
        ({"numbers": np.array([11, 17, 55, 55, 8, 8, 0])}, "material cs2o3: atomic number outside"),
        ({"amounts": np.array([1, 1, 1, 1, 1, 1, -1.0])}, "material cs2o3: amount is not positive"),
        ({"offsets": np.array([0, 7, 7])}, "material cs2o3: it has no atom"),
        ({"offsets": np.array([0, 2, 6])}, "offsets must be"),
        ({"frac": None}, "give both frac and lattice"),
        ({"frac": np.full((7, 3), np.nan)}, "material nacl: a coordinate is not finite"),
        ({"lattice": np.zeros((2, 3, 3))}, "material nacl: the cell has no volume"),
    ],
)
def test_unusable_materials_are_refused_by_id(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Materials(**{**salts().to_arrays(), **change})  # type: ignore[arg-type]


def test_a_disordered_structure_is_refused_by_id() -> None:
    from pymatgen.core import Lattice, Structure

    alloy = Structure(Lattice.cubic(3), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]])
    with pytest.raises(DataError, match="id alloy-1: site occupancy is disordered"):
        Materials.from_structures(["alloy-1"], [alloy])


def test_a_molecule_is_refused_by_id() -> None:
    from pymatgen.core import Molecule

    with pytest.raises(DataError, match="id water: a molecule has no lattice"):
        Materials.from_structures(["water"], [Molecule(["H", "H", "O"], np.eye(3))])


def test_a_bad_formula_is_refused_by_id() -> None:
    with pytest.raises(DataError, match="id m-2: formula 'NaXx': unknown element 'Xx'"):
        Materials.from_formulas(["m-1", "m-2"], ["NaCl", "NaXx"])


def test_a_site_that_holds_no_element_is_refused_by_id() -> None:
    from pymatgen.core import Lattice, Structure

    dummy = Structure(Lattice.cubic(3), ["X0+"], [[0, 0, 0]])
    with pytest.raises(DataError, match="id m: unknown element 'X'"):
        Materials.from_structures(["m"], [dummy])
