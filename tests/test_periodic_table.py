"""The periodic table against pymatgen's and matminer's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atlas_core.periodic_table import (
    covalent_radius,
    electronegativity,
    periodic_group,
    periodic_row,
)


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
