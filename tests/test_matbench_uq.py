"""The table of uncertainties on Matbench: what is run, what is not, and what is stored."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import ROOT

from atlas_matbench._tasks import TASKS

STORED = ROOT / "benchmarks/results/matbench_uq.json"


@pytest.fixture(name="bench")
def _bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("matbench_uq")


def done(mae: float) -> dict[str, Any]:
    """Return what a run of one arm leaves."""
    scores = {"mae": mae, "picp_0.9": 0.9, "spearman": 0.5}
    metrics = {name: {"value": value} for name, value in scores.items()}
    return {"arms": {"members-linear": {"metrics": metrics}}, "rows": 312}


def lines_of(table: str, task: str) -> list[list[str]]:
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith(f"| {task}")]
    return [[cell.strip("| ") for cell in row] for row in rows]


def test_every_task_is_a_regression_and_its_plan_is_valid(bench: ModuleType) -> None:
    for model, tasks in bench.tasks().items():
        assert not any(TASKS[task].binary for task in tasks)
        for task in ("steels", "jdft2d"):
            if task in tasks:
                assert len(bench.plan_of(model, task).describe()["arms"]) == 4


def test_a_stored_task_leaves_the_others_as_they_are(bench: ModuleType, tmp_path: Path) -> None:
    bench.store("forest", "steels", done(100.0), tmp_path)
    bench.store("forest", "jdft2d", done(50.0), tmp_path)
    bench.store("cgcnn", "jdft2d", done(40.0), tmp_path)
    bench.store("forest", "steels", done(90.0), tmp_path)
    found = bench.read("matbench_uq", tmp_path)["models"]
    assert set(found) == {"cgcnn", "forest"}
    assert set(found["forest"]) == {"jdft2d", "steels"}
    assert found["forest"]["steels"] == done(90.0)


def test_the_table_says_what_is_not_run_and_how_to_run_it(
    bench: ModuleType, tmp_path: Path
) -> None:
    bench.store("forest", "steels", done(100.126), tmp_path)
    table = bench.markdown(tmp_path)
    (steels,) = lines_of(table, "steels")
    assert steels[:5] == ["steels, MPa", "forest", "members, linear", "100.1", "-"]
    assert steels[7] == "90.0 %"
    assert [row[1:4] for row in lines_of(table, "jdft2d")] == [
        ["forest", "not run", "-"],
        ["cgcnn", "not run", "-"],
    ]
    (command,) = [line for line in table.splitlines() if "MODEL=cgcnn" in line]
    assert f'TASKS="{" ".join(bench.tasks()["cgcnn"])}"' in command


def test_the_published_committee_is_in_the_table(bench: ModuleType, tmp_path: Path) -> None:
    scores = {"mae": {"value": 30.0}, "mae_at_80": {"value": 20.0}, "spearman": {"value": 0.5}}
    content = {"tasks": {"phonons": {"answers": {"committee mean": scores}}}}
    (tmp_path / "committee.json").write_text(json.dumps(content))
    last = lines_of(bench.markdown(tmp_path), "phonons")[-1]
    assert last[:5] == [
        "phonons, cm^-1",
        "published",
        "spread of three, none",
        "30.00",
        "20.00",
    ]


def test_a_record_is_scored_by_its_own_sigmas_and_intervals(bench: ModuleType) -> None:
    # errors 1 to 8, sigma half of each but for the last, whose interval leaves its target out
    said = {f"m{i}": float(i) for i in range(1, 9)}
    table = {
        name: {"std": value / 2, "lower_0.9": -1.0, "upper_0.9": value + 1}
        for name, value in said.items()
    }
    table["m8"] = {"std": 0.1, "lower_0.9": 7.9, "upper_0.9": 8.1}
    halves = [list(said)[:3], list(said)[3:]]
    results = {
        f"fold_{k}": {
            "data": {name: said[name] for name in names},
            "uncertainty": {name: table[name] for name in reversed(names)},
        }
        for k, names in enumerate(halves)
    }
    arm = {"uq": {"use": "mc_dropout"}, "calibrator": {"use": "identity"}}
    about = {"spec": {"arms": {"cgcnn": arm}}, "commit": "c", "rows": 8, "spec_hash": "h"}
    found = bench.of_record(results, dict.fromkeys(said, 0.0), about)
    metrics = found["arms"]["mc_dropout-identity"]["metrics"]
    assert metrics["mae"]["value"] == 4.5
    assert metrics["picp_0.9"]["value"] == 7 / 8
    # ranks of |e| 1..8, of sigma 2..8 and 1: 1 - 6 (7 * 1 + 49) / (8 * 63)
    assert metrics["spearman"]["value"] == pytest.approx(1 - 6 * 56 / 504, abs=1e-4)


def test_the_order_of_another_sigma_is_held_against_the_errors_by_id(bench: ModuleType) -> None:
    results = {"fold_0": {"data": {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}, "uncertainty": {}}}
    doubts = {"c": {"std": 0.3}, "d": {"std": 0.4}, "a": {"std": 0.1}, "b": {"std": 0.2}}
    other = {"fold_0": {"data": dict.fromkeys(doubts, 0.0), "uncertainty": doubts}}
    (arm,) = bench.by_other(results, dict.fromkeys("abcd", 0.0), other).values()
    assert arm["metrics"]["spearman"]["value"] == pytest.approx(1)
    assert set(arm["metrics"]) == {"mae", "mae_at_80", "ause", "spearman"}


def test_a_task_whose_file_is_not_there_is_said_and_not_run(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = {"data_dir": tmp_path, "runs": tmp_path / "runs", "device": "cpu"}
    (tmp_path / "matbench_jdft2d.json.bz2").touch()  # formulas alone are not enough there
    for model, task in (("forest", "jdft2d"), ("forest", "steels")):
        bench.run_task(model, task, **where)
        assert f"{model}, {task}: no matbench_{task}.json.gz in {tmp_path}" in (
            capsys.readouterr().out
        )
    assert not (tmp_path / "runs").exists()


def test_stored_scores_are_short_and_of_every_row(bench: ModuleType) -> None:
    content = json.loads(STORED.read_text(encoding="utf-8"))
    assert STORED.stat().st_size < 200_000
    assert bench.shortened(content) == content
    for part in ("models", "records"):
        for task, found in (pair for tasks in content[part].values() for pair in tasks.items()):
            assert found["rows"] == TASKS[task].rows
            assert len(found["arms"]) == 4 or part == "records"
            for name, arm in found["arms"].items():
                assert {"mae", "mae_at_80", "ause", "spearman"} <= set(arm["metrics"])
                assert "picp_0.9" in arm["metrics"] or name.startswith("spread of the forest")
                assert arm["metrics"]["mae"]["low"] < arm["metrics"]["mae"]["high"]


def test_arms_that_differ_in_the_calibrator_share_their_predictions(bench: ModuleType) -> None:
    for tasks in json.loads(STORED.read_text(encoding="utf-8"))["models"].values():
        for found in tasks.values():
            for arm, content in found["arms"].items():
                other = found["arms"][arm.replace("linear", "conformal")]
                assert content["metrics"]["mae"]["value"] == other["metrics"]["mae"]["value"]
