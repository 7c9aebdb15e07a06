"""Norms of fractions, held against matminer."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_composition.hooks import StoichiometryConfig
from atlas_composition.stoichiometry import Stoichiometry
from atlas_core.api import SYMBOLS, Materials

FORMULAS = ["Fe", "NaCl", "Fe2O3", "Li0.5CoO2", "Ca3(PO4)2", "Fe0.62C0.000953Mn0.000521Si0.00102"]


def featurize(formulas):
    ids = [f"m{i}" for i in range(len(formulas))]
    return Stoichiometry(StoichiometryConfig()).featurize(Materials.from_formulas(ids, formulas))


def test_columns_equal_matminers():
    composition = pytest.importorskip("matminer.featurizers.composition")
    core = pytest.importorskip("pymatgen.core")
    rng = np.random.default_rng(3)
    formulas = list(FORMULAS)
    for _ in range(60):
        z = rng.choice(np.arange(1, 119), size=rng.integers(1, 9), replace=False)
        amounts = rng.random(len(z)).round(3) + 0.001
        formulas.append("".join(f"{SYMBOLS[k]}{a}" for k, a in zip(z, amounts, strict=True)))
    theirs = composition.Stoichiometry()
    expected = [theirs.featurize(core.Composition(formula)) for formula in formulas]
    ours = featurize(formulas)
    assert ours.labels.tolist() == theirs.feature_labels()
    np.testing.assert_allclose(ours.values, expected, rtol=1e-12)


def test_iron_oxide_by_hand():
    row = featurize(["Fe2O3"]).values[0]
    expected = [2, *((0.4**p + 0.6**p) ** (1 / p) for p in (2, 3, 5, 7, 10))]
    np.testing.assert_allclose(row, expected, rtol=1e-14)


def test_a_row_does_not_depend_on_its_neighbors():
    together = featurize(FORMULAS).values
    alone = np.concatenate([featurize([formula]).values for formula in FORMULAS])
    assert together.tobytes() == alone.tobytes()


def test_sites_of_one_element_count_as_one_element():
    core = pytest.importorskip("pymatgen.core")
    places = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    cell = core.Structure(core.Lattice.cubic(3.8), ["Cu", "Au", "Cu", "Cu"], places)
    crystal = Stoichiometry(StoichiometryConfig()).featurize(
        Materials.from_structures(["a"], [cell])
    )
    np.testing.assert_array_equal(crystal.values, featurize(["Cu3Au"]).values)


def test_no_materials_give_no_rows():
    assert featurize([]).values.shape == (0, 6)
