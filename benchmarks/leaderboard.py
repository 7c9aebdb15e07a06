"""Compare the stored Matbench records with the published predictions, material by material.

``write`` needs the task files and the published predictions and leaves
benchmarks/results/matbench.json and matbench.summary.json; ``markdown`` makes the table of
docs/matbench.md from the first of them alone. Light: numpy.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.api import F8, DataContext
from atlas_statistics import bootstrap
from atlas_statistics.ranks import auroc

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "benchmarks/matbench"
RESULTS = ROOT / "benchmarks/results"
SEED = 0
FOLDS = tuple(f"fold_{fold}" for fold in range(5))
SHOWN = (
    "Dummy",
    "RF-SCM/Magpie",
    "AMMExpress",
    "MODNet v0.1.12",
    "CrabNet",
    "CGCNN v2019",
    "ALIGNN",
    "coGN",
)


@dataclass(frozen=True)
class Goal:
    """What a model is held to: ``factor`` times the published error, on some tasks."""

    against: str
    factor: float
    tasks: tuple[str, ...]


_STRUCTURES = ("jdft2d", "phonons", "log_kvrh", "log_gvrh", "perovskites")
GOALS = {
    "forest": Goal("RF-SCM/Magpie", 1.03, ("steels", "expt_gap", "expt_is_metal", *_STRUCTURES)),
    "cgcnn": Goal("CGCNN v2019", 1.0, _STRUCTURES),
}


def write(data_dir: Path, published_dir: Path) -> None:
    """Compare every record, and write both result files."""
    published = _published()
    tasks: dict[str, Any] = {}
    for path in sorted(RECORDS.glob("*/results.json.gz")):
        model = path.parent.name
        info = json.loads((path.parent / "info.json").read_text(encoding="utf-8"))["tasks"]
        for name, task in _read(path)["tasks"].items():
            short = name.removeprefix("matbench_")
            known = published["tasks"][short]
            entry = tasks.setdefault(
                short,
                {key: known[key] for key in ("metric", "unit", "rows")}
                | {"published": known["models"], "models": {}},
            )
            target = targets(short, data_dir)
            entry["models"][model] = {
                **score(task["results"], target, binary=known["metric"] == "rocauc"),
                "cpu_seconds": info[short]["cpu_seconds"],
                "device": info[short]["hardware"]["device"],
                "data_provenance": info[short]["data_provenance"],
                "commit": info[short]["commit"],
                "spec_hash": info[short]["spec_hash"],
                "against": {
                    column: found
                    for column, file in published["predictions"].items()
                    if (found := _against(task["results"], target, file, name, published_dir))
                },
            }
    _save("matbench", {"source": published["source"], "tasks": dict(sorted(tasks.items()))})
    _save("matbench.summary", summary(tasks, published["tasks"]))


def _save(name: str, content: object) -> None:
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(gzip.decompress(path.read_bytes())))


def _published() -> dict[str, Any]:
    return dict(json.loads((RECORDS / "published.json").read_text(encoding="utf-8")))


def targets(task: str, data_dir: Path) -> dict[str, float]:
    """Return the true value of each material of a task, by id."""
    from atlas_matbench.hooks import MatbenchConfig
    from atlas_matbench.matbench import MatbenchSource

    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        context = DataContext(data_dir=data_dir, cache_dir=here, spec_dir=here, offline=True)
        config = MatbenchConfig(task=task, structures="ignore")
        dataset = MatbenchSource(config).load(context)
    return dict(zip(dataset.materials.ids.tolist(), dataset.target.tolist(), strict=True))


def score(
    results: Mapping[str, Any], target: Mapping[str, float], *, binary: bool
) -> dict[str, Any]:
    """Return a record's mean and population std over the folds, as matbench does.

    ``rocauc`` is matbench's: of labels (P > 0.5), which is balanced accuracy. The area under the
    curve of the probabilities stands beside it.
    """
    values, areas, inside, widths = [], [], [], []
    for fold in FOLDS:
        said = results[fold]["data"]
        true = np.array([target[name] for name in said])
        mean = np.array(list(said.values()), dtype=np.float64)
        if binary:
            right = (mean > 0.5) == (true == 1)
            values.append(float(np.mean([right[true == c].mean() for c in (0, 1)])))
            areas.append(auroc(mean[true == 0], mean[true == 1]))
        else:
            values.append(float(np.abs(true - mean).mean()))
        table = results[fold].get("uncertainty") or {}
        ends = [table[name] for name in said if "lower_0.9" in table.get(name, {})]
        if len(ends) == len(said):
            low, high = (np.array([e[k] for e in ends]) for k in ("lower_0.9", "upper_0.9"))
            inside.append((low <= true) & (true <= high))
            widths.append(high - low)
    out: dict[str, Any] = {
        "folds": values,
        "mean": float(np.mean(values)),
        "std": float(np.std(values)),
    }
    if areas:
        out["roc_auc_of_probabilities"] = {
            "mean": float(np.mean(areas)),
            "std": float(np.std(areas)),
        }
    if len(inside) == len(FOLDS):
        out["coverage_0.9"] = float(np.concatenate(inside).mean())
        out["mean_width_0.9"] = float(np.concatenate(widths).mean())
    return out


def _against(
    results: Mapping[str, Any],
    target: Mapping[str, float],
    file: str,
    task: str,
    folder: Path,
) -> dict[str, Any] | None:
    """Return ours - theirs, of the errors on the same materials; None where theirs are not there.

    Where theirs are labels (expt_is_metal), an error is 1 or 0, of our labels, too.
    """
    path = folder / f"matbench_v0.1_{file}.json.gz"
    if not path.exists() or task not in (stored := _read(path)["tasks"]):
        return None
    theirs = stored[task]["results"]
    ids = [name for fold in FOLDS for name in results[fold]["data"]]
    pairs = [
        (results[fold]["data"][name], theirs[fold]["data"][name])
        for fold in FOLDS
        for name in results[fold]["data"]
    ]
    true = np.array([target[name] for name in ids])
    own, other = (np.array([pair[k] for pair in pairs], dtype=np.float64) for k in (0, 1))
    if any(isinstance(pair[1], bool) for pair in pairs):
        own = (own > 0.5).astype(np.float64)
    return compared(np.abs(own - true), np.abs(other - true))


def compared(own: F8, other: F8) -> dict[str, Any]:
    """Return the paired difference of two error vectors with its 95 % interval, and a word."""
    found = bootstrap.paired_difference(own, other, seed=SEED)
    word = "better" if found.high < 0 else "worse" if found.low > 0 else "no difference shown"
    return {"theirs": float(other.mean()), **found.as_dict(), "word": word}


def summary(tasks: Mapping[str, Any], published: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what each model was held to on each task, and whether it holds."""
    rows = []
    for model, goal in GOALS.items():
        for task in goal.tasks:
            known = published[task]
            theirs = known["models"][goal.against]["mean"]
            area = known["metric"] == "rocauc"
            needed = theirs * (2 - goal.factor if area else goal.factor)
            found = tasks.get(task, {}).get("models", {}).get(model)
            measured = None if found is None else found["mean"]
            holds = None
            if measured is not None:
                holds = measured >= needed if area else measured <= needed
            allowed = "" if goal.factor == 1 else f" within {100 * (goal.factor - 1):.0f} %"
            rows.append(
                {
                    "bar": f"{model} on {task}: {known['metric']}{allowed}, official folds",
                    "against": f"published {goal.against}, {theirs:g}",
                    "measured": measured,
                    "needed": needed,
                    "unit": known["unit"],
                    "more_is_better": area,
                    "holds": holds,
                    "note": _remark(found, theirs, area=area) if found else "not run",
                }
            )
    return rows


def markdown(path: Path = RESULTS / "matbench.json") -> str:
    """Return both tables of docs/matbench.md, from the stored results alone."""
    tasks = json.loads(path.read_text(encoding="utf-8"))["tasks"]
    return "\n".join([*_paired(tasks), "", *_beside(tasks), ""])


def _remark(found: Mapping[str, Any], theirs: float, *, area: bool) -> str:
    """Return what the bound hides: an area within 3 % is an error within a third."""
    if not area:
        return ""
    return f"as errors, 1 - area: {(1 - found['mean']) / (1 - theirs):.3f} of the published"


def short(path: Path = RESULTS / "matbench.json") -> str:
    """Return the README's table: our forest, our best and the best published, by task."""
    tasks = json.loads(path.read_text(encoding="utf-8"))["tasks"]
    lines = [
        "| task | ATLAS, forest | published forest | ATLAS, best | best of eight published |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, task in tasks.items():
        own, published = task["models"], task["published"]
        theirs = {column: published[column] for column in SHOWN if published.get(column)}
        cells = [_task(name, task), _number(own["forest"]["mean"])]
        cells.append(_number(theirs["RF-SCM/Magpie"]["mean"]))
        cells += [_best(own, larger=not task["unit"]), _best(theirs, larger=not task["unit"])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _best(found: Mapping[str, Any], *, larger: bool) -> str:
    name = (max if larger else min)(found, key=lambda name: found[name]["mean"])
    return f"{_number(found[name]['mean'])} ({name})"


def _paired(tasks: Mapping[str, Any]) -> list[str]:
    lines = [
        "| model | task | error, mean ± std over the folds | published | ours - published, per"
        " material (95 % interval) | verdict | 90 % intervals hold | CPU time |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for model in sorted({model for task in tasks.values() for model in task["models"]}):
        column = GOALS[model].against if model in GOALS else "RF-SCM/Magpie"
        for name, task in tasks.items():
            found = task["models"].get(model)
            if found is None:
                continue
            theirs = task["published"].get(column)
            pair = found["against"].get(column)
            cells = [model, _task(name, task), _cell(found)]
            cells.append(f"{column}: {_cell(theirs)}" if theirs else "-")
            cells += [_difference(pair), pair["word"]] if pair else ["-", "-"]
            covered = found.get("coverage_0.9")
            cells.append("-" if covered is None else f"{100 * covered:.1f} %")
            device = "" if found["device"] == "cpu" else f" and a {found['device']} device"
            cells.append(_time(found["cpu_seconds"]) + device)
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _beside(tasks: Mapping[str, Any]) -> list[str]:
    models = sorted({model for task in tasks.values() for model in task["models"]})
    lines = [
        f"| task | {' | '.join(f'ATLAS {model}' for model in models)} | {' | '.join(SHOWN)} |",
        f"| --- |{' --- |' * (len(models) + len(SHOWN))}",
    ]
    for name, task in tasks.items():
        cells: Sequence[Any] = [task["models"].get(model) for model in models]
        cells = [*cells, *(task["published"].get(column) for column in SHOWN)]
        shown = " | ".join("-" if cell is None else _number(cell["mean"]) for cell in cells)
        lines.append(f"| {_task(name, task)} | {shown} |")
    return lines


def _task(name: str, task: Mapping[str, Any]) -> str:
    return f"{name}, {task['unit'] or 'ROC-AUC of labels'}"


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) >= 10 else f"{value:.4f}"


def _cell(entry: Mapping[str, float]) -> str:
    places = 2 if entry["mean"] >= 10 else 4
    return f"{entry['mean']:.{places}f} ± {entry['std']:.{places}f}"


def _difference(pair: Mapping[str, float]) -> str:
    places = 2 if pair["theirs"] >= 10 else 4
    value, low, high = (pair[key] for key in ("difference", "low", "high"))
    return f"{value:+.{places}f} ({low:+.{places}f} to {high:+.{places}f})"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
