"""What the demo's forest arm gives over many seeds, trainings alone, and in five-fold validation.

``python benchmarks/demo_seeds.py`` writes benchmarks/results/demo_seeds.json. One draw of a few
hundred in-domain test materials says little; twenty say how much. Another seed cuts another split;
repeats of the demo's own split say what the trainings alone add.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.engine.machine import hardware, packages
from atlas_core.engine.options import RunOptions
from atlas_core.engine.run import run
from atlas_core.spec.load import load_plan
from atlas_core.store import read_json
from atlas_registry.loading import Registry

ROOT = Path(__file__).resolve().parents[1]
SPEC = ROOT / "specs/ood_formation.yaml"
FOREST = (
    "arms={forest: {featurizer: magpie, model: {use: random_forest, options: {trees: 300}},"
    " uq: tree_variance, calibrator: split_conformal, ood: mahalanobis}}"
)
SEEDS = range(20)
REPEATS = 10


def metrics(folder: Path, overrides: list[str]) -> dict[str, Any]:
    """Run the demo's spec with changes and return its metrics."""
    plan = load_plan(SPEC, Registry(), overrides=overrides)
    outcome = run(plan, RunOptions(out=folder, cache_dir=folder / "cache"))
    return dict(read_json(outcome.folder / "metrics.json")["arms"]["forest"])


def trainings(folder: Path) -> dict[str, object]:
    """Return mean and standard deviation over trainings on the split of the demo's own seed."""
    found = metrics(folder, [FOREST, f"repeats={REPEATS}"])["repeats"]
    figures = {
        "mae_in_domain": found["parts"]["test"]["mae"],
        "mae_fluorides": found["parts"]["ood_test"]["mae"],
        "auroc_sigma": found["ood"]["sigma"]["auroc"],
    }
    return {
        "n": found["n"],
        "mean": {name: one["mean"] for name, one in figures.items()},
        "std": {name: one["std"] for name, one in figures.items()},
    }


def main() -> None:
    """Run all seeds and write the figures."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in SEEDS:
            arm = metrics(folder, [FOREST, f"seed={seed}"])
            rows.append(
                {
                    "seed": seed,
                    "mae_in_domain": arm["parts"]["test"]["metrics"]["mae"]["value"],
                    "mae_fluorides": arm["parts"]["ood_test"]["metrics"]["mae"]["value"],
                    "auroc_sigma": arm["ood"]["sigma"]["auroc"]["value"],
                    "auroc_score": arm["ood"]["score"]["auroc"]["value"],
                }
            )
            print(json.dumps(rows[-1]), flush=True)
        kfold = "split={use: kfold, options: {folds: 5, calibration: 0.0}}"
        none = FOREST.replace("split_conformal", "identity")
        arm = metrics(folder, [none, kfold])
        five_fold = arm["summary"]["test"]["mae"]
        again = trainings(folder)
    names = [key for key in rows[0] if key != "seed"]
    table = {key: np.array([row[key] for row in rows]) for key in names}
    result = {
        "what": "forest arm of specs/ood_formation.yaml, fluorides held out of flla",
        "seeds": rows,
        "mean": {key: float(values.mean()) for key, values in table.items()},
        "std": {key: float(values.std(ddof=1)) for key, values in table.items()},
        "five_fold_mae_all_materials": five_fold,
        "trainings": again,
        "hardware": hardware("cpu"),
        "packages": packages(["atlas-materials-sklearn", "atlas-materials-composition"]),
    }
    path = ROOT / "benchmarks/results/demo_seeds.json"
    path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
