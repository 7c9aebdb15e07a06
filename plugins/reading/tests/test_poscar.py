"""POSCAR texts are read as VASP reads them, or refused with the true reason."""

from __future__ import annotations

import numpy as np
import pytest
from test_crystals import cif, counts, read, reason

CELL = ("1.0", "5.64 0 0", "0 5.64 0", "0 0 5.64")
PLACES = ("0 0 0", "0.5 0.5 0.5")


def poscar(
    *places: str,
    title: str = "salt",
    cell: tuple[str, ...] = CELL,
    symbols: str = "Na Cl",
    numbers: str = "1 1",
    mode: str = "Direct",
) -> str:
    """Return the text of a POSCAR; an empty part has no line."""
    lines = filter(None, [*cell, symbols, numbers, *mode.split("|")])
    return "\n".join([title, *lines, *(places or PLACES), ""])


SALT = {11: 1, 17: 1}


@pytest.mark.parametrize(
    "text",
    [
        poscar(),
        poscar(symbols="NA CL"),
        poscar(symbols="Na CL"),
        poscar(symbols="Na_pv Cl/1f2e"),
        poscar(symbols="Na Cl ! species", numbers="1 1 ! counts"),
        poscar(title="data_set 5"),
        poscar(title="loop_"),
        poscar(title=""),
        poscar().replace("\n", "\r"),
        poscar().replace("\n", "\r\n"),
        poscar("0 0 0 T T T", "0.5 0.5 0.5 T T T", mode="Selective dynamics|Direct"),
        poscar("0 0 0 T T F Na", "0.5 0.5 0.5 .TRUE. F F Cl", mode="Selective dynamics|Direct"),
        poscar("0 0 0 Na", "0.5 0.5 0.5 Cl", symbols=""),
        poscar("0 0 0 Na1", "0.5 0.5 0.5 x"),
        poscar("0 0 0", "2.82 2.82 2.82", mode="Cartesian"),
        poscar("0 0 0", "0.5 0.5 0.5", cell=("5.64", "1 0 0", "0 1 0", "0 0 1"), mode="kartesisch"),
        poscar(cell=("-179.406144", "1 0 0", "0 1 0", "0 0 1")),
        poscar(cell=("1.0 1.0 2.0", "5.64 0 0", "0 5.64 0", "0 0 2.82")),
        poscar(*PLACES, "", "0.1 0.1 0.1", "0.2 0.2 0.2"),
        poscar(*PLACES, "", "0 0 0", "0 0 0", "", "1", "0.1E+01", "0 0 0 0", *["0.1 0.2 0.3"] * 6),
        poscar(*PLACES, "Lattice velocities and vectors", "1", *["0.0 0.1 0.2"] * 6),
        poscar(symbols="Na\nCl", numbers="1\n1"),
    ],
)
def test_a_poscar_that_vasp_takes_is_read(text: str) -> None:
    found = read(text)
    assert counts(found) == SALT
    assert found.flags == ()
    np.testing.assert_allclose(found.lattice, np.eye(3) * 5.64, atol=1e-6)
    np.testing.assert_allclose(found.frac, [[0, 0, 0], [0.5, 0.5, 0.5]], atol=1e-9)


def test_three_factors_scale_cartesian_coordinates_too() -> None:
    stretched = ("1.0 1.0 2.0", "5.64 0 0", "0 5.64 0", "0 0 2.82")
    found = read(poscar("0 0 0", "2.82 2.82 1.41", cell=stretched, mode="Cartesian"))
    np.testing.assert_allclose(found.frac[1], [0.5, 0.5, 0.5], atol=1e-9)


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        (poscar(symbols="Na Cl K"), "Na Cl K"),
        (poscar(symbols="Na"), "elements are Na "),
        (poscar(*PLACES, "0.25 0.25 0.25"), "more coordinates"),
        (poscar() + poscar(), "more than one crystal"),
        (
            poscar(mode="Direct configuration= 1") + "Direct configuration= 2\n0 0 0\n",
            "more than one",
        ),
        (poscar("0 0 0 Na", "0.2 0 0 Cl", "0.5 0 0 Cl", symbols="", numbers="2 1"), "counts"),
        (poscar("0 0 0 Cl", "0.5 0.5 0.5 Na"), "counts"),
        (poscar("0 0 0 T T T", "0.5 0.5 0.5 F F F", symbols=""), "names no elements"),
        (poscar(symbols="", title="Na Cl"), "names no elements"),
        (poscar(mode=""), "truncated"),
        (poscar(*PLACES, "0.2 0.2 0.2", mode=""), "Direct or Cartesian"),
        (poscar("0 0 0", ""), "truncated"),
        (poscar("0 0 0", "Cl"), "line 10"),
        (poscar("0 0 0", "nan 0 0"), "line 10"),
        (poscar(cell=("0.0", *CELL[1:])), "scaling factor"),
        (poscar(cell=("1 -1 1", *CELL[1:])), "scaling factor"),
        (poscar(cell=("1", "1 0 0", "2 0 0", "0 0 1")), "volume"),
        (poscar(symbols="Na Va"), "Va"),
        (poscar(numbers="1 x"), "counts"),
        (poscar(numbers=f"1 {'9' * 5000}"), "counts"),
        (poscar(numbers="0 0"), "truncated"),
        ("one\ntwo", "nor as CIF"),
    ],
)
def test_a_poscar_that_vasp_refuses_or_reads_in_part_is_refused(text: str, reported: str) -> None:
    assert reported in reason(text)


def test_deuterium_is_flagged() -> None:
    assert len(read(poscar(symbols="D O")).flags) == 1
    assert read(poscar(symbols="Dy O")).flags == ()


def test_a_cif_is_none() -> None:
    assert counts(read(cif())) == SALT


@pytest.mark.parametrize("direct", [True, False])
def test_what_pymatgen_writes_comes_back(*, direct: bool) -> None:
    core = pytest.importorskip("pymatgen.core")
    from pymatgen.io.vasp.inputs import Poscar

    lattice = core.Lattice.from_parameters(4, 5, 6, 70, 80, 100)
    made = core.Structure(lattice, ["Fe", "O", "O"], [[0.1, 0, 0], [0.5, 0.6, 0.4], [0, 0.3, 0.7]])
    moving = Poscar(made, selective_dynamics=[[True, False, True]] * 3, velocities=[[0, 1, 2]] * 3)
    for one in (Poscar(made), moving):
        found = read(one.get_str(direct=direct, significant_figures=12))
        assert found.numbers.tolist() == [26, 8, 8]
        np.testing.assert_allclose(found.frac, made.frac_coords, atol=1e-9)
        np.testing.assert_allclose(found.lattice, made.lattice.matrix, atol=1e-9)
