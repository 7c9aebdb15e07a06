"""Records of results: accepted by matbench itself, with its scores."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas_core.api import FinishedRun, Predictions
from atlas_matbench._tasks import TASKS
from atlas_matbench.matbench_record import atlas_run_exports


def official_folds(task: str) -> dict[str, list[str]]:
    spec = importlib.util.find_spec("matbench")
    if spec is None or spec.origin is None:
        pytest.skip("matbench is not installed (pip install --no-deps matbench==0.6)")
    file = Path(spec.origin).parent / "matbench_v0.1_validation.json"
    splits = json.loads(file.read_text())["splits"][f"matbench_{task}"]
    return {name: fold["test"] for name, fold in splits.items()}


def finished(task: str, *, std: bool = True, **changes: Any) -> FinishedRun:
    """Make a run of two arms with made-up numbers on the official test ids."""
    rng = np.random.default_rng(0)
    folds = official_folds(task)
    ids = np.array([i for fold in folds.values() for i in fold] * 2)
    n = len(ids) // 2
    target = rng.normal(1400, 250, n)
    mean = target + rng.normal(0, 100, n)
    if TASKS[task].binary:
        target = (rng.random(n) < 0.5).astype(float)
        mean = np.clip(0.3 + 0.4 * target + rng.normal(0, 0.25, n), 0, 1)
    manifest: dict[str, Any] = {
        "atlas": "0.1.0",
        "seed": 7,
        "started": "2026-11-21T06:00:00+00:00",
        "dataset": {
            "component": "matbench",
            "options": {"task": task},
            "sample": None,
            "provenance": "rebuilt",
        },
        "split": {"component": "matbench_folds", "folds": [{"name": name} for name in folds]},
        "arms": {"forest": {"model": {"use": "random_forest"}}, "mean": {"model": {"use": "mean"}}},
    }
    for part, change in changes.items():
        manifest[part] |= change
    columns = {
        "id": ids,
        "arm": np.repeat(["forest", "mean"], n),
        "fold": np.array([name for name, fold in folds.items() for _ in fold] * 2),
        "part": np.full(2 * n, "test"),
        "target": np.tile(target, 2),
        "mean": np.concatenate([mean, np.full(n, target.mean())]),
        "std": np.concatenate([rng.random(n) * 100, np.full(n, np.nan)])
        if std
        else np.full(2 * n, np.nan),
    }
    return FinishedRun(Path("run"), manifest, {}, Predictions.from_columns(columns))


@pytest.fixture(scope="module")
def matbench() -> Any:
    return pytest.importorskip("matbench.bench", reason="matbench is not installed")


@pytest.mark.parametrize("task", ["steels", "expt_is_metal"])
def test_matbench_accepts_the_file_and_agrees_on_the_scores(
    task: str, matbench: Any, tmp_path: Path
) -> None:
    from matbench.data_ops import score_array

    run = finished(task)
    exports = atlas_run_exports(run)
    assert len(exports) == 2
    for export in exports:
        file = tmp_path / "results.json.gz"
        file.write_bytes(export.content)
        benchmark = matbench.MatbenchBenchmark.from_file(file)
        assert benchmark.is_valid
        assert benchmark.is_recorded
        found = benchmark.tasks_map[f"matbench_{task}"]
        here = run.predictions.arm == export.path.parts[1]
        scores = []
        for fold in range(5):
            rows = here & (run.predictions.fold == f"fold_{fold}")
            truth = run.predictions.target[rows].tolist()
            truth = [v == 1 for v in truth] if TASKS[task].binary else truth
            kind = "classification" if TASKS[task].binary else "regression"
            expected = score_array(truth, run.predictions.mean[rows].tolist(), kind)
            stored = found.results[f"fold_{fold}"].scores
            assert dict(stored) == pytest.approx(expected, rel=1e-12)
            scores.append(expected)
        first = "rocauc" if TASKS[task].binary else "mae"
        average = np.mean([s[first] for s in scores])
        assert benchmark.scores[f"matbench_{task}"][first].mean == pytest.approx(average)


def test_the_record_is_what_matbench_itself_would_record(matbench: Any) -> None:
    import pandas as pd

    run = finished("steels")
    forest = run.predictions.arm == "forest"
    ids, target = run.predictions.ids[forest], run.predictions.target[forest]
    task = matbench.MatbenchTask("matbench_steels", autoload=False)
    task.df = pd.DataFrame({"composition": "Fe", "yield strength": target}, index=ids)
    for fold in range(5):
        rows = forest & (run.predictions.fold == f"fold_{fold}")
        task.record(fold, run.predictions.mean[rows], std=run.predictions.std[rows])
    record = json.loads(atlas_run_exports(run)[0].content)
    ours = record["tasks"]["matbench_steels"]
    theirs = json.loads(json.dumps(task.as_dict()))
    assert ours.keys() == theirs.keys()
    for fold, expected in theirs["results"].items():
        found = ours["results"][fold]
        assert found.keys() == expected.keys()
        assert found["data"] == expected["data"]
        assert found["scores"] == pytest.approx(expected["scores"], rel=1e-12)
        assert set(found["uncertainty"]) == set(found["data"])
        for name, interval in expected["uncertainty"].items():
            assert found["uncertainty"][name] == pytest.approx(interval, rel=1e-9)


def test_an_arm_without_sigma_has_no_uncertainty() -> None:
    _, mean = atlas_run_exports(finished("steels"))
    fold = json.loads(mean.content)["tasks"]["matbench_steels"]["results"]["fold_0"]
    assert set(fold) == {"data", "parameters", "scores"}


def test_the_runs_own_interval_accompanies_that_of_matbench_and_is_accepted(
    matbench: Any, tmp_path: Path
) -> None:
    run = finished("steels")
    columns = run.predictions.to_columns()
    columns["lower_0.9"], columns["upper_0.9"] = columns["mean"] - 1.5, columns["mean"] + 2.5
    said = Predictions.from_columns(columns)
    content = atlas_run_exports(FinishedRun(Path("run"), run.manifest, {}, said))[0].content
    fold = json.loads(content)["tasks"]["matbench_steels"]["results"]["fold_0"]
    for name, mean in fold["data"].items():
        interval = fold["uncertainty"][name]
        assert interval["lower_0.9"] == pytest.approx(mean - 1.5)
        assert interval["upper_0.9"] == pytest.approx(mean + 2.5)
    (tmp_path / "results.json").write_bytes(content)
    assert matbench.MatbenchBenchmark.from_file(tmp_path / "results.json").is_valid


def test_featurizers_side_by_side_are_all_named() -> None:
    arms = {"forest": {"featurizer": {"use": "magpie", "beside": [{"use": "density"}]}}}
    first = atlas_run_exports(finished("steels", arms=arms))[0]
    components = json.loads(first.content)["user_metadata"]["components"]
    assert components["featurizer"] == "magpie + density"


def test_the_same_run_gives_the_same_bytes_at_a_path_for_each_arm() -> None:
    first, second = atlas_run_exports(finished("steels")), atlas_run_exports(finished("steels"))
    assert [e.content for e in first] == [e.content for e in second]
    paths = [str(e.path) for e in first]
    assert paths == ["matbench/forest/results.json.gz", "matbench/mean/results.json.gz"]
    record = json.loads(first[0].content)
    assert record["datestamp"] == "2026.11.21 06:00.00"
    assert record["user_metadata"]["components"] == {"model": "random_forest"}


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": {"component": "table"}},
        {"split": {"component": "kfold"}},
        {"dataset": {"sample": 100}},
        {"dataset": {"provenance": "unverified"}},
        {"split": {"folds": [{"name": "fold_0"}]}},
    ],
)
def test_other_runs_give_no_record(changes: dict[str, Any]) -> None:
    assert list(atlas_run_exports(finished("steels", **changes))) == []


def test_an_arm_that_misses_a_row_or_chose_its_training_rows_gives_no_record() -> None:
    run = finished("steels")
    run.predictions.parts[0] = "ood_test"
    run.manifest["arms"]["mean"]["acquisition"] = {"use": "greedy"}
    assert list(atlas_run_exports(run)) == []


def test_writing_a_record_does_not_import_matbench_or_pandas() -> None:
    code = (
        "import sys; import atlas_matbench.matbench_record, atlas_matbench._matbench_record;"
        "bad = {'matbench', 'matminer', 'pandas', 'sklearn', 'scipy'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
