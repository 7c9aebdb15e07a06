"""Charge balance and ionic character, held against matminer and counted by hand."""

from __future__ import annotations

import itertools
import warnings
from functools import reduce
from math import gcd

import numpy as np
import pytest

from atlas_composition.hooks import IonPropertiesConfig
from atlas_composition.ion_properties import IonProperties
from atlas_core.api import SYMBOLS, Materials

FORMULAS = [
    "Fe",
    "NaCl",
    "Fe3O4",
    "LiFePO4",
    "NaCl2",
    "CuAu",
    "Mn3O4",
    "HeO",
    "XeF2",
    "CO2",
    "CO3",
    "NH3",
    "Ca3(PO4)2",
    "Fe4CuSe5",
    "TlSCl3",
    "SmTe3",
]


def featurize(formulas):
    ids = [f"m{i}" for i in range(len(formulas))]
    return IonProperties(IonPropertiesConfig()).featurize(Materials.from_formulas(ids, formulas))


def random_formulas(count):
    rng = np.random.default_rng(8)
    anions = ["O", "S", "F", "Cl", "N", "P", "Te", "C", "H", "As"]
    found = []
    while len(found) < count:
        symbols = {str(s) for s in rng.choice(SYMBOLS[1:100], rng.integers(1, 3))}
        symbols |= {str(s) for s in rng.choice(anions, rng.integers(1, 3))}
        amounts = rng.integers(1, 6, len(symbols)).tolist()
        if reduce(gcd, amounts) == 1:  # matminer's answer differs between NaCl and Na2Cl2
            pairs = zip(sorted(symbols), amounts, strict=True)
            found.append("".join(f"{s}{a}" for s, a in pairs))
    return found


def test_columns_equal_matminers_full_search():
    composition = pytest.importorskip("matminer.featurizers.composition")
    core = pytest.importorskip("pymatgen.core")
    formulas = FORMULAS + random_formulas(150)
    theirs = composition.IonProperty(impute_nan=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # no electronegativity of noble gases
        expected = [theirs.featurize(core.Composition(formula)) for formula in formulas]
    expected = np.asarray(expected, dtype=np.float64)
    assert 0.2 < expected[:, 0].mean() < 0.8
    ours = featurize(formulas)
    assert ours.labels.tolist() == theirs.feature_labels()
    assert (np.isnan(ours.values) == np.isnan(expected)).all()
    np.testing.assert_allclose(ours.values, expected, rtol=1e-12, atol=1e-12)


def test_charge_balance_equals_trying_every_assignment():
    from atlas_composition.ion_properties import IonProperties

    featurizer = IonProperties(IonPropertiesConfig())
    rng = np.random.default_rng(9)
    for _ in range(200):
        zs = rng.choice([6, 7, 8, 15, 16, 25, 26, 34, 42, 52], rng.integers(2, 4), replace=False)
        pairs = [(int(z), int(rng.integers(1, 4))) for z in zs]
        states = [featurizer.states[z] for z, amount in pairs for _ in range(amount)]
        balanced = any(sum(choice) == 0 for choice in itertools.product(*states))
        assert featurizer._can_balance(pairs) == balanced


def test_salt_by_hand():
    character = 1 - np.exp(-0.25 * (3.16 - 0.93) ** 2)
    np.testing.assert_allclose(
        featurize(["NaCl", "Na2Cl2", "Na0.25Cl0.25"]).values,
        [[1, character, character / 4]] * 3,
        rtol=1e-14,
    )


def test_a_fractional_formula_is_balanced_in_whole_numbers():
    fractional = featurize(["Li0.5CoO2", "Cu0.125Au0.875"]).values
    np.testing.assert_allclose(fractional[0], featurize(["LiCo2O4"]).values[0], rtol=1e-14)
    assert fractional[1, 0] == 0


def test_no_balance_is_claimed_where_no_whole_numbers_fit():
    row = featurize(["Fe0.620017C0.000953Mn0.000521"]).values[0]
    assert np.isnan(row[0])
    assert np.isfinite(row[1:]).all()


def test_an_element_is_possible_and_not_ionic():
    np.testing.assert_array_equal(featurize(["Fe", "He", "Fe0.3"]).values, [[1, 0, 0]] * 3)


def test_a_thousand_atoms_of_an_element_are_balanced():
    assert featurize(["Fe900O1003C7"]).values[0, 0] == 1


def test_a_row_does_not_depend_on_its_neighbors():
    together = featurize(FORMULAS).values
    alone = np.concatenate([featurize([formula]).values for formula in FORMULAS])
    assert together.tobytes() == alone.tobytes()


def test_no_materials_give_no_rows():
    assert featurize([]).values.shape == (0, 3)
