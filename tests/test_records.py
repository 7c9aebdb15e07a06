"""The stored Matbench records, how they are made, and their comparison with published figures."""

from __future__ import annotations

import gzip
import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import KFold
from support import ROOT

from atlas_matbench._tasks import TASKS

RESULTS = ROOT / "benchmarks/results"
RECORDS = sorted((ROOT / "benchmarks/matbench").glob("*/results.json.gz"))
STORED = [pytest.param(path, id=path.parent.name) for path in RECORDS]


@pytest.fixture(name="records")
def _records(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("records")


@pytest.fixture(name="leaderboard")
def _leaderboard(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("leaderboard")


def content(path: Path) -> dict[str, Any]:
    return dict(json.loads(gzip.decompress(path.read_bytes())))


def made_up(offset: float = 0.0) -> dict[str, Any]:
    """Return a record's results: two materials a fold, each off by 1 + offset and 3 + offset."""
    return {
        f"fold_{k}": {
            "data": {f"m{2 * k}": 1.0 + offset, f"m{2 * k + 1}": 3.0 + offset},
            "uncertainty": {
                f"m{2 * k}": {"std": 1.0, "lower_0.9": -1.0, "upper_0.9": 2.0},
                f"m{2 * k + 1}": {"std": 1.0, "lower_0.9": 1.0, "upper_0.9": 4.0},
            },
        }
        for k in range(5)
    }


ZEROS = {f"m{i}": 0.0 for i in range(10)}


def test_an_error_is_the_mean_over_the_folds_with_its_coverage(leaderboard: ModuleType) -> None:
    results = made_up()
    results["fold_4"]["data"] = {"m8": 6.0, "m9": 6.0}
    found = leaderboard.score(results, ZEROS, binary=False)
    assert found["folds"] == [2.0, 2.0, 2.0, 2.0, 6.0]
    assert found["mean"] == pytest.approx(2.8)
    assert found["std"] == pytest.approx(1.6)  # population: sqrt((4 x 0.8^2 + 3.2^2) / 5)
    assert found["coverage_0.9"] == 0.5
    assert found["mean_width_0.9"] == 3.0


def test_roc_auc_of_labels_is_balanced_accuracy_and_that_of_probabilities_is_reported_too(
    leaderboard: ModuleType,
) -> None:
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    rng = np.random.default_rng(0)
    true = {f"m{i}": float(rng.random() < 0.3) for i in range(500)}
    said = {name: float(np.clip(0.4 * t + 0.7 * rng.random(), 0, 1)) for name, t in true.items()}
    names = list(true)
    results = {f"fold_{k}": {"data": {name: said[name] for name in names[k::5]}} for k in range(5)}
    found = leaderboard.score(results, true, binary=True)
    expected, areas = [], []
    for k in range(5):
        t, p = np.array([[true[name], said[name]] for name in names[k::5]]).T
        expected.append(roc_auc_score(t, p > 0.5))
        assert expected[-1] == pytest.approx(balanced_accuracy_score(t, p > 0.5))
        areas.append(roc_auc_score(t, p))
    assert found["folds"] == pytest.approx(expected)
    assert found["roc_auc_of_probabilities"]["mean"] == pytest.approx(np.mean(areas))


@pytest.mark.parametrize(
    ("shift", "word"), [(-0.5, "better"), (0.5, "worse"), (0.0, "no difference shown")]
)
def test_the_word_follows_the_interval_of_the_paired_difference(
    leaderboard: ModuleType, shift: float, word: str
) -> None:
    rng = np.random.default_rng(1)
    other = rng.random(400)
    found = leaderboard.compared(other + shift + rng.normal(0, 0.1, 400), other)
    assert found["word"] == word
    assert found["difference"] == pytest.approx(shift, abs=0.02)
    assert found["low"] < shift < found["high"]


def test_a_bar_holds_up_to_its_margin_and_an_unmeasured_one_says_so(
    leaderboard: ModuleType,
) -> None:
    published = json.loads((ROOT / "benchmarks/matbench/published.json").read_text())["tasks"]
    tasks = {
        "steels": {"models": {"forest": {"mean": 1.029 * 103.51}}},
        "expt_gap": {"models": {"forest": {"mean": 1.031 * 0.4461}}},
        "expt_is_metal": {"models": {"forest": {"mean": 0.971 * 0.9167}}},
    }
    rows = {row["bar"].split(":")[0]: row for row in leaderboard.summary(tasks, published)}
    assert rows["forest on steels"]["holds"] is True
    assert rows["forest on expt_gap"]["holds"] is False
    assert rows["forest on expt_is_metal"]["holds"] is True
    assert rows["cgcnn on phonons"]["needed"] == 57.76
    assert rows["cgcnn on phonons"]["holds"] is None
    assert rows["cgcnn on phonons"]["note"] == "not run"


def record_of(value: float) -> dict[str, Any]:
    results = made_up(value)
    for fold in results.values():
        fold |= {"parameters": {}, "scores": {"mae": 1.0}}
    return {
        "@module": "matbench.bench",
        "@class": "MatbenchBenchmark",
        "version": "0.6",
        "benchmark_name": "matbench_v0.1",
        "datestamp": "2026.11.21 06:00.00",
        "tasks": {"matbench_x": {"dataset_name": "matbench_x", "results": results}},
    }


def test_tasks_are_put_into_one_record_whose_bytes_do_not_depend_on_the_clock(
    records: ModuleType, tmp_path: Path
) -> None:
    first, second = tmp_path / "a/forest", tmp_path / "b/forest"
    for folder in (first, second):
        folder.mkdir(parents=True)
    records.store(first, "p", record_of(1.0), {"atlas": "0.1.0"})
    records.store(first, "q", record_of(2.0), {"atlas": "0.1.0"})
    records.store(second, "q", record_of(2.0), {"atlas": "0.1.0"})
    records.store(second, "p", record_of(5.0), {"atlas": "0.1.0"})
    records.store(second, "p", record_of(1.0), {"atlas": "0.1.0"})
    here, there = (folder / "results.json.gz" for folder in (first, second))
    assert list(content(here)["tasks"]) == ["matbench_p", "matbench_q"]
    assert content(here)["tasks"]["matbench_q"]["results"]["fold_0"]["data"]["m0"] == 3.0
    assert here.read_bytes()[4:8] == bytes(4)  # the header's time
    assert content(here) == content(there)
    assert here.read_bytes() == there.read_bytes()
    assert set(json.loads((first / "info.json").read_text())["tasks"]) == {"p", "q"}


def test_stored_numbers_have_six_digits(records: ModuleType) -> None:
    found = records.short([1234.56789, -0.000123456789, 0.1 + 0.2, np.nan])
    assert found[:3].tolist() == [1234.57, -0.000123457, 0.3]
    assert np.isnan(found[3])


@pytest.mark.parametrize("path", STORED)
def test_a_stored_record_has_the_official_folds_and_its_own_scores(path: Path) -> None:
    for name, task in content(path)["tasks"].items():
        about = TASKS[name.removeprefix("matbench_")]
        width = len(str(about.rows))
        stem = name.replace("matbench_", "mb-").replace("_", "-")
        ids = np.array([f"{stem}-{i:0{width}d}" for i in range(1, about.rows + 1)])
        folds = [sorted(fold["data"]) for fold in task["results"].values()]
        assert sorted(ids) == sorted(i for fold in folds for i in fold)
        if not about.binary:
            cut = KFold(5, shuffle=True, random_state=18012019).split(ids)
            assert folds == [sorted(ids[test].tolist()) for _, test in cut]
        for fold in task["results"].values():
            if not about.binary:
                assert set(fold["uncertainty"]) == set(fold["data"])
                for one, entry in fold["uncertainty"].items():
                    assert entry["lower_0.9"] <= fold["data"][one] <= entry["upper_0.9"]


@pytest.mark.parametrize("path", STORED)
def test_a_stored_record_is_small_and_says_what_made_it(path: Path) -> None:
    assert path.stat().st_size < 2_500_000
    info = json.loads((path.parent / "info.json").read_text(encoding="utf-8"))["tasks"]
    assert {f"matbench_{task}" for task in info} == set(content(path)["tasks"])
    for about in info.values():
        assert about["cpu_seconds"] > 0
        # a record keeps the name that the distribution had when it was made
        cores = {"atlas-materials", "atlas-core"} & set(about["packages"])
        assert [about["packages"][name] for name in cores] == [about["atlas"]]
        assert about["data_provenance"] in {"official", "rebuilt"}


@pytest.mark.parametrize("path", STORED)
def test_matbench_reads_a_stored_record_once_it_is_unpacked(path: Path, tmp_path: Path) -> None:
    bench = pytest.importorskip("matbench.bench", reason="matbench is not installed")
    with pytest.raises(UnicodeDecodeError):  # it reads plain text whatever the file is called
        bench.MatbenchBenchmark.from_file(path)
    (tmp_path / "results.json").write_bytes(gzip.decompress(path.read_bytes()))
    found = bench.MatbenchBenchmark.from_file(tmp_path / "results.json")
    assert found.is_valid
    assert found.is_recorded
    table = json.loads((RESULTS / "matbench.json").read_text(encoding="utf-8"))["tasks"]
    for name, scores in found.scores.items():
        task = table[name.removeprefix("matbench_")]
        ours = task["models"][path.parent.name]
        assert ours["mean"] == pytest.approx(scores[task["metric"]]["mean"], rel=1e-12)
        assert ours["std"] == pytest.approx(scores[task["metric"]]["std"], rel=1e-12)


def test_the_table_is_made_from_the_results_alone(leaderboard: ModuleType) -> None:
    text = leaderboard.markdown()
    results = json.loads((RESULTS / "matbench.json").read_text(encoding="utf-8"))
    for task, entry in results["tasks"].items():
        for model in entry["models"]:
            assert f"| {model} | {task}, " in text


def test_the_models_specs_are_valid_for_each_of_their_tasks(records: ModuleType) -> None:
    for path in sorted((ROOT / "benchmarks/matbench").glob("*/spec.yaml")):
        for task in records.tasks_of(path.parent.name):
            plan = records.plan_of(path.parent.name, task)
            assert plan.dataset.config.model_dump()["task"] == task
            assert len(plan.arms) == 1
