"""Magpie's numbers, held against matminer."""

from __future__ import annotations

import bz2
import json
from pathlib import Path

import numpy as np
import pytest

from atlas_composition.hooks import MagpieConfig
from atlas_composition.magpie import Magpie
from atlas_core.api import SYMBOLS, Materials

FORMULAS = [
    "NaCl",
    "Fe",
    "CaTiO3",
    "Ca3(PO4)2",
    "Li0.5CoO2",
    "Ag0.5Ge1Pb1.75S4",
    "Fe0.620C0.000953Mn0.000521Si0.00102Cr0.000110Ni0.192Mo0.0176V0.000112Nb0.0000616Co0.146Al0.00318Ti0.0185",
    "XeF2",
    "HePu",
    "PuO2",
    "U3O8",
    "HOg",
    "Pa2O5",
    "AcH3",
]


def featurize(formulas):
    ids = [f"m{i}" for i in range(len(formulas))]
    return Magpie(MagpieConfig()).featurize(Materials.from_formulas(ids, formulas))


def by_matminer(formulas):
    composition = pytest.importorskip("matminer.featurizers.composition")
    core = pytest.importorskip("pymatgen.core")
    theirs = composition.ElementProperty.from_preset("magpie", impute_nan=False)
    rows = [theirs.featurize(core.Composition(formula)) for formula in formulas]
    return np.asarray(rows, dtype=np.float64), theirs.feature_labels()


def assert_equal(formulas):
    ours = featurize(formulas)
    values, labels = by_matminer(formulas)
    assert ours.labels.tolist() == labels
    assert (np.isnan(ours.values) == np.isnan(values)).all()
    np.testing.assert_allclose(ours.values, values, rtol=1e-12, atol=1e-9)


def test_columns_equal_matminers_on_formulas_with_gaps_in_the_table():
    assert_equal(FORMULAS)


def test_columns_equal_matminers_on_random_formulas():
    rng = np.random.default_rng(11)
    formulas = []
    for _ in range(120):
        z = rng.choice(np.arange(1, 119), size=rng.integers(1, 8), replace=False)
        whole = rng.random() < 0.5
        amounts = rng.integers(1, 4, len(z)) if whole else rng.random(len(z)).round(3) + 0.001
        formulas.append("".join(f"{SYMBOLS[k]}{a}" for k, a in zip(z, amounts, strict=True)))
    assert_equal(formulas)


@pytest.mark.parametrize("task", ["steels", "expt_gap"])
def test_columns_equal_matminers_on_real_formulas(task):
    for parent in Path(__file__).resolve().parents:
        path = parent / "shared" / "data" / "matbench_v0.1" / f"matbench_{task}.json.bz2"
        if path.is_file():
            break
    else:
        pytest.skip(f"matbench_{task}.json.bz2 is not here")
    texts = list(json.loads(bz2.decompress(path.read_bytes()))["composition"].values())
    chosen = np.random.default_rng(5).choice(len(texts), 150, replace=False)
    assert_equal([texts[i] for i in chosen])


def test_sodium_chloride_by_hand():
    row = dict(zip(featurize(["NaCl"]).labels, featurize(["NaCl"]).values[0], strict=True))
    assert row["MagpieData minimum Number"] == 11
    assert row["MagpieData maximum Number"] == 17
    assert row["MagpieData range Number"] == 6
    assert row["MagpieData mean Number"] == 14
    assert row["MagpieData avg_dev Number"] == 3
    assert row["MagpieData mode Number"] == 11  # equally abundant: the smallest value


def test_a_crystal_counts_like_its_formula():
    core = pytest.importorskip("pymatgen.core")
    cell = core.Structure.from_spacegroup(
        "Pm-3m",
        core.Lattice.cubic(3.9),
        ["Sr", "Ti", "O"],
        [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0]],
    )
    cell.make_supercell([2, 1, 1])
    crystals = Materials.from_structures(["a"], [cell])
    ours = Magpie(MagpieConfig()).featurize(crystals).values
    np.testing.assert_array_equal(ours, featurize(["Sr2Ti2O6"]).values)


def test_a_row_does_not_depend_on_its_neighbors():
    together = featurize(FORMULAS).values
    alone = np.concatenate([featurize([formula]).values for formula in FORMULAS])
    assert together.tobytes() == alone.tobytes()
    many = featurize(FORMULAS * 200).values  # more than one block
    assert many[: len(FORMULAS)].tobytes() == together.tobytes()
    assert many[-len(FORMULAS) :].tobytes() == together.tobytes()


def test_a_material_of_which_nothing_is_known_is_listed():
    vectors = featurize(["NaCl", "OgTs", "AcH3"])
    assert vectors.failures == (("m1", "Magpie has no data on Og, Ts"),)
    assert np.isnan(vectors.values[1]).all()


def test_no_materials_give_no_rows():
    assert featurize([]).values.shape == (0, 132)
