"""What is noted of a run's data, counted by hand."""

from __future__ import annotations

import json

import numpy as np

from atlas_core.kinds.split import Split
from atlas_core.materials import Materials
from atlas_evaluation.described_data import BINS, LISTED, described_data


def formulas(texts: list[str]) -> Materials:
    return Materials.from_formulas([f"m{i:03d}" for i in range(len(texts))], texts)


def test_parts_elements_and_repeated_formulas_are_counted() -> None:
    materials = formulas(["NaCl", "Na2Cl2", "KF", "KF", "SiO2", "Si2O4", "Si3O6", "LiF", "LiF"])
    target = np.array([0.0, 0.5, 1.0, 1.0, -3.0, -1.0, -2.0, 4.0, 9.0])
    one = Split(
        "f", train=np.array([0, 2, 4]), calibration=np.array([5]), test=np.array([1, 3, 6]),
        ood_test=np.array([7]), held_out="materials with Li",
    )  # fmt: skip
    found = described_data([one], materials, target)
    assert found["rows"] == {"train": 4, "test": 3, "ood_test": 1}  # the last row is unused
    assert found["elements"] == {
        "train": {"O": 2, "F": 1, "Na": 1, "Si": 2, "Cl": 1, "K": 1},
        "test": {"O": 1, "F": 1, "Na": 1, "Si": 1, "Cl": 1, "K": 1},
        "ood_test": {"Li": 1, "F": 1},
    }
    assert found["formulas"] == 4
    assert found["repeated"] == {"formulas": 3, "rows": 7, "equal": 1}
    assert found["disagreeing"] == [
        {"formula": "SiO2", "ids": ["m004", "m005"], "values": [-3.0, -1.0], "rows": 3},
        {"formula": "NaCl", "ids": ["m000", "m001"], "values": [0.0, 0.5], "rows": 2},
    ]
    assert found["more"] == 0
    assert found["edges"][0] == -3.0
    assert found["edges"][-1] == 4.0
    assert {part: sum(own) for part, own in found["counts"].items()} == found["rows"]
    assert found["counts"]["ood_test"][-1] == 1
    json.dumps(found)


def test_a_row_counts_once_in_each_part_over_all_folds() -> None:
    materials = formulas(["NaCl", "KF", "SiO2", "LiF"])
    folds = [
        Split("a", train=np.array([0, 1]), test=np.array([2, 3])),
        Split("b", train=np.array([2, 3]), test=np.array([0, 1])),
        Split("c", train=np.array([0, 2]), test=np.array([1, 3])),
    ]
    found = described_data(folds, materials, np.arange(4.0))
    assert found["rows"] == {"train": 4, "test": 4}
    assert found["repeated"] == {"formulas": 0, "rows": 0, "equal": 0}
    assert found["disagreeing"] == []


def test_a_far_tail_is_counted_in_the_last_bin() -> None:
    n = 2000
    materials = formulas(["NaCl"] * n)
    target = np.linspace(0.0, 1.0, n)
    target[-3:] = (50.0, 60.0, 70.0)
    split = Split("f", train=np.arange(1000, n), test=np.arange(1000))
    found = described_data([split], materials, target)
    assert len(found["edges"]) == BINS + 1
    assert found["edges"][-1] < 1.1
    assert found["beyond"] == 3 + int((target[:-3] > found["edges"][-1]).sum())
    assert sum(found["counts"]["train"]) == 1000


def test_classes_have_a_bin_each_and_a_constant_has_a_width() -> None:
    split = Split("f", train=np.array([0, 1, 2]), test=np.array([3]))
    materials = formulas(["NaCl", "NaCl", "KF", "LiF"])
    found = described_data([split], materials, np.array([0.0, 1.0, 1.0, 0.0]))
    assert found["edges"] == [-0.5, 0.5, 1.5]
    assert found["counts"] == {"train": [1, 2], "test": [1, 0]}
    assert [one["ids"] for one in found["disagreeing"]] == [["m000", "m001"]]
    same = described_data([split], materials, np.full(4, 7.0))
    assert (same["edges"][0], same["edges"][-1]) == (6.5, 7.5)
    assert same["repeated"]["equal"] == 1


def test_the_farthest_apart_are_listed_and_the_others_counted() -> None:
    pairs = LISTED + 5
    texts = [f"Na{i + 1}Cl{2 * i + 3}" for i in range(pairs) for _ in range(2)]
    # Na(i+1)Cl(2i+3) are pairwise different formulas
    target = np.array([v for i in range(pairs) for v in (0.0, float(i + 1))])
    split = Split("f", train=np.arange(pairs), test=np.arange(pairs, 2 * pairs))
    found = described_data([split], formulas(texts), target)
    assert (len(found["disagreeing"]), found["more"]) == (LISTED, 5)
    assert found["disagreeing"][0]["values"] == [0.0, float(pairs)]
    assert found["disagreeing"][-1]["values"] == [0.0, 6.0]
