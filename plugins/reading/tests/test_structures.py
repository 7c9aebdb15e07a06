"""Crystals go to pymatgen and back, as structures and as dicts."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_core.api import DataError, Materials
from atlas_reading import materials_of_dicts, structure_of


def test_a_structure_goes_to_pymatgen_and_back() -> None:
    made = Materials(
        ids=np.array(["nacl", "cs2o3"]),
        offsets=np.array([0, 2, 7]),
        numbers=np.array([11, 17, 55, 55, 8, 8, 8]),
        amounts=np.ones(7),
        frac=np.linspace(0, 0.9, 21).reshape(7, 3),
        lattice=np.stack([np.eye(3) * 5.6, np.diag([4.0, 5.0, 6.0])]),
    )
    back = Materials.from_structures(made.ids.tolist(), [structure_of(made, i) for i in range(2)])
    assert back.numbers.tolist() == made.numbers.tolist()
    np.testing.assert_allclose(np.asarray(back.frac), np.asarray(made.frac), atol=1e-12)
    np.testing.assert_allclose(np.asarray(back.lattice), np.asarray(made.lattice), atol=1e-12)


def test_a_coordinate_that_no_float_holds_is_refused_with_its_id() -> None:
    crystal = {
        "lattice": {"matrix": [[3, 0, 0], [0, 3, 0], [0, 0, 3]]},
        "sites": [{"species": [{"element": "Fe", "occu": 1}], "abc": [10**400, 0, 0]}],
    }
    with pytest.raises(DataError, match=r"id a: no pymatgen dict of a crystal \(OverflowError"):
        materials_of_dicts(["a"], [crystal])


def test_a_composition_has_no_structure() -> None:
    with pytest.raises(DataError, match="only compositions are known"):
        structure_of(Materials.from_formulas(["a"], ["NaCl"]), 0)
