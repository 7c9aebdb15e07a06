"""Examine trust where the structure is seen: graph networks beside a forest, on crystals.

``python benchmarks/crystals.py [NAME ...] --data-dir FOLDER`` runs specs/trust_crystals.yaml with
an ensemble beside, on perovskites, and for prototypes that nobody saw (two hours of one core;
resumable), and writes what came of each class to ``results/trust_crystals.json``. It needs
``matbench_log_kvrh`` and ``matbench_perovskites`` with structures.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import Predictions
from atlas_core.engine.machine import hardware, packages
from atlas_core.engine.options import RunOptions
from atlas_core.engine.run import run
from atlas_core.spec.load import load_plan
from atlas_core.store import read_json, write_json
from atlas_evaluation.exam import examine
from atlas_registry.loading import Registry

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results/trust_crystals.json"
SPEC = ROOT / "specs/trust_crystals.yaml"
NETWORK = "batch_size: 64, learning_rate: 0.005, weight_decay: 0.1, validation: 0.0"
ENSEMBLE = (
    "arms.ensemble={featurizer: crystal_graph,"
    f" model: {{use: cgcnn, options: {{epochs: 40, {NETWORK}}}}},"
    " uq: {use: ensemble, options: {k: 5}},"
    " calibrator: {use: split_conformal, options: {score: normalized}},"
    " ood: {use: novelty, options: {parts: [sigma, lof, mahalanobis], representation: embedding,"
    " rules: [element, pair]}},"
    " trust: {use: learned_region, options: {representation: embedding}},"
    f" surrogate: {{model: {{use: cgcnn, options: {{epochs: 15, {NETWORK}}}}},"
    " uq: {use: ensemble, options: {k: 3}}}}"
)
PARTS = "calibration: 0.15, test: 0.15"
EXAMS: dict[str, tuple[str, ...]] = {
    "log_kvrh, elements": (ENSEMBLE,),
    "log_kvrh, prototypes": (
        ENSEMBLE,
        "split={use: leave_group_out, options: {column: prototype, min_group: 140, " + PARTS + "}}",
        "trust.nested.splits=[{use: leave_group_out, options: {column: prototype,"
        " min_group: 50, calibration: 0.05, test: 0.1}}, {use: cluster, options: {clusters: 6,"
        " held_out: 2, calibration: 0.05, test: 0.1}}]",
    ),
    "perovskites, elements": (
        ENSEMBLE,
        "dataset.options.task=perovskites",
        "split.options.elements=[F, Fe]",
    ),
}
"""Changes of the spec, by what is asked."""


def examined(name: str, *, runs: Path, data_dir: Path) -> dict[str, Any]:
    """Run one exam, or take its finished run, and return what came of each arm."""
    plan = load_plan(SPEC, Registry(), overrides=EXAMS[name])
    options = RunOptions(
        out=runs,
        cache_dir=runs / "cache",
        data_dir=data_dir,
        offline=True,
        notify=lambda text: print(f"  {text}", flush=True),
    )
    folder = run(plan, options).folder
    found = examine(
        Assessments.from_parquet(folder / "trust.parquet"),
        Predictions.from_parquet(folder / "predictions.parquet"),
        levels=plan.spec.levels,
    )
    nested = [
        one["content"]["trainings"]
        for one in read_json(folder / "records.json")
        if one["name"] == "trust"
    ]
    return {"arms": found, "nested": max(nested)}


def main() -> None:
    """Run the exams that are named, and write the results beside those that stand there."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", help=f"of: {'; '.join(EXAMS)} (all)")
    parser.add_argument("--data-dir", type=Path, required=True, help="matbench_*.json.gz")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs/crystals")
    given = parser.parse_args()
    if unknown := sorted(set(given.names) - set(EXAMS)):
        parser.error(f"unknown: {', '.join(unknown)}; known: {'; '.join(EXAMS)}")
    stands = read_json(RESULTS) if RESULTS.exists() else {}
    exams = dict(stands.get("exams", {}))
    for name in given.names or EXAMS:
        print(name, flush=True)
        exams[name] = examined(name, runs=given.runs, data_dir=given.data_dir)
        versions = packages(["atlas-materials-trust", "atlas-materials-gnn"])
        about = {"packages": versions, "hardware": hardware("cpu")}
        ordered = {name: exams[name] for name in EXAMS if name in exams}
        write_json(RESULTS, {**about, "exams": ordered})


if __name__ == "__main__":
    main()
