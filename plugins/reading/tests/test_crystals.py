"""Crystals are read as their files mean them, or refused with the true reason."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas_core.api import DataError
from atlas_reading import materials_of_dicts, one_crystal, read_crystals
from atlas_reading.crystals import Crystal

P1 = "_symmetry_space_group_name_H-M 'P 1'\nloop_\n_symmetry_equiv_pos_as_xyz\n'x, y, z'\n"
CUBE = (5.64, 5.64, 5.64, 90, 90, 90)
HEXAGON = (3.16, 3.16, 12.3, 90, 90, 120)
SALT = (("Na1", "Na", 0, 0, 0), ("Cl1", "Cl", 0.5, 0.5, 0.5))
NAMES = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")


def cif(
    sites: Any = SALT,
    *,
    cell: Any = CUBE,
    symmetry: str = P1,
    columns: str = "label type_symbol fract_x fract_y fract_z",
    more: str = "",
) -> str:
    """Return the text of a CIF file of one data block."""
    lines = ["data_x", *(f"_cell_{n} {v}" for n, v in zip(NAMES, cell, strict=True)), more]
    lines += [symmetry, "loop_", *(f"_atom_site_{name}" for name in columns.split())]
    return "\n".join([*lines, *(" ".join(map(str, site)) for site in sites), ""])


def labeled(*labels: str, **options: Any) -> str:
    """Return a CIF file without type symbols: sites along the diagonal, 2.4 Å apart or more."""
    step = 1 / max(len(labels), 2)
    sites = [(label, *[f"{i * step:.4f}"] * 3) for i, label in enumerate(labels)]
    return cif(sites, columns="label fract_x fract_y fract_z", **options)


def read(text: str) -> Crystal:
    return one_crystal(read_crystals(text))


def reason(text: Any) -> str:
    with pytest.raises(DataError) as caught:
        one_crystal(read_crystals(text))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def counts(crystal: Crystal) -> dict[int, int]:
    return {int(z): int((crystal.numbers == z).sum()) for z in np.unique(crystal.numbers)}


def closest(crystal: Crystal) -> float:
    """Return the shortest distance between two atoms, over the 27 cells around."""
    steps = np.array([[a, b, c] for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1)])
    apart = crystal.frac[:, None, None] - crystal.frac[None, :, None] + steps
    distances = np.linalg.norm(apart @ crystal.lattice, axis=-1)
    return float(distances[distances > 1e-6].min())


@pytest.mark.parametrize(
    "symbol",
    [
        *("Va", "Vac", "NH4", "NH4+", "OH", "OH-", "OH2", "Wat", "WAT", "Du", "Dum", "X", "M"),
        *("Me", "A", "7Li", "2H", "T1", "Na++", "'0.75Si + 0.25Al'", "'H(D)'", "CN-", "O2", "Xx"),
    ],
)
def test_a_symbol_that_is_no_element_is_refused_by_label(symbol: str) -> None:
    text = reason(cif([("S7", symbol, 0, 0, 0), ("Cl1", "Cl", 0.5, 0.5, 0.5)]))
    assert "S7" in text
    assert repr(symbol.strip("'")) in text


@pytest.mark.parametrize(
    ("symbol", "z"),
    [
        *(("Na", 11), ("Na+", 11), ("Na1+", 11), ("Na+1", 11), ("NA", 11), ("CL", 17), ("O2-", 8)),
        *(
            ("Fe3+", 26),
            ("Fe2.5+", 26),
            ("Fe,spin=5", 26),
            ("Co2+,spin=-1.5", 27),
            ("D", 1),
            ("T", 1),
            ("Nh", 113),
        ),
    ],
)
def test_a_symbol_is_an_element_and_a_charge(symbol: str, z: int) -> None:
    assert read(cif([("S7", symbol, 0, 0, 0)])).numbers.tolist() == [z]


@pytest.mark.parametrize(
    "label",
    [
        *("Vac1", "WAT1", "Wat1", "T1", "HO1", "CO1", "CA1", "OH1", "Dum1", "X1", "Me1", "1Na"),
        *("RE1", "TM1", "TS1", "Nh4", "NH4", "MT1", "AT1", "AC1", "AM1"),
    ],
)
def test_a_label_without_a_symbol_that_can_mean_two_things_is_refused(label: str) -> None:
    assert label in reason(labeled(label, "O1"))


@pytest.mark.parametrize(
    ("label", "z"),
    [
        *(("Na1", 11), ("Fe2A", 26), ("O1W", 8), ("Cl-1", 17), ("Fe3+", 26), ("C(12)", 6)),
        *(("CL1", 17), ("D1", 1), ("AL2", 13), ("Re1", 75), ("Tm1", 69), ("TI1", 22)),
    ],
)
def test_a_label_begins_with_its_element(label: str, z: int) -> None:
    assert read(labeled(label)).numbers.tolist() == [z]


@pytest.mark.parametrize(
    ("labels", "formula", "numbers"),
    [
        (("CO1", "O1"), "Co1 O1", [27, 8]),
        (("CO1", "O1"), "C1 O1", [6, 8]),
        (("CaM2", "O1"), "Ca O", [20, 8]),
        (("CA1", "O1"), "'Ca1 O1'", [20, 8]),
        (("RE1", "O1"), "Re O", [75, 8]),
        (("Nh4", "O1"), "N O", [7, 8]),
    ],
)
def test_the_formula_decides_what_a_label_means(
    labels: tuple[str, ...], formula: str, numbers: list[int]
) -> None:
    text = labeled(*labels, more=f"_chemical_formula_sum '{formula.strip(chr(39))}'")
    assert read(text).numbers.tolist() == numbers


def test_deuterium_and_tritium_are_hydrogen_and_are_named() -> None:
    sites = [("D1", "D", 0.1, 0, 0), ("O1", "O", 0.3, 0, 0), ("T1", "T", 0.5, 0, 0)]
    found = read(cif(sites))
    assert found.numbers.tolist() == [1, 8, 1]
    assert len(found.flags) == 2


def species(**entry: Any) -> dict[str, Any]:
    matrix = [[3.0, 0, 0], [0, 3.0, 0], [0, 0, 3.0]]
    return {
        "lattice": {"matrix": matrix},
        "sites": [{"species": [{"occu": 1, **entry}], "abc": [0, 0, 0]}],
    }


@pytest.mark.parametrize(
    ("element", "z"), [("Na", 11), ("Na+", 11), ("Na1+", 11), ("O2-", 8), ("D", 1), ("T", 1)]
)
def test_species_of_a_dict_follow_the_same_rules(element: str, z: int) -> None:
    crystal = species(element=element, oxidation_state=1)
    assert read_crystals(crystal)[0].numbers.tolist() == [z]
    assert materials_of_dicts(["a"], [crystal]).numbers.tolist() == [z]
    assert bool(read_crystals(crystal)[0].flags) == (z == 1)
    with pytest.raises(DataError, match="Va"):
        read_crystals(species(element="Va"))


def test_a_dict_of_another_program_is_refused_by_what_it_lacks() -> None:
    jarvis = {"lattice_mat": [[3, 0, 0], [0, 3, 0], [0, 0, 3]], "coords": [[0, 0, 0]]}
    assert "lattice and sites" in reason(jarvis)


def test_an_empty_file_and_an_empty_text_are_distinguished(tmp_path: Path) -> None:
    (tmp_path / "a.cif").write_bytes(b"")
    for empty in (tmp_path / "a.cif", b""):
        assert "file" in reason(empty)
    assert "structure" in reason("")


@pytest.mark.parametrize(
    "name",
    ["'F m -3 m'", "fm-3m", "Fm-3m", "'F 4/m -3 2/m'", "FM-3M", "Fm3m", "F_m_-3_m", "'F m -3 m '"],
)
def test_every_spelling_of_a_space_group_gives_the_whole_cell(name: str) -> None:
    found = read(cif(symmetry=f"_symmetry_space_group_name_H-M {name}"))
    assert counts(found) == {11: 4, 17: 4}
    assert closest(found) == pytest.approx(2.82, abs=1e-9)  # half the edge


@pytest.mark.parametrize(
    "symmetry",
    [
        "_symmetry_space_group_name_Hall '-F 4 2 3'",
        "_space_group_name_Hall '-f 4 2 3'",
        "_space_group_IT_number 225",
        "_symmetry_Int_Tables_number 225",
        "_space_group.name_H-M_alt 'F m -3 m'",
        "_symmetry_space_group_name_H-M ?\n_symmetry_Int_Tables_number 225",
        "_symmetry_space_group_name_H-M '?'\n_symmetry_Int_Tables_number 225",
    ],
)
def test_a_hall_symbol_or_a_number_is_as_good_as_a_name(symmetry: str) -> None:
    assert counts(read(cif(symmetry=symmetry))) == {11: 4, 17: 4}


@pytest.mark.parametrize(
    "symmetry",
    [
        "_symmetry_space_group_name_H-M 'F m -3 q'",
        "_symmetry_space_group_name_H-M 'X 1 2 3'\n_symmetry_Int_Tables_number 225",
        "_symmetry_space_group_name_H-M 'P 1'\n_symmetry_Int_Tables_number 225",
        "_symmetry_space_group_name_H-M 'P 63/m m c'",
        "_symmetry_Int_Tables_number 231",
        "_symmetry_cell_setting cubic",
    ],
)
def test_a_symmetry_that_is_unknown_or_contradicts_itself_is_never_p1(symmetry: str) -> None:
    reason(cif(symmetry=symmetry))


def test_a_file_without_a_word_of_symmetry_is_p1_and_flagged() -> None:
    found = read(cif(symmetry=""))
    assert counts(found) == {11: 1, 17: 1}
    assert len(found.flags) == 1
    assert read(cif(symmetry="_symmetry_space_group_name_H-M 'P 1'")).flags == ()


def test_rhombohedral_and_hexagonal_axes_are_distinguished_by_the_cell() -> None:
    rhombohedron = (4.7, 4.7, 4.7, 57.2, 57.2, 57.2)
    bismuth = [("Bi1", "Bi", 0.234, 0.234, 0.234)]
    for name in ("'R -3 m'", "'R -3 m R'", "R-3m:R", "'R -3 m :R'"):
        found = read(
            cif(bismuth, cell=rhombohedron, symmetry=f"_symmetry_space_group_name_H-M {name}")
        )
        assert len(found.numbers) == 2
    for name in ("'R -3 m'", "'R -3 m H'", "R-3m:H", "'R -3 2/m'"):
        found = read(
            cif(
                [("Bi1", "Bi", 0, 0, 0)],
                cell=(4.0, 4.0, 14.0, 90, 90, 120),
                symmetry=f"_symmetry_space_group_name_H-M {name}",
            )
        )
        assert len(found.numbers) == 3
    reason(cif(bismuth, cell=rhombohedron, symmetry="_symmetry_space_group_name_H-M 'R -3 m H'"))


def test_two_origins_are_decided_by_the_contents_of_the_cell_or_refused() -> None:
    # diamond has 8 atoms: at 0 0 0 by the first origin, at 1/8 1/8 1/8 by the second
    name = "_symmetry_space_group_name_H-M 'F d -3 m'"
    cell = (5.43, 5.43, 5.43, 90, 90, 90)
    eight = "_chemical_formula_sum Si\n_cell_formula_units_Z 8"
    for place in (0, 0.125):
        sites = [("Si1", "Si", place, place, place)]
        found = read(cif(sites, cell=cell, symmetry=name, more=eight))
        assert counts(found) == {14: 8}
        assert closest(found) == pytest.approx(5.43 * math.sqrt(3) / 4, abs=1e-6)
        assert found.flags
        reason(cif(sites, cell=cell, symmetry=name))
    zero = [("Si1", "Si", 0, 0, 0)]
    stated = "_symmetry_space_group_name_H-M 'F d -3 m :1'"
    assert counts(read(cif(zero, cell=cell, symmetry=stated))) == {14: 8}


def test_listed_operations_are_used_and_checked() -> None:
    body = "loop_\n_symmetry_equiv_pos_as_xyz\n"
    found = read(cif([("Na1", "Na", 0.2, 0, 0)], symmetry=f"{body}x,y,z\n-x,-y,-z\n"))
    assert sorted(found.frac[:, 0].tolist()) == pytest.approx([0.2, 0.8])
    for wrong in (
        "-x,-y,-z\n",
        "x,y,z\nx+1/2,y,z\nx,y+1/2,z\n",
        "x,y\n",
        "x,y,q\n",
        "x,y,z\n-y,x-y,z\n-x+y,-x,z\n",
    ):
        reason(cif([("Na1", "Na", 0.2, 0.1, 0.05)], symmetry=body + wrong))
    fewer = f"{body}x,y,z\n"
    named = f"_symmetry_space_group_name_H-M 'F m -3 m'\n{fewer}"
    assert "192" in reason(cif(symmetry=named))
    # the whole cell listed under its own name is no contradiction
    faces = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    whole = [("Na", "Na", *place) for place in faces]
    whole += [("Cl", "Cl", (x + 0.5) % 1, y, z) for x, y, z in faces]
    assert counts(read(cif(whole, symmetry=named))) == {11: 4, 17: 4}


@pytest.mark.parametrize(("x", "y"), [("0.33", "0.67"), ("0.333", "0.667"), ("0.33", "0.66")])
def test_thirds_written_short_stand_on_their_special_position(x: str, y: str) -> None:
    sites = [("Mo1", "Mo", x, y, 0.25), ("S1", "S", x, y, 0.621)]
    name = "_symmetry_space_group_name_H-M 'P 63/m m c'"
    found = read(cif(sites, cell=HEXAGON, symmetry=name))
    assert counts(found) == {16: 4, 42: 2}
    # Mo at 1/3 2/3 1/4, S at 1/3 2/3 0.879: a/sqrt(3) in the plane and 0.129 c along c
    assert closest(found) == pytest.approx(math.hypot(3.16 / math.sqrt(3), 0.129 * 12.3), abs=1e-6)
    assert found.flags
    exact = [("Mo1", "Mo", "0.3333", "0.6667", 0.25), ("S1", "S", "0.33333", "0.66667", 0.621)]
    assert read(cif(exact, cell=HEXAGON, symmetry=name)).flags == ()


@pytest.mark.parametrize(("x", "y"), [("0.34", "0.67"), ("0.3200", "0.6700"), ("0.3", "0.7")])
def test_what_is_no_third_in_its_digits_is_refused_not_moved(x: str, y: str) -> None:
    sites = [("Mo1", "Mo", x, y, 0.25), ("S1", "S", x, y, 0.621)]
    name = "_symmetry_space_group_name_H-M 'P 63/m m c'"
    assert "Mo1" in reason(cif(sites, cell=HEXAGON, symmetry=name))


def test_data_blocks_are_crystals_of_their_own_and_one_target_belongs_to_one() -> None:
    two = cif() + cif([("Cu1", "Cu", 0, 0, 0)], cell=(3.6, 3.6, 3.6, 90, 90, 90)).replace(
        "data_x", "data_copper"
    )
    found = read_crystals("data_global\n_journal_year 2001\n" + two)
    assert [one.name for one in found] == ["x", "copper"]
    assert [len(one.numbers) for one in found] == [2, 1]
    assert "copper" in reason(two)


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        (cif(cell=("?", 5, 5, 90, 90, 90)), "_cell_length_a"),
        (cif(cell=(5, 5, 0.0, 90, 90, 90)), "_cell_length_c"),
        (cif(cell=(5, 5, -5, 90, 90, 90)), "_cell_length_c"),
        (cif(cell=(5, 5, 5, 90, 180, 90)), "_cell_angle_beta"),
        (cif(cell=(5, 5, 5, 120, 120, 120)), "angles"),
        (cif().replace("_cell_length_b 5.64\n", ""), "_cell_length_b"),
        (cif().replace("_cell_angle_gamma 90\n", ""), "_cell_angle_gamma"),
        (cif([("Cl1", "Cl", "?", "?", "?")]), "Cl1"),
        (cif([("Cl1", "Cl", "1/2", 0, 0)]), "'1/2'"),
        (cif().replace("data_x\n", ""), "data_"),
        (cif([("Na1", "Na", 0, 0, 0), ("Na2", "Na", 0, 0, 0)]), "Na1 and Na2"),
        (cif().replace("fract", "Cartn"), "fractional"),
        (cif().replace("Cl1 Cl 0.5 0.5 0.5", "Cl1 Cl 0.5 0.5"), "columns"),
        (cif().replace("'x, y, z'", "'x, y, z"), "quote"),
        (cif(more="_publ_section_title\n;\nnever closed"), "text field"),
        (cif([]), "atoms"),
        ("data_x\n_cell_length_a 5\n", "atoms"),
        (b"\xff\xfed\x00a\x00", "UTF-16"),
        (cif(more="_publ_author_name 'M\xfcller'").encode("latin-1"), "UTF-8"),
    ],
)
def test_a_refusal_says_its_true_reason(text: Any, reported: str) -> None:
    assert reported in reason(text)


WITH_OCCUPANCY = "label type_symbol fract_x fract_y fract_z occupancy"


@pytest.mark.parametrize("share", ["1", "1.0", ".", "?", "1.000(5)"])
def test_a_full_or_unstated_occupancy_is_read(share: str) -> None:
    found = read(cif([(*site, share) for site in SALT], columns=WITH_OCCUPANCY))
    assert counts(found) == {11: 1, 17: 1}
    assert bool(found.flags) == (share == "?")


@pytest.mark.parametrize("share", ["0.5", "0.99", "2", "1.2", "0", "-1", "x"])
def test_another_occupancy_is_refused_by_label(share: str) -> None:
    sites = [(*SALT[0], share), (*SALT[1], "1")]
    assert "Na1" in reason(cif(sites, columns=WITH_OCCUPANCY))


def test_alternatives_dummies_and_implied_hydrogens_are_refused() -> None:
    columns = "label type_symbol fract_x fract_y fract_z"
    sites = [
        ("Na1", "Na", 0, 0, 0, "1"),
        ("Na2", "Na", 0.3, 0, 0, "2"),
        ("Cl1", "Cl", 0.5, 0, 0.5, "."),
    ]
    assert "disorder" in reason(cif(sites, columns=f"{columns} disorder_group"))
    dummy = [(*SALT[0], "d"), (*SALT[1], "dum")]
    assert "Cl1" in reason(cif(dummy, columns=f"{columns} calc_flag"))
    water = [("O1", "O", 0, 0, 0, 2)]
    assert "hydrogens" in reason(cif(water, columns=f"{columns} attached_hydrogens"))


def test_what_stands_in_a_text_field_is_text() -> None:
    note = "_publ_section_comment\n;\ndata_fake\n_cell_length_a 99\nloop_\n_a\n1\n;"
    found = read(cif(symmetry="_symmetry_space_group_name_H-M 'F m -3 m'", more=note))
    assert counts(found) == {11: 4, 17: 4}
    assert np.linalg.norm(found.lattice[0]) == pytest.approx(5.64)


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ("_chemical_formula_sum 'Na1 Cl1'", True),
        ("_chemical_formula_sum 'Cl Na'\n_cell_formula_units_Z 4", True),
        ("_chemical_formula_sum 'Na4 Cl4'\n_cell_formula_units_Z 4", True),
        ("_chemical_formula_sum 'Na Cl'\n_cell_volume 179.41(2)", True),
        # 4 x 58.44 g/mol in 179.41 A3: 4 x 58.44 / 0.60221 / 179.41 = 2.164 g/cm3
        ("_exptl_crystal_density_diffrn 2.164", True),
        ("_chemical_formula_sum 'Na1 Cl2'", False),
        ("_chemical_formula_sum 'K1 Cl1'", False),
        ("_chemical_formula_sum 'Na0.95 Cl1'", False),
        ("_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 2", False),
        ("_chemical_formula_sum 'Na Cl H2 O'", False),
        ("_cell_volume 0.179", False),
        ("_exptl_crystal_density_diffrn 1.08", False),
    ],
)
def test_formula_units_volume_and_density_are_checked(said: str, fits: bool) -> None:
    text = cif(symmetry="_symmetry_space_group_name_H-M 'F m -3 m'", more=said)
    if fits:
        assert counts(read(text)) == {11: 4, 17: 4}
    else:
        reason(text)


def test_a_crystal_without_its_hydrogens_is_refused_as_incomplete() -> None:
    sites = [("Mg1", "Mg", 0, 0, 0), ("O1", "O", 0.3, 0.3, 0.3), ("O2", "O", 0.7, 0.7, 0.7)]
    text = reason(cif(sites, more="_chemical_formula_sum 'H2 Mg O2'"))
    assert "hydrogens" in text
    assert "hydrogens" not in reason(cif(sites, more="_chemical_formula_sum 'H2 Mg O3'"))


def test_reading_raises_no_warning_of_any_library() -> None:
    poscar = "salt\n1.0\n3 0 0\n0 3 0\n0 0 3\nNa Cl\n1 1\ndirect\n0 0 0\n0.5 0.5 0.5\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(cif(symmetry="_symmetry_space_group_name_H-M fm-3m"))
        assert read(poscar).numbers.tolist() == [11, 17]


def test_cif_files_that_pymatgen_writes_come_back(tmp_path: Path) -> None:
    core = pytest.importorskip("pymatgen.core")
    from pymatgen.io.cif import CifWriter

    quartz = core.Structure.from_spacegroup(
        "P3_221",
        core.Lattice.hexagonal(4.91, 5.41),
        ["Si", "O"],
        [[0.4697, 0, 2 / 3], [0.4135, 0.2669, 0.7858]],
    )
    for symprec in (None, 0.01):
        found = read(str(CifWriter(quartz, symprec=symprec)))
        assert counts(found) == {8: 6, 14: 3}
        theirs = np.sort(quartz.distance_matrix, axis=None)
        ours = np.sort(
            core.Structure(found.lattice, found.numbers, found.frac).distance_matrix, axis=None
        )
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
