"""Measure what three published models know together: does their spread find the large errors?

``python benchmarks/committee.py write --data-dir FOLDER --published FOLDER`` reads the task files
and the published per-fold predictions of ALIGNN, coNGN and CGCNN and leaves
benchmarks/results/committee.json; ``table`` prints it as markdown. Each model was trained by its
authors on the same official folds, so every row is a test row for all three, and nothing is fitted
here. The doubt is the population standard deviation of the three predictions; the answers that it
is held against are each model's own and the committee's mean and median. (A spread holds the
outlier's own error: the weakest member's errors are the easiest to find.) Light: numpy.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import leaderboard
import numpy as np

from atlas_core import score_predictions
from atlas_core.arrays import F8, Str
from atlas_core.errors import AtlasError

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks/results/committee.json"
MEMBERS = {"ALIGNN": "alignn", "coNGN": "coNGN", "CGCNN v2019": "cgcnnv2019"}
SEED = 0
NARROW = 50_000
"""From this many rows on an interval is narrower than the digits shown, and is left out."""

RANKED = ("spearman", "error_auroc", "aurc", "aurc_oracle", "aurc_random", "ause", "ause_random")
SCORES = {
    "regression": ("mae", "mae_at_80", *RANKED, "zms", "miscalibration_area"),
    "binary": ("accuracy", "balanced_accuracy", "roc_auc", "brier", *RANKED),
}


def write(data_dir: Path, published_dir: Path) -> dict[str, Any]:
    """Score the committee on every task that all members predicted, and write the result."""
    known = json.loads((leaderboard.RECORDS / "published.json").read_text(encoding="utf-8"))
    stored = [read(published_dir / f"matbench_v0.1_{file}.json.gz") for file in MEMBERS.values()]
    tasks: dict[str, Any] = {}
    left_out: list[str] = []
    for name in sorted(set(stored[0]).intersection(*stored[1:])):
        task = name.removeprefix("matbench_")
        try:
            target = leaderboard.targets(task, data_dir)
        except AtlasError as err:
            print(f"{task} is left out: {err}", file=sys.stderr)
            left_out.append(task)
            continue
        binary = known["tasks"][task]["metric"] == "rocauc"
        ids, said = aligned([one[name] for one in stored])
        true = np.array([target[i] for i in ids.tolist()])
        scored = committee(said, true, task="binary" if binary else "regression")
        tasks[task] = {"rows": len(ids), "unit": known["tasks"][task]["unit"], "answers": scored}
    content = {
        "source": known["source"],
        "members": list(MEMBERS),
        "tasks": tasks,
        "left_out": left_out,
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    RESULTS.write_text(text, encoding="utf-8")
    return content


def read(path: Path) -> dict[str, Any]:
    """Return task -> fold -> id -> prediction of a published file."""
    tasks = json.loads(gzip.decompress(path.read_bytes()))["tasks"]
    return {
        task: {fold: found["data"] for fold, found in content["results"].items()}
        for task, content in tasks.items()
    }


def aligned(members: list[Mapping[str, Mapping[str, float]]]) -> tuple[Str, F8]:
    """Return the (n,) ids and (k, n) predictions of the k members, row by row of the same fold.

    Raises:
        ValueError: the members predicted other materials in a fold.
    """
    ids: list[str] = []
    columns: list[list[float]] = [[] for _ in members]
    for fold, first in members[0].items():
        for member, column in zip(members, columns, strict=True):
            if member[fold].keys() != first.keys():
                raise ValueError(f"{fold}: two members predicted different materials")
            column.extend(float(member[fold][name]) for name in first)
        ids.extend(first)
    return np.array(ids), np.array(columns, dtype=np.float64)


def committee(said: F8, target: F8, *, task: str) -> dict[str, Any]:
    """Return the scores of each answer, with the committee's spread as its sigma.

    Args:
        said: (k, n) predictions of the members, in the order of ``MEMBERS``.
        target: (n,) true values.
        task: ``regression`` or ``binary``.
    """
    spread = said.std(axis=0)
    seed = SEED if len(target) < NARROW else None
    answers = dict(zip(MEMBERS, said, strict=True))
    answers |= {"committee mean": said.mean(axis=0), "committee median": np.median(said, axis=0)}
    out: dict[str, Any] = {}
    for name, mean in answers.items():
        found = score_predictions(target, mean, std=spread, task=task, seed=seed)["metrics"]
        out[name] = {metric: found[metric] for metric in SCORES[task] if metric in found}
    return out


def table(content: Mapping[str, Any]) -> str:
    """Return the stored result as markdown, regression tasks only."""
    lines = [
        "| task | rows | answer | MAE | MAE of the most confident 80 % | Spearman |"
        " AUROC, worst 10 % |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, task in content["tasks"].items():
        for answer, scores in task["answers"].items():
            if "mae" not in scores:
                continue
            errors = [f"{scores[key]['value']:.4f}" for key in ("mae", "mae_at_80")]
            ranks = [f"{scores[key]['value']:.3f}" for key in ("spearman", "error_auroc")]
            label = f"{name}, {task['unit']}"
            lines.append(f"| {' | '.join([label, str(task['rows']), answer, *errors, *ranks])} |")
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("write", "table"))
    parser.add_argument("--data-dir", type=Path, help="folder of the Matbench task files")
    parser.add_argument("--published", type=Path, help="folder of matbench_v0.1_<model>.json.gz")
    given = parser.parse_args()
    if given.what == "write":
        if given.data_dir is None or given.published is None:
            parser.error("write needs --data-dir and --published")
        write(given.data_dir, given.published)
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
