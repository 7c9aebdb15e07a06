"""Materials as flat arrays: slicing, formulas, fractions, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_core.api import DataError, Materials


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
    assert made.formulas() == ["ClNa", "Cs2O3", "Li0.333333O0.666667", "O2Ti"]
    assert salts().formulas() == ["ClNa", "Cs2O3"]
    assert made.chemical_systems() == ["Cl-Na", "Cs-O", "Li-O", "O-Ti"]


@pytest.mark.filterwarnings("error")
def test_amounts_beyond_any_cell_are_reduced_to_fractions_without_a_warning() -> None:
    texts = ["FeO" + "9" * 25, "Fe3000000000O1000000000", "Fe1000000000O1000000000"]
    made = Materials.from_formulas(["a", "b", "c"], texts)
    assert made.formulas() == ["Fe1e-25O", "Fe0.75O0.25", "FeO"]


def test_a_coordinate_that_no_float_holds_is_refused_with_its_id() -> None:
    crystal = {
        "lattice": {"matrix": [[3, 0, 0], [0, 3, 0], [0, 0, 3]]},
        "sites": [{"species": [{"element": "Fe", "occu": 1}], "abc": [10**400, 0, 0]}],
    }
    with pytest.raises(DataError, match=r"id a: no pymatgen dict of a crystal \(OverflowError"):
        Materials.from_dicts(["a"], [crystal])


def test_arrays_are_read_only_and_the_caller_keeps_a_writeable_one() -> None:
    numbers = np.array([11, 17, 55, 55, 8, 8, 8], dtype=np.int16)
    arrays = {**salts().to_arrays(), "numbers": numbers}
    made = Materials(**arrays)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="read-only"):
        made.numbers[0] = 3
    numbers[0] = 12


def test_fingerprint_depends_on_content_alone() -> None:
    wide = Materials(**{**salts().to_arrays(), "ids": np.array(["nacl", "cs2o3"], dtype="<U40")})
    assert wide.fingerprint == salts().fingerprint
    moved = {**salts().to_arrays(), "frac": np.asarray(salts().frac) + 1e-9}
    assert Materials(**moved).fingerprint != salts().fingerprint  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": np.array(["a", "a"])}, "duplicate id 'a'"),
        ({"numbers": np.array([11, 17, 55, 55, 8, 8, 0])}, "material cs2o3: atomic number out of"),
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


def test_a_structure_goes_to_pymatgen_and_back() -> None:
    made = salts()
    back = Materials.from_structures(made.ids.tolist(), [made.structure(i) for i in range(2)])
    assert back.numbers.tolist() == made.numbers.tolist()
    np.testing.assert_allclose(np.asarray(back.frac), np.asarray(made.frac), atol=1e-12)
    np.testing.assert_allclose(np.asarray(back.lattice), np.asarray(made.lattice), atol=1e-12)


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
