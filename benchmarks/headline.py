"""Hold the headline of a small table over many seeds, and keep the predictions for the test suite.

360 measured band gaps, drawn once, are split and trained anew with 20 seeds. Grade and wording of
the headline (its numbers left out) must be the same for 18 of them.

    python benchmarks/headline.py --data-dir FOLDER   # with matbench_expt_gap.json.bz2 or .json.gz
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.data.predictions import Predictions
from atlas_core.data.tables import write_table
from atlas_core.engine.options import RunOptions
from atlas_core.engine.run import run
from atlas_core.metrics.registry import installed_metrics
from atlas_core.spec.load import load_plan
from atlas_evaluation.judge.finding import About, Verdict
from atlas_evaluation.judge.verdict import verdict
from atlas_evaluation.narrative import headline
from atlas_evaluation.scoring.evaluate import evaluate
from atlas_registry.loading import Registry

HERE = Path(__file__).parent
SUMMARY = HERE / "results/headline.summary.json"
PREDICTIONS = HERE.parent / "plugins/evaluation/tests/headline_20_seeds.parquet"
SEEDS = range(1, 21)
NEEDED = 18
COLUMNS = ("id", "target", "mean", "std", "baseline", "lower_0.9", "upper_0.9")
SPEC = """
atlas: 1
name: headline
seed: 1
dataset: {use: table, options: {path: gaps.csv, formula: formula, target: gap, unit: eV}}
split: {use: random, options: {calibration: 0.15, test: 0.15}}
arms:
  forest:
    featurizer: magpie
    model: {use: random_forest, options: {trees: 100}}
    uq: tree_variance
    calibrator: split_conformal
    ood: mahalanobis
"""


def gaps(folder: Path) -> str:
    """Return 360 rows of Matbench's measured gaps as a table, the same ones every time."""
    opened = {"bz2": bz2.open, "gz": gzip.open}
    for ending, reader in opened.items():
        path = folder / f"matbench_expt_gap.json.{ending}"
        if path.is_file():
            with reader(path, "rt", encoding="utf-8") as file:
                columns = json.load(file)
            rows = list(columns["composition"])
            chosen = np.random.default_rng(0).choice(len(rows), 360, replace=False)
            lines = [
                f"{columns['composition'][rows[i]]},{columns['gap expt'][rows[i]]}"
                for i in sorted(chosen)
            ]
            return "\n".join(["formula,gap", *lines, ""])
    raise SystemExit(f"{folder}: holds no matbench_expt_gap.json.bz2 or .json.gz")


def judged(columns: dict[str, Any]) -> Verdict:
    """Return the verdict on the test predictions of one seed."""
    n = len(columns["id"])
    table = {**columns, "arm": np.full(n, "forest"), "part": np.full(n, "test")}
    predictions = Predictions.from_columns(table | {"fold": np.full(n, "")})
    metrics = installed_metrics(Registry())
    found = evaluate(predictions, task="regression", levels=[0.9], seed=0, metrics=metrics)
    arm = found["arms"]["forest"]
    return verdict(arm, About("forest", target="gap expt", unit="eV"))


def wording(said: Verdict) -> str:
    """Return grade and headline with every number left out."""
    return f"{said.grade}: {re.sub(r'[0-9.]+', '#', headline(said))}"


def trained(data: Path, work: Path) -> dict[str, Any]:
    """Return the test predictions of all seeds, one table."""
    (work / "gaps.csv").write_text(gaps(data), encoding="utf-8")
    spec = work / "headline.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    registry, blocks = Registry(), []
    for seed in SEEDS:
        plan = load_plan(spec, registry, overrides=(f"seed={seed}",))
        outcome = run(plan, RunOptions(out=work / "runs", cache_dir=work / "cache"))
        table = outcome.predictions.part("test")
        columns = table.to_columns()
        block = {name: columns[name] for name in COLUMNS}
        blocks.append({"seed": np.full(len(table), seed), **block})
        print(f"seed {seed}: {headline(judged(block))}", flush=True)
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def main() -> None:
    """Train with every seed and write predictions and the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    with tempfile.TemporaryDirectory() as work:
        table = trained(parser.parse_args().data_dir, Path(work))
    write_table(PREDICTIONS, table)
    said = [
        wording(judged({name: table[name][table["seed"] == seed] for name in COLUMNS}))
        for seed in SEEDS
    ]
    (text, alike), *_ = Counter(said).most_common()
    line = {
        "bar": "headline of a table of 360 measured gaps, 20 seeds: alike in grade and wording",
        "measured": alike,
        "needed": NEEDED,
        "more_is_better": True,
        "holds": alike >= NEEDED,
        "unit": "seeds",
        "against": "20 splits and trainings of one table",
        "note": text,
    }
    SUMMARY.write_text(json.dumps([line], indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{alike} of {len(said)} alike: {text}")


if __name__ == "__main__":
    main()
