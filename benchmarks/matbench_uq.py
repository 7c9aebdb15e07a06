"""Judge uncertainties on Matbench's official folds: the table that its leaderboard never had.

``python benchmarks/matbench_uq.py run --data-dir FOLDER`` runs the specs of benchmarks/matbench_uq
on every task of tasks.yaml whose file is in the folder, and puts each that is done into
benchmarks/results/matbench_uq.json; ``--models`` and ``--tasks`` name some of them. Runs that are
done are not done again, killed ones go on. ``table`` prints docs/matbench-uq.md's table, with the
committee of published models (``committee.py``) beside.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from atlas_core.observe import FinishedRun
from atlas_core.spec.plan import Plan, load_plan
from atlas_core.spec.yaml import parse
from atlas_core.store import canonical_hash
from atlas_registry.loading import Registry

ROOT = Path(__file__).resolve().parents[1]
SPECS = ROOT / "benchmarks/matbench_uq"
RESULTS = ROOT / "benchmarks/results"
DIGITS = 4
"""Significant digits of a stored score; its interval is wider than the fifth."""
COLUMNS = {
    "mae": "MAE",
    "mae_at_80": "MAE of the surest 80 %",
    "miscalibration_area": "miscalibration area",
    "ence": "ENCE",
    "picp_0.9": "90 % intervals hold",
    "mpiw_0.9": "their width",
    "ause": "AUSE",
    "spearman": "Spearman",
}
IN_UNIT = ("mae", "mae_at_80", "mpiw_0.9")
COMMITTEE = "committee mean"


def main() -> None:
    """Run tasks, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run tasks and store their scores")
    known = tasks()
    every = dict.fromkeys(task for found in known.values() for task in found)
    running.add_argument("--models", nargs="*", choices=[*known], default=[])
    running.add_argument("--tasks", nargs="*", choices=[*every], default=[])
    running.add_argument("--data-dir", type=Path, required=True, help="matbench_<task>.json.gz")
    running.add_argument("--runs", type=Path, default=ROOT / "runs/matbench-uq")
    running.add_argument("--device", default="auto")
    commands.add_parser("table", help="print the table")
    given = parser.parse_args()
    if given.command == "table":
        print(markdown())
        return
    for task in given.tasks or every:
        for model in given.models or known:
            if task in known[model]:
                run_task(model, task, data_dir=given.data_dir, runs=given.runs, device=given.device)


def tasks() -> dict[str, dict[str, list[str]]]:
    """Return {model: {task: assignments for ``--set``}}, small tasks first."""
    path = SPECS / "tasks.yaml"
    found = parse(path.read_text(encoding="utf-8"), str(path)).value
    return {
        str(model): {str(task): list(map(str, changes)) for task, changes in tasks.items()}
        for model, tasks in found.items()
    }


def plan_of(model: str, task: str) -> Plan:
    """Return the plan of one task."""
    changes = [f"dataset.options.task={task}", f"name=uq-{model}-{task}", *tasks()[model][task]]
    return load_plan(SPECS / f"{model}.yaml", Registry(), overrides=changes)


def run_task(model: str, task: str, *, data_dir: Path, runs: Path, device: str) -> None:
    """Run one task and store its scores; say so where its file is not there."""
    import records  # what makes runs resumable; not needed for the table

    plan = plan_of(model, task)
    structures = plan.describe()["dataset"]["options"]["structures"]
    endings = ("json.gz",) if structures == "required" else ("json.gz", "json.bz2")
    if not any((data_dir / f"matbench_{task}.{ending}").is_file() for ending in endings):
        print(f"{model}, {task}: no matbench_{task}.{endings[0]} in {data_dir}", flush=True)
        return
    print(f"{model}, {task} ...", flush=True)
    finished, cpu_seconds = records.ran(
        plan, f"{model}-{task}", runs, data_dir=data_dir, device=device
    )
    about = scores(finished) | {
        "commit": records.commit(),
        "cpu_seconds": cpu_seconds,
        "spec_hash": canonical_hash(
            {k: v for k, v in plan.describe().items() if k not in {"name", "question"}}
        ),
    }
    store(model, task, about)
    for arm, found in about["arms"].items():
        said = {name: found["metrics"].get(name, {}).get("value") for name in COLUMNS}
        print(f"{model}, {task}, {arm}: {json.dumps(said)}", flush=True)


def scores(finished: FinishedRun) -> dict[str, Any]:
    """Return the scores of each arm on the test rows of all folds, each row predicted once."""
    arms = {}
    for name, arm in finished.metrics["arms"].items():
        metrics = arm["parts"]["test"]["metrics"]
        arms[name] = {"metrics": {key: metrics[key] for key in COLUMNS if key in metrics}}
        if floored := arm["parts"]["test"].get("floored_std"):
            arms[name]["floored_std"] = floored
    about = finished.manifest["dataset"]
    return {
        "arms": shortened(arms),
        "data_provenance": about["provenance"],
        "device": finished.manifest["hardware"]["device"],
        "rows": about["rows"],
        "unit": about["unit"],
    }


def shortened(value: Any) -> Any:
    """Return JSON content with its numbers rounded to ``DIGITS`` significant digits."""
    if isinstance(value, Mapping):
        return {key: shortened(entry) for key, entry in value.items()}
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def store(model: str, task: str, about: Mapping[str, Any], folder: Path = RESULTS) -> None:
    """Put one task of a model into the result file; others stay."""
    content = read("matbench_uq", folder)
    found = content.setdefault("models", {})
    found[model] = {**found.get(model, {}), task: about}
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / "matbench_uq.json").write_text(text, encoding="utf-8")


def read(name: str, folder: Path = RESULTS) -> dict[str, Any]:
    """Return a stored result, empty where none is stored."""
    path = folder / f"{name}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def markdown(folder: Path = RESULTS) -> str:
    """Return the table of docs/matbench-uq.md, from the stored results alone."""
    stored = read("matbench_uq", folder).get("models", {})
    published = read("committee", folder).get("tasks", {})
    known = tasks()
    lines = [
        f"| task | model | sigma, calibrator | {' | '.join(COLUMNS.values())} |",
        f"| --- | --- | --- |{' --- |' * len(COLUMNS)}",
    ]
    missing: dict[str, list[str]] = {}
    for task in dict.fromkeys(task for found in known.values() for task in found):
        for model in known:
            if task not in known[model]:
                continue
            if task in stored.get(model, {}):
                lines += _rows(model, task, stored[model][task])
                continue
            missing.setdefault(model, []).append(task)
            lines.append(_line(task, model, "not run", {}))
        if COMMITTEE in (answers := published.get(task, {}).get("answers", {})):
            sigma = "spread of the three, none"
            lines.append(
                _line(_task(task, published[task]), "published", sigma, answers[COMMITTEE])
            )
    for model, names in missing.items():
        command = f'make matbench-uq MODEL={model} TASKS="{" ".join(names)}" DATA_DIR=FOLDER'
        lines += ["", f"What is not run of {model}: `{command}`."]
    return "\n".join([*lines, ""])


def _rows(model: str, task: str, found: Mapping[str, Any]) -> Iterator[str]:
    for arm, content in found["arms"].items():
        sigma = ", ".join(arm.split("-"))
        yield _line(_task(task, found), model, sigma, content["metrics"])


def _task(name: str, found: Mapping[str, Any]) -> str:
    return f"{name}, {found['unit']}"


def _line(task: str, model: str, arm: str, metrics: Mapping[str, Any]) -> str:
    cells = [task, model, arm]
    for name in COLUMNS:
        if name not in metrics:
            cells.append("-")
            continue
        value = metrics[name]["value"]
        if name == "picp_0.9":
            cells.append(f"{100 * value:.1f} %")
        elif name in IN_UNIT:
            cells.append(f"{value:.2f}" if value >= 10 else f"{value:.4f}")
        else:
            cells.append(f"{value:.3f}")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
