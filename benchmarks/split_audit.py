"""Does the audit of splits call extrapolation what is extrapolation? Held against a forest.

``python benchmarks/split_audit.py --data-dir FOLDER`` writes benchmarks/results/split_audit.json.
FOLDER holds Matbench's files, a folder beside it ``matuq_folds`` the published folds. Extremely
randomized trees on magpie columns are the referee: the ratio of their errors, held out over
in-domain, is what a reader wants to know and what the audit guesses from five neighbors.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from threadpoolctl import threadpool_limits

from atlas_core.context import FitContext
from atlas_core.engine.machine import hardware, packages
from atlas_core.kinds.split import Split, SplitRequest
from atlas_core.materials import Materials
from atlas_evaluation.audit import audit
from atlas_evaluation.judge.audit import VIEWS, WORSE, SplitAudit
from atlas_evaluation.narrative import audit_sentence, report_of
from atlas_registry.loading import Registry

ROOT = Path(__file__).resolve().parents[1]
ROWS = 25_000
ELEMENTS = ("F", "N", "H", "S", "C", "Cl", "Al", "Ti", "La", "U", "Li", "Fe")
SPLITS: dict[str, dict[str, Any]] = {
    "random": {},
    "distinct": {},
    "representative_elements": {},
    "cluster": {"clusters": 10},
    "cluster of statistics": {"clusters": 10, "representation": "statistics"},
    "leave_group_out anion_family": {"column": "anion_family"},
    "leave_group_out periodic_group": {"column": "periodic_group"},
    "leave_group_out chemical_system": {"column": "chemical_system", "folds": 5, "min_group": 1},
    "leave_group_out anonymous_formula": {"column": "prototype", "folds": 5, "min_group": 1},
    "size_shift": {},
    "sparse": {},
    "sparse target": {"space": "target"},
    "target_tail": {},
}


def cut(name: str, options: dict[str, Any], materials: Materials, target: Any) -> list[Split]:
    """Return the folds of a split component."""
    component = Registry().resolve("split", name.split(maxsplit=1)[0]).component
    config = component.config.model_validate(options)
    request = SplitRequest(materials, {}, FitContext(0), target)
    return list(component.build(config).split(request))


def table(path: Path, column: str) -> tuple[Materials, Any]:
    """Return the compositions and targets of a Matbench task."""
    read = json.loads(bz2.decompress(path.read_bytes()))
    texts = list(read["composition"].values())
    ids = [f"m{i:06d}" for i in range(len(texts))]
    return Materials.from_formulas(ids, texts), np.array(list(read[column].values()), np.float64)


def lowest(materials: Materials, target: Any) -> Any:
    """Return rows of ``ROWS`` different formulas at random, the lowest target of each."""
    formulas = np.asarray(materials.formulas())
    order = np.lexsort((target, formulas))
    first = order[np.append(True, formulas[order][1:] != formulas[order][:-1])]
    return np.sort(np.random.default_rng(0).choice(first, ROWS, replace=False))


def published(path: Path, n: int) -> list[Split]:
    """Return folds of a published list of test rows; a fifth of the others tests in-domain."""
    folds = []
    for name, rows in json.loads(gzip.decompress(path.read_bytes())).items():
        rest = np.random.default_rng(int(name)).permutation(np.setdiff1d(np.arange(n), rows))
        size = len(rest) // 5
        folds.append(
            Split(
                f"fold_{name}",
                train=rest[size:],
                test=rest[:size],
                ood_test=rows,
                held_out=f"the materials of class {name}",
            )
        )
    return folds


def referee(split: Split, columns: Any, target: Any) -> dict[str, float]:
    """Return the errors of extremely randomized trees, held out and in-domain."""
    model = ExtraTreesRegressor(100, max_features=1 / 3, min_samples_leaf=2, random_state=0)
    rng = np.random.default_rng(0)
    train = rng.choice(split.train, min(8000, len(split.train)), replace=False)
    model.fit(columns[train], target[train])
    error = {
        part: float(np.abs(model.predict(columns[rows]) - target[rows]).mean())
        for part, rows in {"in_domain": split.test[:2000], "held_out": split.ood_test}.items()
    }
    return {**error, "ratio": error["held_out"] / error["in_domain"]}


def reported(found: SplitAudit, seconds: float) -> dict[str, Any]:
    """Return what is kept of an audit."""
    return {
        "kind": found.kind,
        "sentence": audit_sentence(found),
        "reasons": report_of(found.findings),
        "seconds": round(seconds, 2),
        "figures": found.figures,
        "folds": [
            {"fold": f.fold, "kind": f.kind, "rows": f.figures["rows"]["held_out"]}
            | {
                f"{name} {what}": f.figures["views"][name].get(what)
                for name in VIEWS
                for what in ("auroc", "error_ratio", "error_ratio_std")
            }
            for f in found.folds
        ],
    }


def judged(folds: list[Split], materials: Materials, target: Any) -> dict[str, Any]:
    """Audit folds on one core and time it."""
    with threadpool_limits(1):
        start = time.process_time()
        found = audit(folds, materials, target, seed=0)
        return reported(found, time.process_time() - start)


def main() -> None:
    """Audit all splits and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    given = parser.parse_args()
    everything, targets = table(given.data_dir / "matbench_mp_e_form.json.bz2", "e_form")
    rows = lowest(everything, targets)
    materials, target = everything.take(rows), targets[rows]
    magpie = Registry().resolve("featurizer", "magpie").component
    columns = np.nan_to_num(magpie.build(magpie.config()).featurize(materials).values)
    elements: dict[str, Any] = {}
    for symbol in ELEMENTS:
        folds = cut("leave_elements_out", {"elements": [symbol]}, materials, target)
        entry = judged(folds, materials, target)
        entry["referee"] = referee(folds[0], columns, target)
        best = min(entry["folds"][0][f"{name} error_ratio"] for name in VIEWS)
        entry["best_ratio"] = best
        entry["agrees"] = (best >= WORSE) == (entry["referee"]["ratio"] >= WORSE)
        elements[symbol] = entry
        print(symbol, entry["kind"], round(best, 2), entry["referee"], flush=True)
    splits = {}
    for name, options in SPLITS.items():
        splits[name] = judged(cut(name, options, materials, target), materials, target)
        print(name, splits[name]["kind"], splits[name]["sentence"], flush=True)
    sample = np.sort(np.random.default_rng(0).choice(len(everything), ROWS, replace=False))
    polymorphs, all_target = everything.take(sample), targets[sample]
    for name, options in (("random", {}), ("random", {"group_by_formula": True})):
        label = f"{name} {'formulas' if options else 'rows'} of all polymorphs"
        folds = cut(name, options, polymorphs, all_target)
        splits[label] = judged(folds, polymorphs, all_target)
        print(label, splits[label]["sentence"], splits[label]["reasons"], flush=True)
    lists = {}
    crystals, moduli = table(given.data_dir / "matbench_log_gvrh.json.bz2", "log10(G_VRH)")
    for path in sorted((given.data_dir.parent / "matuq_folds").glob("*_elasticity_*.json.gz")):
        name = path.name.split("_target")[0]
        lists[name] = judged(published(path, len(crystals)), crystals, moduli)
        print(name, lists[name]["kind"], lists[name]["sentence"], flush=True)
    ratios = np.array([[e["best_ratio"], e["referee"]["ratio"]] for e in elements.values()])
    ranks = ratios.argsort(axis=0).argsort(axis=0)
    result = {
        "what": f"audits of splits of {ROWS} formulas of matbench_mp_e_form, and of published folds"
        " of matbench_log_gvrh, which is read as compositions",
        "elements": elements,
        "agreement_with_the_referee": {
            "same_side_of_the_limit": int(sum(e["agrees"] for e in elements.values())),
            "of": len(elements),
            "spearman": float(np.corrcoef(ranks.T)[0, 1]),
        },
        "splits": splits,
        "published_folds_of_elasticity": lists,
        "hardware": hardware("cpu"),
        "packages": packages(["atlas-materials-splits", "atlas-materials-composition"]),
    }
    path = ROOT / "benchmarks/results/split_audit.json"
    path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps(result["agreement_with_the_referee"]))


if __name__ == "__main__":
    main()
