"""Judge uncertainties on Matbench's official folds: the table that its leaderboard never had.

``python benchmarks/matbench_uq.py run --data-dir FOLDER`` runs the specs of benchmarks/matbench_uq
on every task of tasks.yaml whose file is in the folder, and puts each that is done into
benchmarks/results/matbench_uq.json; ``--models`` and ``--tasks`` name some of them. Runs that are
done are not done again, killed ones go on. ``records`` scores the sigmas and intervals that the
stored records (``records.py``) hold: nothing is trained. ``table`` prints docs/matbench-uq.md's
table, with the committee of published models (``committee.py``) beside.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import leaderboard
import numpy as np

from atlas_core import score_predictions
from atlas_core.arrays import F8
from atlas_core.observe import FinishedRun
from atlas_core.spec.load import load_plan
from atlas_core.spec.plan import Plan
from atlas_core.spec.yaml import parse
from atlas_core.store import canonical_hash
from atlas_registry.loading import Registry

ROOT = Path(__file__).resolve().parents[1]
SPECS = ROOT / "benchmarks/matbench_uq"
RESULTS = leaderboard.RESULTS
DIGITS = 4
"""Significant digits of a stored score; its interval is wider than the fifth."""
COLUMNS = {
    "mae": "MAE",
    "mae_at_80": "MAE of the most confident 80 %",
    "miscalibration_area": "miscalibration area",
    "ence": "ENCE",
    "picp_0.9": "90 % intervals hold",
    "mpiw_0.9": "their width",
    "ause": "AUSE",
    "spearman": "Spearman",
}
OF_RANKS = ("mae", "mae_at_80", "ause", "spearman")
IN_UNIT = ("mae", "mae_at_80", "mpiw_0.9")
COMMITTEE = "committee mean"
FOREST = "forest"
SEED = 0


def main() -> None:
    """Run tasks, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run tasks and store their scores")
    known = tasks()
    every = dict.fromkeys(task for found in known.values() for task in found)
    running.add_argument("--models", nargs="*", choices=[*known], default=[])
    running.add_argument("--tasks", nargs="*", choices=[*every], default=[])
    running.add_argument("--runs", type=Path, default=ROOT / "runs/matbench-uq")
    running.add_argument("--device", default="auto")
    scoring = commands.add_parser("records", help="score what the stored records hold")
    for command in (running, scoring):
        command.add_argument("--data-dir", type=Path, required=True, help="matbench_<task>.json.gz")
    commands.add_parser("table", help="print the table")
    given = parser.parse_args()
    if given.command == "table":
        print(markdown())
        return
    if given.command == "records":
        score_records(given.data_dir)
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
    }


def score_records(data_dir: Path) -> None:
    """Score the regression tasks of every stored record; those that are not there any more go.

    The order that the forest's spread gives is held against the errors of the other models too.
    """
    import records

    stored = {
        model: (records.read(leaderboard.RECORDS / model) or {}) for model in records.models()
    }
    trees = stored.get(FOREST, {}).get("tasks", {})
    found: dict[str, dict[str, Any]] = {}
    for model, record in stored.items():
        info = leaderboard.RECORDS / model / "info.json"
        about = json.loads(info.read_text(encoding="utf-8"))["tasks"]
        for name, content in record["tasks"].items():
            task, results = name.removeprefix("matbench_"), content["results"]
            if not all(fold.get("uncertainty") for fold in results.values()):
                continue  # yes-no tasks
            target = leaderboard.targets(task, data_dir)
            scored = of_record(results, target, about[task])
            if model != FOREST and name in trees:
                scored["arms"] |= by_other(results, target, trees[name]["results"])
            found.setdefault(model, {})[task] = scored
    keep({"records": found}, RESULTS)


def of_record(
    results: Mapping[str, Any], target: Mapping[str, float], about: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the scores of a record's sigmas and intervals, all folds together."""
    said, true, doubt = _columns(results, target)
    ends = (_of(said, doubt, "lower_0.9"), _of(said, doubt, "upper_0.9"))
    scored = score_predictions(
        true, [*said.values()], std=_of(said, doubt, "std"), intervals={0.9: ends}, seed=SEED
    )
    ((arm),) = about["spec"]["arms"].values()
    metrics = {key: scored["metrics"][key] for key in COLUMNS if key in scored["metrics"]}
    return {
        "arms": {f"{arm['uq']['use']}-{arm['calibrator']['use']}": {"metrics": shortened(metrics)}},
        "commit": about["commit"],
        "rows": about["rows"],
        "spec_hash": about["spec_hash"],
    }


def by_other(
    results: Mapping[str, Any], target: Mapping[str, float], other: Mapping[str, Any]
) -> dict[str, Any]:
    """Return how another record's sigma ranks the errors of this one; its size is not judged."""
    said, true, _ = _columns(results, target)
    *_, doubt = _columns(other, target)
    scored = score_predictions(true, [*said.values()], std=_of(said, doubt, "std"), seed=SEED)
    metrics = {key: scored["metrics"][key] for key in OF_RANKS if key in scored["metrics"]}
    return {"spread of the forest's trees-none": {"metrics": shortened(metrics)}}


def _columns(
    results: Mapping[str, Any], target: Mapping[str, float]
) -> tuple[dict[str, float], list[float], dict[str, dict[str, float]]]:
    """Return prediction by id, targets in that order, and uncertainty by id, of all folds."""
    said = {name: mean for fold in results.values() for name, mean in fold["data"].items()}
    doubt = {name: one for fold in results.values() for name, one in fold["uncertainty"].items()}
    return said, [target[name] for name in said], doubt


def _of(ids: Iterable[str], doubt: Mapping[str, Mapping[str, float]], key: str) -> F8:
    return np.array([doubt[name][key] for name in ids], dtype=np.float64)


def shortened(value: Any) -> Any:
    """Return JSON content with its numbers rounded to ``DIGITS`` significant digits."""
    if isinstance(value, Mapping):
        return {key: shortened(entry) for key, entry in value.items()}
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def store(model: str, task: str, about: Mapping[str, Any], folder: Path = RESULTS) -> None:
    """Put one task of a model into the result file; others stay."""
    found = read("matbench_uq", folder).get("models", {})
    keep({"models": {**found, model: {**found.get(model, {}), task: about}}}, folder)


def keep(parts: Mapping[str, Any], folder: Path) -> None:
    """Put parts into the result file; other parts stay."""
    content = {**read("matbench_uq", folder), **parts}
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / "matbench_uq.json").write_text(text, encoding="utf-8")


def read(name: str, folder: Path = RESULTS) -> dict[str, Any]:
    """Return a stored result, empty where none is stored."""
    path = folder / f"{name}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def markdown(folder: Path = RESULTS) -> str:
    """Return the table of docs/matbench-uq.md, from the stored results alone."""
    stored = read("matbench_uq", folder)
    ran, recorded = stored.get("models", {}), stored.get("records", {})
    committee = read("committee", folder).get("tasks", {})
    about = read("published", leaderboard.RECORDS)["tasks"]
    known = tasks()
    lines = [
        f"| task | model | sigma, calibrator | {' | '.join(COLUMNS.values())} |",
        f"| --- | --- | --- |{' --- |' * len(COLUMNS)}",
    ]
    missing: dict[str, list[str]] = {}
    for task in dict.fromkeys(task for found in known.values() for task in found):
        name = f"{task}, {about[task]['unit']}"
        for model in known:
            if task in ran.get(model, {}):
                lines += _rows(name, model, ran[model][task])
            elif task in known[model]:
                missing.setdefault(model, []).append(task)
                lines.append(_line([name, model, "not run"], {}))
        for model, found in recorded.items():
            if task in found:
                lines += _rows(name, f"{model}, record", found[task])
        answers = committee.get(task, {}).get("answers", {})
        if COMMITTEE in answers:
            lines.append(_line([name, "published", "spread of three, none"], answers[COMMITTEE]))
    for model, names in missing.items():
        command = f'make matbench-uq MODEL={model} TASKS="{" ".join(names)}" DATA_DIR=FOLDER'
        lines += ["", f"What is not run of {model}: `{command}`."]
    return "\n".join([*lines, ""])


def _rows(task: str, model: str, found: Mapping[str, Any]) -> Iterator[str]:
    for arm, content in found["arms"].items():
        yield _line([task, model, ", ".join(arm.split("-"))], content["metrics"])


def _line(cells: Sequence[str], metrics: Mapping[str, Any]) -> str:
    cells = [*cells]
    for name in COLUMNS:
        if name not in metrics:
            cells.append("-")
            continue
        value = metrics[name]["value"]
        if name == "picp_0.9":
            cells.append(f"{100 * value:.1f} %")
        elif name in IN_UNIT:
            cells.append(f"{value:.{1 if value >= 100 else 2 if value >= 10 else 4}f}")
        else:
            cells.append(f"{value:.3f}")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
