"""``atlas predict``: a handful of materials on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support import Cli

from atlas_core.data.predictions import Predictions

SPEC = """\
atlas: 1
name: few
seed: 3
dataset: flla
sample: 200
reports: []
split: {use: random, options: {calibration: 0.3}}
arms:
  forest:
    featurizer: element_fractions
    model: {use: random_forest, options: {trees: 8}}
    uq: tree_variance
    calibrator: split_conformal
    ood: unseen_element
  crystals: {featurizer: density_features, model: ridge, uq: deterministic}
"""
SALT = """\
NaCl
1.0
5.64 0 0
0 5.64 0
0 0 5.64
Na Cl
1 1
Direct
0 0 0
0.5 0.5 0.5
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cli, Path]:
    folder = tmp_path_factory.mktemp("predict")
    atlas = Cli(folder, folder / "cache")
    (folder / "s.yaml").write_text(SPEC, encoding="utf-8")
    (folder / "POSCAR").write_text(SALT, encoding="utf-8")
    done = atlas("run", "s.yaml", "--json", "--save-fitted")
    assert done.returncode == 0, done.stderr
    return atlas, folder / json.loads(done.stdout)["run"]


def test_what_is_predicted_is_what_the_run_predicted(run: tuple[Cli, Path]) -> None:
    atlas, folder = run
    table = Predictions.from_parquet(folder / "predictions.parquet").by_arm()["forest"].part("test")
    formulas = table.formula[:4].tolist()
    done = atlas("predict", folder, *formulas, "--arm", "forest", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    np.testing.assert_array_equal([row["value"] for row in found], table.mean[:4])
    np.testing.assert_array_equal([row["upper"] for row in found], table.upper[0.9][:4])
    assert [row["material"] for row in found] == formulas
    assert found[0]["label"] is None
    assert len(found[0]["nearest"]) == 3


def test_a_line_says_value_interval_and_why(run: tuple[Cli, Path]) -> None:
    atlas, folder = run
    done = atlas("predict", folder, "NaCl", "Lr2O3", "--arm", "forest")
    first, second = done.stdout.splitlines()
    assert first.startswith("NaCl: ")
    assert " eV/atom; 90 % interval " in first
    assert "nearest known: " in first
    assert "outside; " in second
    assert "Lr" in second.partition("outside; ")[2]


def test_a_formula_is_printed_as_it_was_typed(run: tuple[Cli, Path]) -> None:
    """Chemists write TePb by electronegativity; who typed PbTe looks for PbTe."""
    atlas, folder = run
    typed = ["PbTe", "Cl2Na2"]
    done = atlas("predict", folder, *typed, "--arm", "forest")
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == typed
    done = atlas("predict", folder, *typed, "POSCAR", "--arm", "forest", "--json")
    assert [row["formula"] for row in json.loads(done.stdout)] == [*typed, "NaCl"]
    done = atlas("predict", folder, "POSCAR", "--arm", "forest")
    assert done.stdout.startswith("NaCl (POSCAR): ")


def test_crystals_are_files(run: tuple[Cli, Path]) -> None:
    atlas, folder = run
    done = atlas("predict", folder, "POSCAR", "--arm", "crystals", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["material"], row["formula"], row["lower"]) == ("POSCAR", "NaCl", None)
    mixed = atlas("predict", folder, "POSCAR", "NaCl", "--arm", "forest", "--json")
    one, two = json.loads(mixed.stdout)
    assert one["value"] == two["value"]


def test_all_that_cannot_be_read_is_named(run: tuple[Cli, Path]) -> None:
    atlas, folder = run
    done = atlas("predict", folder, "Xx2", "NaCl", "Q", "--arm", "forest")
    assert (done.returncode, done.stdout) == (4, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("error: Xx2: ")
    assert second.startswith("error: Q: ")
    refused = atlas("predict", folder, "NaCl", "--arm", "crystals")
    assert refused.returncode == 4
    assert "the arm reads crystals" in refused.stderr
    which = atlas("predict", folder, "NaCl")
    assert which.returncode == 2
    assert "which arm?" in which.stderr
