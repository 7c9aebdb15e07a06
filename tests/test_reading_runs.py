"""What becomes of bad rows from the file to the report, and lists of candidates in every form."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import Cli

from atlas_core.api import DataError, Dataset, Materials
from atlas_core.data.tables import read_table
from atlas_core.engine.loading import deduplicated
from atlas_core.rows import BadRow, Flag, safe_cell, unreadable_csv, write_csv

SPEC = """\
atlas: 1
name: dirty
seed: 2
dataset: {use: table, options: {path: t.csv, formula: formula, target: y}}
split: {use: random, options: {calibration: 0, test: 0.3, group_by_formula: true}}
arms:
  ridge: {featurizer: stoichiometry, model: ridge, uq: deterministic}
"""


def alloys() -> str:
    """Return 30 alloys, each as fractions and as percent."""
    rows = ["formula,y"]
    for a, b in (("Fe", "Ni"), ("Ti", "W"), ("Co", "Mo")):
        for share in range(5, 55, 5):
            rows.append(f"{a}{share / 100:g}{b}{1 - share / 100:g},{share}")
            rows.append(f"{b}{100 - share}{a}{share},{share + 1}")
    return "\n".join(rows) + "\n"


BAD = "=2+5,1\nXx,2\nFe3O4,\nCuSO4.5H2O,3\n"


@pytest.fixture(scope="module")
def dropped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run on a table with four bad rows, which its options drop, and what it said."""
    folder = tmp_path_factory.mktemp("dirty")
    (folder / "s.yaml").write_text(SPEC)
    (folder / "t.csv").write_text(alloys() + BAD)
    options = [f"dataset.options.{name}=drop" for name in ("on_error", "missing")]
    flags = [word for option in options for word in ("--set", option)]
    done = Cli(folder, folder / "cache")("run", "s.yaml", *flags)
    assert done.returncode == 0, done.stderr
    (found,) = (folder / "runs").glob("dirty-*")
    return found, done.stderr


def test_dropped_rows_are_counted_on_the_terminal_in_the_manifest_and_in_the_report(
    dropped: tuple[Path, str],
) -> None:
    folder, said = dropped
    reading = json.loads((folder / "manifest.json").read_text())["dataset"]["reading"]
    assert (reading["rows"], reading["dropped"]) == (64, 4)
    assert sorted(reading["reasons"].values()) == [1, 3]
    assert "4 of 64 rows" in said
    assert "4 of 64 rows" in (folder / "report.html").read_text()
    rows = list(csv.reader((folder / "unreadable.csv").read_text().splitlines()))
    assert [row[0] for row in rows] == ["place", "row 61", "row 62", "row 63", "row 64"]
    assert rows[1][2] == "'=2+5"
    assert {row[4] for row in rows[1:]} == {"no"}


def test_a_run_shows_the_users_formula_and_row_and_keeps_compositions_together(
    dropped: tuple[Path, str],
) -> None:
    table = read_table(dropped[0] / "predictions.parquet")
    lines = alloys().splitlines()
    for own, formula in zip(table["id"], table["formula"], strict=True):
        assert lines[int(own)].startswith(f"{formula},")
    # rows 1 and 2 are one alloy, 3 and 4 the next, and so on
    tested = {int(own) for own in table["id"][table["part"] == "test"]}
    assert tested
    assert all((row + 1 if row % 2 else row - 1) in tested for row in tested)


def test_all_rows_that_stop_a_run_stand_in_a_file_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SPEC)
    data = tmp_path / "theirs"
    data.mkdir()
    (data / "t.csv").write_text("formula,y\n" + "Xx,1\n" * 25)
    run = Cli(tmp_path, tmp_path / "cache")
    done = run("run", "s.yaml", "--set", f"dataset.options.path={data / 't.csv'}", "--out", "o")
    assert done.returncode == 4
    assert done.stderr.count("unknown element") == 20
    assert "25 of 25 rows" in done.stderr
    assert str(Path("o") / "unreadable.csv") in done.stderr
    rows = list(csv.reader((tmp_path / "o/unreadable.csv").read_text().splitlines()))
    assert len(rows) == 26
    assert [path.name for path in data.iterdir()] == ["t.csv"]


def test_spreadsheets_run_no_cell() -> None:
    for text in ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-", "+a"):
        assert safe_cell(text) == f"'{text}"
    for value in ("NaCl", "", -1.5, "-1.5", "+2e-3", "1=1", "-inf", None, 3):
        assert safe_cell(value) == value
    reported = unreadable_csv([BadRow("row 1", "@x", "=1", "-no")], [Flag("odd", "+f.cif", "=y")])
    (head, first, second) = csv.reader(reported.decode().splitlines())
    assert head == ["place", "id", "text", "why", "used"]
    assert first == ["row 1", "'@x", "'=1", "'-no", "no"]
    assert second == ["'+f.cif", "'=y", "", "odd", "yes"]
    assert write_csv(["a"], [["=x"], [-2.0]]).decode() == "a\n'=x\n-2.0\n"


def measured(*formulas: str, target: list[float], **changes: Any) -> Dataset:
    ids = [f"r{i}" for i in range(len(formulas))]
    fields: dict[str, Any] = {
        "materials": Materials.from_formulas(ids, formulas),
        "target": np.array(target),
        "target_name": "y",
        "unit": "",
        "task": "regression",
        "name": "d",
        "license": "",
        "citation": (),
        "sha256": "",
        "provenance": "user",
        "formulas": formulas,
    }
    return Dataset(**(fields | changes))


def test_repeated_measurements_are_joined_by_their_mean_or_median() -> None:
    data = measured(
        "Li0.5CoO2", "NaCl", "LiCo2O4", "Co2LiO4", "Na2Cl2", target=[1.0, 7.0, 2.0, 6.0, 8.0]
    )
    mean, median = deduplicated(data, "mean"), deduplicated(data, "median")
    assert mean.materials.ids.tolist() == ["r0", "r1"]
    assert mean.target.tolist() == [3.0, 7.5]
    assert median.target.tolist() == [2.0, 7.5]
    assert mean.shown_formulas() == ["Li0.5CoO2", "NaCl"]
    assert deduplicated(data, "lowest").materials.ids.tolist() == ["r0", "r1"]
    binary = measured("NaCl", "Na2Cl2", target=[0.0, 1.0], task="binary")
    with pytest.raises(DataError, match="lowest or highest"):
        deduplicated(binary, "mean")
