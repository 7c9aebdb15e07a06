"""Intervals end where the data set says that nothing is possible beyond."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import Cli

from atlas_core.api import DataError, Prediction, read_bounds
from atlas_core.data.tables import read_table
from atlas_core.testing.samples import toy_dataset

SPEC = """\
atlas: 1
name: bounds
seed: 3
levels: [0.5, 0.9]
reports: []
dataset:
  use: table
  options: {path: gaps.csv, formula: formula, target: gap, unit: eV}
split: {use: random, options: {calibration: 0.3, test: 0.3}}
arms:
  line:
    featurizer: element_fractions
    model: ridge
    uq: deterministic
    calibrator: split_conformal
"""
BOUNDED = "dataset.options.bounds=[0, null]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a spec and band gaps, many of them 0."""
    rng = np.random.default_rng(0)
    metals = ["Na", "K", "Mg", "Ca", "Ti", "Fe", "Cu", "Zn", "Al", "Ga"]
    rows = []
    for i in range(240):
        a, b = rng.choice(metals, 2, replace=False)
        gap = max(0.0, float(rng.normal(0.4, 1.0)))
        rows.append(f"{a}{i % 4 + 1}{b}{i % 3 + 1}O{i % 5 + 1},{gap:.3f}")
    (tmp_path / "gaps.csv").write_text("formula,gap\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


def test_intervals_are_cut_and_coverage_mean_and_std_stay(folder: Path) -> None:
    atlas = Cli(folder, folder / "cache")

    def columns(*args: str) -> dict[str, np.ndarray]:
        done = atlas("run", "s.yaml", "--json", *args)
        assert done.returncode == 0, done.stderr
        return read_table(folder / json.loads(done.stdout)["run"] / "predictions.parquet")

    free, cut = columns(), columns("--set", BOUNDED)
    assert (free["lower_0.9"] < 0).any()
    for level in ("0.5", "0.9"):
        ends = {
            name: (t[f"lower_{level}"], t[f"upper_{level}"])
            for name, t in (("free", free), ("cut", cut))
        }
        np.testing.assert_array_equal(ends["cut"][0], np.maximum(ends["free"][0], 0.0))
        np.testing.assert_array_equal(ends["cut"][1], np.maximum(ends["free"][1], 0.0))
        covered = {
            name: (low <= free["target"]) & (free["target"] <= high)
            for name, (low, high) in ends.items()
        }
        inside = ends["free"][1] >= 0  # the interval does not lie outside as a whole
        np.testing.assert_array_equal(covered["cut"][inside], covered["free"][inside])
        assert (covered["cut"] >= covered["free"]).all()
    for name in ("target", "mean", "std"):
        np.testing.assert_array_equal(cut[name], free[name])


def test_screened_candidates_have_the_same_bounds(folder: Path) -> None:
    atlas = Cli(folder, folder / "cache")
    done = atlas("run", "s.yaml", "--json", "--set", BOUNDED)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)["run"]
    (folder / "new.csv").write_text("formula\nNa2O\nFe3Cu\nMgO\n", encoding="utf-8")
    screened = atlas("screen", run, "new.csv", "--json")
    assert screened.returncode == 0, screened.stderr
    (table,) = (folder / run).rglob("screened.parquet")
    found = read_table(table)
    assert (found["lower"] >= 0).all()
    assert (found["upper"] >= found["lower"]).all()


def test_targets_outside_their_bounds_are_all_named(folder: Path) -> None:
    atlas = Cli(folder, folder / "cache")
    path = folder / "gaps.csv"
    path.write_text(path.read_text() + "NaCl,-0.25\nKCl,-3\n", encoding="utf-8")
    for command in ("run", "validate"):
        done = atlas(command, "s.yaml", "--set", BOUNDED)
        assert done.returncode == 4
        assert "241 (-0.25), 242 (-3)" in done.stderr
        assert "[0, inf]" in done.stderr


def test_bounds_upside_down_are_refused() -> None:
    with pytest.raises(DataError, match=r"bounds \[5, 1\]"):
        replace(toy_dataset(), bounds=(5.0, 1.0))


def test_an_interval_outside_as_a_whole_becomes_the_nearest_bound() -> None:
    found = Prediction(
        np.array([-3.0, 0.5, 9.0]),
        levels=np.array([0.9]),
        lower=np.array([[-4.0, -1.0, 8.0]]),
        upper=np.array([[-2.0, 2.0, np.inf]]),
    ).within((0.0, 7.0))
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower.tolist() == [[0.0, 0.0, 7.0]]
    assert found.upper.tolist() == [[0.0, 2.0, 7.0]]
    assert found.mean.tolist() == [-3.0, 0.5, 9.0]


def test_an_open_end_is_null() -> None:
    assert read_bounds((0, None)) == (0.0, np.inf)
    assert read_bounds((None, 3)) == (-np.inf, 3.0)
    assert read_bounds(None) is None
