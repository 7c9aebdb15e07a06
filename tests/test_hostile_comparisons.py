"""Run folders made to harm whoever compares or reads them: refused at once, each in one line."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_folders import make_run

from atlas_core.data.decisions import Decisions
from atlas_core.data.predictions import Predictions
from atlas_core.data.repeats import read_repeats
from atlas_core.data.tables import columns_of, write_table
from atlas_core.errors import DataError
from atlas_core.finished import read_run
from atlas_core.rows import write_csv
from atlas_report import spec_facts
from atlas_report.source import source_of

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 9)
)


def test_repeats_of_another_length_are_refused_before_they_are_taken_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read_run(make_run(tmp_path / "run", arms=("forest",))).predictions
    one = first.take(np.zeros(1000, dtype=np.int64))
    write_table(tmp_path / "r.parquet", {**columns_of(one), "repeat": np.arange(2, 1002)})

    def take(self: Predictions, rows: object) -> Predictions:
        raise AssertionError("a row was taken")

    monkeypatch.setattr(Predictions, "take", take)
    with pytest.raises(DataError, match="not those of predictions"):
        read_repeats(tmp_path / "r.parquet", first)


def test_a_locked_spec_that_doubles_itself_is_not_followed(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path / "run", arms=("forest",)))
    (run.folder / "spec.lock.yaml").write_text(BOMB + "trust: {grades: *a8}\n", encoding="utf-8")
    run = read_run(run.folder)
    assert source_of(run).stated == {}
    with pytest.raises(DataError, match=r"spec\.lock\.yaml: cannot be read"):
        spec_facts.spec_of(run)


def test_a_number_that_no_float_holds_is_named(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", arms=("forest",))
    path = folder / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    metrics["arms"]["forest"]["parts"]["test"]["metrics"]["mae"]["value"] = 10**400
    path.write_text(json.dumps(metrics), encoding="utf-8")
    with pytest.raises(DataError, match=r"metrics\.json"):
        read_run(folder)


def test_decisions_that_no_run_makes_are_refused_all_at_once(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", arms=("forest",))
    said = read_run(folder).predictions.take(np.arange(2))
    half = np.full(2, 0.5)
    good = Decisions(
        arm=said.arm, fold=said.fold, ids=said.ids, parts=said.parts, target=said.target,
        mean=said.mean, border=half, words=said.ids, probability=half, probability_near=half,
        margin=half, label=np.full(2, "trust"),
    )  # fmt: skip
    path = folder / "decisions.parquet"
    good.to_parquet(path)
    found = read_run(folder).decisions
    assert found is not None
    assert len(found) == 2
    bad = {"border": half * np.nan, "margin": half * np.inf, "probability": -half}
    replace(good, **bad, arm=np.array(["forest", "<b>"])).to_parquet(path)
    with pytest.raises(DataError, match=r"decisions\.parquet") as caught:
        read_run(folder)
    (line,) = str(caught.value).splitlines()
    for text in ("'border'", "'margin'", "'probability'", "its arms"):
        assert text in line


def test_a_carriage_return_begins_no_row() -> None:
    written = write_csv(("id", "x"), [("a\r=1+1", 1), ("b\r\n=2", 2)]).decode()
    assert "\r" not in written
    rows = list(csv.reader(io.StringIO(written)))
    assert rows == [["id", "x"], ["a\n=1+1", "1"], ["b\n=2", "2"]]
