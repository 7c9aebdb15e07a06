"""Valence electrons, held against matminer."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_composition.hooks import ValenceOrbitalsConfig
from atlas_composition.valence_orbitals import ValenceOrbitals
from atlas_core.api import SYMBOLS, Materials

FORMULAS = ["NaCl", "Fe", "HePu", "U3O8", "OgH", "Ca3(PO4)2", "HOg", "Li0.5CoO2"]


def featurize(formulas):
    ids = [f"m{i}" for i in range(len(formulas))]
    return ValenceOrbitals(ValenceOrbitalsConfig()).featurize(
        Materials.from_formulas(ids, formulas)
    )


def test_columns_equal_matminers():
    composition = pytest.importorskip("matminer.featurizers.composition")
    core = pytest.importorskip("pymatgen.core")
    rng = np.random.default_rng(4)
    formulas = list(FORMULAS)
    for _ in range(60):
        z = rng.choice(np.arange(1, 119), size=rng.integers(1, 6), replace=False)
        formulas.append("".join(f"{SYMBOLS[k]}{rng.integers(1, 9)}" for k in z))
    theirs = composition.ValenceOrbital(impute_nan=False)
    expected = np.asarray([theirs.featurize(core.Composition(formula)) for formula in formulas])
    ours = featurize(formulas)
    assert ours.labels.tolist() == theirs.feature_labels()
    assert (np.isnan(ours.values) == np.isnan(expected)).all()
    np.testing.assert_allclose(ours.values, expected, rtol=1e-12)


def test_iron_by_hand():
    row = featurize(["Fe"]).values[0]  # 4s2 3d6
    np.testing.assert_allclose(row, [2, 0, 6, 0, 0.25, 0, 0.75, 0], rtol=1e-15)


def test_a_material_with_an_unknown_element_is_listed():
    vectors = featurize(["NaCl", "OgTsH"])
    assert vectors.failures == (("m1", "Magpie has no data on Og, Ts"),)
    assert np.isnan(vectors.values[1]).all()


def test_no_materials_give_no_rows():
    assert featurize([]).values.shape == (0, 8)
