"""What a CIF file says twice, or elsewhere than usual, is held against its atoms."""

from __future__ import annotations

import pytest
from test_crystals import P1, SALT, cif, counts, read, reason

SODIUM, CHLORINE = "Na1 Na 0 0 0\n", "Cl1 Cl 0.5 0.5 0.5\n"
F_CENTERED = (
    "loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\nx,y+1/2,z+1/2\nx+1/2,y,z+1/2\nx+1/2,y+1/2,z\n"
)
NEWER = "loop_\n_space_group_symop_operation_xyz\n"
NAMED = "_symmetry_space_group_name_H-M"


def atoms(*rows: str) -> str:
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z")
    return "\n".join(["loop_", *(f"_atom_site_{name}" for name in columns), "".join(rows)])


def test_a_loop_that_stands_in_a_block_twice_is_refused_unless_it_says_the_same() -> None:
    bare = cif([], symmetry=f"{NAMED} 'F m -3 m'").partition("loop_")[0]
    whole = atoms(SODIUM, CHLORINE)
    assert counts(read(bare + whole + whole)) == {11: 4, 17: 4}
    for two in (atoms(SODIUM) + atoms(CHLORINE), whole + atoms(SODIUM)):
        assert "_atom_site" in reason(bare + two)
    older = "loop_\n_symmetry_equiv_pos_as_xyz\n"
    assert counts(read(cif(symmetry=f"{older}x,y,z\n{NEWER}'x, y, z'\n"))) == {11: 1, 17: 1}
    assert "twice" in reason(cif(symmetry=f"{older}x,y,z\n{F_CENTERED}"))
    assert "differ" in reason(cif(symmetry=f"{F_CENTERED}{NEWER}x,y,z\n"))


@pytest.mark.parametrize(
    "said",
    [
        "_space_group_magn.name_BNS 'F m -3 m'",
        "_parent_space_group.name_H-M_alt 'F m -3 m'",
        "_space_group_ssg_name 'P 1(0 0 g)'\n_space_group_symop_ssg_operation_algebraic 'x1,x2,x3'",
        "_space_group_Int_Tables_number 225",
        "_symmetry_space_group_H-M 'F m -3 m'",
        "_space_group_name_Schoenflies Oh^5",
        "loop_\n_space_group_symop_generator_xyz\nx,y,z\n-x,-y,-z",
        "_cell_modulation_dimension 1",
    ],
)
def test_a_symmetry_under_another_tag_is_never_p1(said: str) -> None:
    assert said.split()[0 if "loop_" not in said else 1].lower().replace(".", "_") in reason(
        cif(symmetry=said)
    )
    assert counts(read(cif(symmetry=f"{F_CENTERED}{said}"))) == {11: 4, 17: 4}


def test_what_says_no_symmetry_or_none_beyond_p1_is_no_contradiction() -> None:
    for said in (
        "_space_group_name_Schoenflies C1^1",
        "_symmetry_space_group_H-M 'P 1'",
        "_cell_modulation_dimension 0",
        "_space_group_id 7",
        "_space_group_name_Schoenflies ?",
    ):
        assert counts(read(cif(symmetry=said))) == {11: 1, 17: 1}


WITH_COPIES = "label type_symbol fract_x fract_y fract_z symmetry_multiplicity"


@pytest.mark.parametrize(("stated", "read_as"), [((1, 1), 1), ((48, 48), 1), ((4, 4), 0)])
def test_multiplicities_are_checked_against_the_cell(stated: tuple[int, int], read_as: int) -> None:
    # 48 operations keep each site where it is: some programs write that number
    sites = [(*site, n) for site, n in zip(SALT, stated, strict=True)]
    text = cif(sites, symmetry=f"{NAMED} 'P m -3 m'", columns=WITH_COPIES)
    if read_as:
        assert counts(read(text)) == {11: read_as, 17: read_as}
    else:
        assert "Na1" in reason(text)


def test_a_multiplicity_that_formula_and_z_contradict_is_flagged() -> None:
    body = {"symmetry": P1, "columns": WITH_COPIES}
    sites = [(*SALT[0], 1), (*SALT[1], 2)]
    assert "Cl1" in reason(cif(sites, **body))
    counted = "_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 1"
    assert len(read(cif(sites, more=counted, **body)).flags) == 1


def test_multiplicities_decide_between_two_origins() -> None:
    # spinel: Mg on 8a and Al on 16d; by the first origin Mg at 0 and Al at 5/8, by the second
    # Mg at 1/8 and Al at 1/2
    cell = (8.08, 8.08, 8.08, 90, 90, 90)
    for places in ((0, 0.625), (0.125, 0.5)):
        sites = [
            ("Mg1", "Mg", *[places[0]] * 3, 8),
            ("Al1", "Al", *[places[1]] * 3, 16),
        ]
        text = cif(sites, cell=cell, symmetry=f"{NAMED} 'F d -3 m'", columns=WITH_COPIES)
        assert counts(read(text)) == {12: 8, 13: 16}


def test_listed_operations_of_another_group_than_the_named_need_a_count() -> None:
    inversion = "loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-x,-y,-z\n"
    for said in (f"{NAMED} 'P 1'", "_symmetry_Int_Tables_number 1"):
        reason(cif(symmetry=f"{said}\n{F_CENTERED}"))
    reason(cif(symmetry=f"{NAMED} 'P 1 2 1'\n{inversion}"))
    assert read(cif(symmetry=f"{NAMED} 'P -1'\n{inversion}")).flags == ()
    counted = "_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 4"
    found = read(cif(symmetry=f"{NAMED} 'P 1'\n{F_CENTERED}", more=counted))
    assert (counts(found), len(found.flags)) == ({11: 4, 17: 4}, 1)


@pytest.mark.parametrize(
    ("formula", "refused", "flags"),
    [
        ("Na1, Cl1", False, 0),
        ("(Na Cl)n", False, 0),
        ("(Na) Cl", False, 0),
        ("Na1, Cl2", True, 0),
        ("(Na Cl2)n", True, 0),
        ("Na (Cl)2", True, 0),
        ("rock salt", False, 1),
    ],
)
def test_a_formula_in_another_notation_is_compared_and_one_in_none_is_flagged(
    formula: str, refused: bool, flags: int
) -> None:
    text = cif(more=f"_chemical_formula_sum '{formula}'")
    if refused:
        assert formula in reason(text)
    else:
        assert len(read(text).flags) == flags


def test_folded_lines_lists_and_an_end_of_file_of_the_standard_are_read() -> None:
    folded = f"{NAMED}\n;\\\nF m\\\n -3 m\n;"
    assert counts(read(cif(symmetry=folded))) == {11: 4, 17: 4}
    lists = "_a [1 2 [3 ']' 4]]\n_b {'k':\"}\" 'l':[1 2]}"
    assert counts(read("#\\#CIF_2.0\n" + cif(more=lists))) == {11: 1, 17: 1}
    assert "list" in reason("#\\#CIF_2.0\n" + cif(more="_a [1 2"))
    for end in ("\f", "\x1a", "\0"):
        assert counts(read(cif() + end)) == {11: 1, 17: 1}
