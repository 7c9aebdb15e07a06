"""Run a model on Matbench's official folds, and keep the results as one record a model.

``python benchmarks/records.py run MODEL [TASK ...] --data-dir FOLDER`` runs the spec in
benchmarks/matbench/MODEL/ and writes ``results.json.gz`` (Matbench's own layout, compressed) and
``info.json`` beside it; runs that are done are not done again, killed ones go on.
``python benchmarks/records.py table --data-dir FOLDER --published FOLDER`` compares every record
with the published predictions (see ``leaderboard.py``).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import leaderboard
import numpy as np

from atlas_core.data.predictions import Predictions
from atlas_core.engine.machine import choose_device
from atlas_core.engine.options import RunOptions
from atlas_core.engine.run import run
from atlas_core.observe import FinishedRun
from atlas_core.spec.load import load_plan
from atlas_core.spec.plan import Plan
from atlas_core.spec.yaml import parse
from atlas_core.store import canonical_hash, read_json, write_bytes, write_json
from atlas_matbench.matbench_record import atlas_run_exports
from atlas_registry.loading import Registry

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "benchmarks/matbench"
DIGITS = 6
"""Significant digits of a stored prediction: more cost space and say nothing."""


def main() -> None:
    """Run tasks, or compare what is stored."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run a model's tasks and store its record")
    running.add_argument("model", help="a folder of benchmarks/matbench with a spec.yaml")
    running.add_argument("tasks", nargs="*", help="all that its tasks.yaml lists, if none is named")
    running.add_argument("--runs", type=Path, default=ROOT / "runs/matbench")
    running.add_argument("--device", default="auto")
    table = commands.add_parser("table", help="compare the records with the published predictions")
    table.add_argument(
        "--published", type=Path, required=True, help="matbench_v0.1_<model>.json.gz"
    )
    for command in (running, table):
        command.add_argument("--data-dir", type=Path, required=True, help="matbench_<task>.json.gz")
    given = parser.parse_args()
    if given.command == "table":
        leaderboard.write(given.data_dir, given.published)
        print(leaderboard.markdown())
        return
    known = tasks_of(given.model)
    if unknown := set(given.tasks) - set(known):
        parser.error(f"no task {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for task in given.tasks or known:
        print(f"{given.model}, {task} ...", flush=True)
        about = run_task(
            given.model, task, runs=given.runs, data_dir=given.data_dir, device=given.device
        )
        print(f"{given.model}, {task}: {json.dumps(about['scores'])}", flush=True)


def tasks_of(model: str) -> dict[str, list[str]]:
    """Return {task: assignments for ``--set``} of a model, in the order of its file."""
    path = RECORDS / model / "tasks.yaml"
    found = parse(path.read_text(encoding="utf-8"), str(path)).value
    return {str(task): list(map(str, changes)) for task, changes in found.items()}


def plan_of(model: str, task: str) -> Plan:
    """Return the plan of one task."""
    changes = [f"dataset.options.task={task}", f"name={model}-{task}", *tasks_of(model)[task]]
    return load_plan(RECORDS / model / "spec.yaml", Registry(), overrides=changes)


def run_task(model: str, task: str, *, runs: Path, data_dir: Path, device: str) -> dict[str, Any]:
    """Run one task, put it into the model's record and return what ``info.json`` says of it."""
    plan = plan_of(model, task)
    finished, cpu_seconds = ran(plan, f"{model}-{task}", runs, data_dir=data_dir, device=device)
    records = [json.loads(export.content) for export in atlas_run_exports(rounded(finished))]
    if len(records) != 1:
        raise SystemExit(f"{finished.run_id}: {len(records)} records; the spec needs one arm")
    about = about_run(finished, plan, records[0], cpu_seconds=cpu_seconds)
    store(RECORDS / model, task, records[0], about)
    return about


def ran(
    plan: Plan, name: str, runs: Path, *, data_dir: Path, device: str
) -> tuple[FinishedRun, float]:
    """Run a plan, or what is left of it, and return it with its processor time in seconds."""
    commit()  # of the code that runs, not of what is there when it ends
    options = RunOptions(
        out=runs,
        cache_dir=runs / "cache",
        data_dir=data_dir,
        device=choose_device(device),
        offline=True,
        notify=lambda text: print(f"  {text}", flush=True),
    )
    cpu = _CpuClock(runs / f"{name}.cpu.json", canonical_hash(plan.describe()))
    with cpu, closing(Registry().observers()) as observers:
        outcome = run(plan, options, observers=observers)
    return outcome, cpu.seconds


class _CpuClock:
    """Add up the processor time of all the parts that a run was done in."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.seconds = 0.0
        if path.exists() and read_json(path)["key"] == key:
            self.seconds = float(read_json(path)["seconds"])

    def __enter__(self) -> None:
        self.before = self.seconds - time.process_time()

    def __exit__(self, *_error: object) -> None:
        self.seconds = round(self.before + time.process_time(), 1)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, {"key": self.key, "seconds": self.seconds})


def short(values: Any) -> Any:
    """Return numbers rounded to ``DIGITS`` significant digits."""
    table = np.asarray(values, dtype=np.float64)
    return np.array([float(f"{v:.{DIGITS}g}") for v in table.ravel()]).reshape(table.shape)


def rounded(finished: FinishedRun) -> FinishedRun:
    """Return the run with its predictions as they will be stored, so that scores are theirs."""
    shortened = ("mean", "std", "lower_0.9", "upper_0.9")
    columns = {
        name: short(values) if name in shortened else values
        for name, values in finished.predictions.to_columns().items()
    }
    return replace(finished, predictions=Predictions.from_columns(columns))


def about_run(
    finished: FinishedRun, plan: Plan, record: Mapping[str, Any], *, cpu_seconds: float
) -> dict[str, Any]:
    """Return versions, hardware, time and scores of one task."""
    manifest = finished.manifest
    asked = {k: v for k, v in plan.describe().items() if k not in {"name", "question"}}
    (task,) = record["tasks"].values()
    folds = [fold["scores"] for fold in task["results"].values()]
    names = ("rocauc", "balanced_accuracy") if "rocauc" in folds[0] else ("mae", "rmse")
    return {
        "atlas": manifest["atlas"],
        "commit": commit(),
        "cpu_seconds": cpu_seconds,
        "data_provenance": manifest["dataset"]["provenance"],
        "data_sha256": manifest["dataset"]["sha256"],
        "hardware": manifest["hardware"],
        "packages": manifest["packages"],
        "peak_memory_mb": manifest["peak_memory_mb"],
        "rows": manifest["dataset"]["rows"],
        "run": finished.run_id,
        "science_hash": manifest["science_hash"],
        "scores": {
            name: {
                "mean": float(np.mean([fold[name] for fold in folds])),
                "std": float(np.std([fold[name] for fold in folds])),  # population, as matbench
            }
            for name in names
        },
        "spec": asked,
        "spec_hash": canonical_hash(asked),
        "started": manifest["started"],
    }


@cache
def commit() -> str:
    """Return the commit at the first call, with ``-dirty`` where files differ from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "no git"


def store(folder: Path, task: str, record: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Put one task into a model's ``results.json.gz`` and ``info.json``; others stay."""
    old = read(folder)
    name = f"matbench_{task}"
    (content,) = record["tasks"].values()
    tasks = {**(old["tasks"] if old else {}), name: _short_intervals(content)}
    whole: dict[str, Any] = {
        **{key: record[key] for key in ("@module", "@class", "version", "benchmark_name")},
        "datestamp": max(record["datestamp"], old["datestamp"] if old else ""),
        "user_metadata": {"algorithm": f"ATLAS {folder.name}", "atlas": about["atlas"]},
        "tasks": dict(sorted(tasks.items())),
    }
    # matbench hashes the JSON text of the same content with sorted keys
    text = json.dumps(whole, sort_keys=True)
    whole["hash"] = hashlib.sha256(text.encode()).hexdigest()
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    write_bytes(folder / "results.json.gz", gzip.compress(text.encode(), 9, mtime=0))
    path = folder / "info.json"
    known = read_json(path)["tasks"] if path.exists() else {}
    info = {"algorithm": folder.name, "tasks": {**known, task: about}}
    text = json.dumps(info, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write_bytes(path, text.encode())


def _short_intervals(task: Mapping[str, Any]) -> dict[str, Any]:
    results = {}
    for fold, content in task["results"].items():
        results[fold] = dict(content)
        if "uncertainty" in content:
            table = content["uncertainty"]
            columns = list(next(iter(table.values())))
            values = short([[entry[column] for column in columns] for entry in table.values()])
            results[fold]["uncertainty"] = {
                key: dict(zip(columns, row, strict=True))
                for key, row in zip(table, values.tolist(), strict=True)
            }
    return {**task, "results": results}


def read(folder: Path) -> dict[str, Any] | None:
    """Return a model's record, None where none is stored."""
    path = folder / "results.json.gz"
    return dict(json.loads(gzip.decompress(path.read_bytes()))) if path.exists() else None


def models() -> Sequence[str]:
    """Return the models of which a record is stored."""
    return sorted(path.parent.name for path in RECORDS.glob("*/results.json.gz"))


if __name__ == "__main__":
    main()
