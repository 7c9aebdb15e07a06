"""The periodic table against pymatgen's and matminer's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atlas_chemistry import (
    atomic_mass,
    covalent_radius,
    electronegativity,
    element_statistics,
    periodic_group,
    periodic_row,
)
from atlas_core.materials import Materials


def test_properties_equal_pymatgen_and_magpie():
    pymatgen = pytest.importorskip("pymatgen.core")
    matminer = pytest.importorskip("matminer")
    folder = Path(matminer.__file__).parent / "utils" / "data_files" / "magpie_elementdata"
    radii = (folder / "CovalentRadius.table").read_text().split()
    for z in range(1, 97):
        element = pymatgen.Element.from_Z(z)
        if np.isfinite(electronegativity()[z]) and z <= 94:
            assert electronegativity()[z] == pytest.approx(element.X)
        assert covalent_radius()[z] == float(radii[z - 1])


def test_places_in_the_periodic_table_equal_pymatgens():
    pymatgen = pytest.importorskip("pymatgen.core")
    for z in range(1, 119):
        element = pymatgen.Element.from_Z(z)
        assert periodic_row(np.array([z]))[0] == element.row - (2 if element.row > 7 else 0), (
            element
        )  # pymatgen counts the f-block as rows 8 and 9
        expected = 0 if (57 <= z <= 71 or 89 <= z <= 103) else element.group
        assert periodic_group(np.array([z]))[0] == expected, element


def test_statistics_of_a_formula_by_hand():
    row = element_statistics(Materials.from_formulas(["m"], ["NaF"]))[0]
    # Pauling 0.93 and 3.98, one atom each: mean 2.455, standard deviation 1.525
    np.testing.assert_allclose(row[:4], [2.455, 1.525, 0.93, 3.98])
    # columns 1 and 17 stand 1 from the edge of the table, rows 3 and 2
    np.testing.assert_allclose(row[8:12], [9, 8, 1, 17])
    np.testing.assert_allclose(row[12:16], [2.5, 0.5, 2, 3])
    np.testing.assert_allclose(row[16:20], [1, 0, 1, 1])
    assert row[20] == pytest.approx(np.sqrt(0.5))


def test_statistics_do_not_depend_on_how_many_formula_units_are_written():
    one, two = element_statistics(Materials.from_formulas(["a", "b"], ["Li2FeO3", "Li4Fe2O6"]))
    np.testing.assert_allclose(one, two)


def test_atomic_masses_are_those_of_another_table():
    pymatgen = pytest.importorskip("pymatgen.core")
    # pymatgen's are older: 0.1 % for stable elements, a mass number for the others
    for z in range(1, 119):
        theirs = float(pymatgen.Element.from_Z(z).atomic_mass)
        stable = z <= 92 and z not in (43, 61, *range(84, 90))
        assert atomic_mass()[z] == pytest.approx(theirs, rel=1e-3 if stable else 1e-2), z
    assert np.isnan(atomic_mass()[0])
