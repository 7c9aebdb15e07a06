"""Made-up run folders for the report's tests: seeded numpy, scored by the real metrics.

Run as a script to look at a full page: ``python tests/run_folders.py FOLDER``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from from_columns import evaluate, examine

from atlas_core.api import Wording
from atlas_core.data.decisions import Decisions
from atlas_core.data.tables import read_table, write_table
from atlas_core.elements import SYMBOLS
from atlas_core.finished import foreign, read_run
from atlas_core.metrics.registry import installed_metrics
from atlas_core.observe import ReportSection, held_out_classes
from atlas_core.store import read_json, write_bytes, write_json
from atlas_evaluation.judge.verdict import verdicts_of_run
from atlas_evaluation.narrative import described_exams, in_words
from atlas_evaluation.scoring.decided import score_decisions
from atlas_registry.loading import Registry
from atlas_report.hooks import NoOptions
from atlas_report.html import HtmlReport

LEVEL = 0.9
Z = 1.6448536269514722  # standard normal quantile of 0.95

CATIONS = [z for z in range(3, 84) if z not in {2, 9, 10, 18, 36, 54, 8, 7, 16, 17, 35, 53}]
ANIONS = ["O", "S", "N", "Cl", "Br", "Se", "P"]

TRUST_SPEC = """\
trust:
  error_tolerance: null
  error_tolerance_quantile: 0.8
  target_reliability: 0.9
  price: null
"""


def formulas(n: int, rng: np.random.Generator, *, fluorides: bool) -> list[str]:
    out = []
    for _ in range(n):
        a, b = rng.choice(CATIONS, 2, replace=False)
        anion = "F" if fluorides else str(rng.choice(ANIONS))
        out.append(f"{SYMBOLS[a]}{SYMBOLS[b]}{rng.integers(2, 4)}{anion}{rng.integers(2, 7)}")
    return out


def arm_columns(
    arm: str,
    rows: dict[str, Any],
    *,
    noise: float,
    bias: float,
    scale: float,
    seed: int,
    task: str,
) -> dict[str, Any]:
    """Return predictions of one arm: in-domain errors of size noise, larger ones held out."""
    rng = np.random.default_rng(seed)
    n = len(rows["id"])
    outside_domain = rows["part"] == "ood_test"
    size = noise * rng.lognormal(0, 0.5, n) * np.where(outside_domain, 3.0, 1.0)
    error = size * rng.standard_normal(n) + np.where(outside_domain, bias, 0.0)
    std = scale * size * rng.lognormal(0, 0.25, n) / np.where(outside_domain, 2.0, 1.0)
    if task == "binary":
        odds = 3.0 * (rows["target"] - 0.5) + (1.2 + 2 * outside_domain) * rng.standard_normal(n)
        mean = 1 / (1 + np.exp(-odds))
        std = np.sqrt(mean * (1 - mean))
        lower = upper = np.full(n, np.nan)
    else:
        mean = rows["target"] + error
        lower, upper = mean - 1.15 * Z * std, mean + 1.15 * Z * std
    score = rng.gamma(4.0, 1.0, n) * np.where(outside_domain, 2.6, 1.0)
    limit = 7.8
    flagged = score > limit
    return {
        "id": rows["id"],
        "formula": rows["formula"],
        "arm": np.full(n, arm),
        "fold": rows["fold"],
        "part": rows["part"],
        "target": rows["target"],
        "mean": mean,
        "std_epistemic": 0.8 * std,
        "std_aleatoric": 0.6 * std,
        "std": std,
        f"lower_{LEVEL}": lower,
        f"upper_{LEVEL}": upper,
        "ood_score": score,
        "outside": flagged,
        "reason": np.where(
            flagged & outside_domain, "contains F, in none of the training materials", ""
        ),
    }


def base_rows(sizes: dict[str, int], folds: int, *, seed: int, task: str) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    part = np.concatenate([np.full(n, name) for name, n in sizes.items()])
    n = len(part)
    held = part == "ood_test"
    text = np.array(["" for _ in range(n)], dtype=object)
    text[~held] = formulas(int((~held).sum()), rng, fluorides=False)
    text[held] = formulas(int(held.sum()), rng, fluorides=True)
    value = np.where(held, -2.6, -0.9) + rng.standard_normal(n) * np.where(held, 0.7, 0.9)
    target = (value > -1.0).astype(float) if task == "binary" else value
    return {
        "id": np.array([f"mp-{i + 1000}" for i in range(n)]),
        "formula": np.array([str(t) for t in text]),
        "fold": np.array(
            [f"fold_{i % folds}" for i in range(n)] if folds > 1 else ["without F"] * n
        ),
        "part": part,
        "target": target,
    }


def active_learning_table(arms: dict[str, float], folds: int = 2) -> dict[str, Any]:
    """Return rounds in which an arm's error falls by its own rate."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("arm", "fold", "round", "labeled", "mae_test", "best", "top1_found")
    }
    for arm, rate in arms.items():
        for fold in range(folds):
            for step in range(11):
                columns["arm"].append(arm)
                columns["fold"].append(f"fold_{fold}")
                columns["round"].append(float(step))
                columns["labeled"].append(200.0 + 50 * step)
                columns["mae_test"].append(0.25 + 0.3 * np.exp(-rate * step) + 0.01 * fold)
                columns["best"].append(-3.0 - 1.2 * (1 - np.exp(-2 * rate * step)) - 0.05 * fold)
                columns["top1_found"].append(1 - np.exp(-1.5 * rate * step))
    return {name: np.array(values) for name, values in columns.items()}


def manifest(
    rows: dict[str, Any], arms: list[str], sizes: dict[str, int], folds: int, task: str
) -> dict[str, Any]:
    component = {
        "distribution": "atlas-materials-sklearn",
        "version": "0.1.0",
        "options": {"trees": 300, "max_features": 0.333},
        "citation": "10.1023/A:1010933404324",
    }
    uses = {
        "featurizer": "magpie",
        "model": "random_forest",
        "uq": "tree_variance",
        "calibrator": "split_conformal",
        "ood": "mahalanobis",
    }
    split = {f"{k}": v for k, v in {"train": 2000, **sizes}.items()}
    return {
        "atlas": "0.1.0",
        "run_id": "ood_formation-1a2b3c4d",
        "name": "ood_formation",
        "question": "Does the model know that it does not know fluorides?",
        "seed": 7,
        "science_hash": "1a2b3c4d" * 8,
        "started": "2026-01-01T10:00:00Z",
        "finished": "2026-01-01T10:04:12Z",
        "seconds": 252.4,
        "peak_memory_mb": 1312.0,
        "status": "reporting",
        "stages": [
            {"stage": stage, "arm": arm, "fold": "f", "seconds": seconds}
            for arm in arms
            for stage, seconds in (("featurize", 4.2), ("fit", 93.0), ("predict", 1.5))
        ],
        "dataset": {
            "component": "flla",
            "options": {},
            "name": "FLLA formation energies",
            "target": "is_metal" if task == "binary" else "formation_energy_per_atom",
            "unit": "" if task == "binary" else "eV/atom",
            "task": task,
            "rows": 2000 + len(rows["id"]),
            "sample": None,
            "sha256": "ab" * 32,
            "provenance": "embedded",
            "license": "BSD-3-Clause (matminer)",
            "citation": ["Faber et al., Int. J. Quantum Chem. 115, 1094 (2015), 10.1002/qua.24917"],
        },
        "split": {
            "component": "leave_elements_out",
            "options": {"elements": ["F"]},
            "folds": [
                {
                    "name": fold,
                    "held_out": "materials with F" if sizes.get("ood_test") else "",
                    "sizes": {k: v // folds for k, v in split.items()},
                }
                for fold in dict.fromkeys(rows["fold"].tolist())
            ],
        },
        "arms": {
            arm: {
                kind: {**component, "use": "cgcnn" if (arm, kind) == ("cgcnn", "model") else use}
                for kind, use in uses.items()
            }
            for arm in arms
        },
        "packages": {"numpy": "2.4.0", "torch": "2.13.0"},
        "hardware": {
            "cpu": "x86_64",
            "cores": 2,
            "memory_gb": 7.7,
            "device": "cpu",
            "platform": "Linux",
            "python": "3.11.9",
        },
    }


def learning_records(
    arm: str, fold: str, members: int = 2, epochs: int = 60
) -> list[dict[str, Any]]:
    rng = np.random.default_rng(3)
    records = []
    for member in range(members):
        epoch = np.arange(1, epochs + 1)
        fall = np.exp(-epoch / 14)
        wobble = np.exp(0.06 * rng.standard_normal((2, epochs)))
        records.append(
            {
                "arm": arm,
                "fold": fold,
                "name": f"member-{member}/learning_curve",
                "content": {
                    "epoch": epoch.tolist(),
                    "train_loss": ((0.02 + 0.5 * fall) * wobble[0]).tolist(),
                    "validation_mae": ((0.13 + 0.7 * fall) * wobble[1]).tolist(),
                    "learning_rate": np.full(epochs, 1e-3).tolist(),
                },
            }
        )
    return records


def make_run(
    folder: Path,
    *,
    arms: tuple[str, ...] = ("forest", "cgcnn"),
    sizes: dict[str, int] | None = None,
    folds: int = 1,
    task: str = "regression",
    drop: tuple[str, ...] = (),
    blank: tuple[str, ...] = (),
    records: bool = True,
    loop: bool = False,
    ids: dict[int, str] | None = None,
) -> Path:
    """Write a run folder and return it.

    Args:
        folder: made where it does not exist.
        arms: names.
        sizes: rows by part.
        folds: the rows are dealt to this many.
        task: regression or binary.
        drop: columns of the predictions left out.
        blank: columns set to NaN.
        records: whether there is a records.json.
        loop: whether there is an active_learning.parquet.
        ids: ids to put in place of the made-up ones, by row.
    """
    sizes = sizes or {"calibration": 40, "test": 90, "ood_test": 60}
    folder.mkdir(parents=True, exist_ok=True)
    rows = base_rows(sizes, folds, seed=11, task=task)
    rows["id"] = rows["id"].astype(object)
    for row, text in (ids or {}).items():
        rows["id"][row] = text
    rows["id"] = rows["id"].astype(str)
    blocks = [
        arm_columns(
            arm,
            rows,
            noise=(0.17, 0.11)[i % 2],
            bias=(0.55, 0.75)[i % 2],
            scale=(1.1, 0.8)[i % 2],
            seed=i,
            task=task,
        )
        for i, arm in enumerate(arms)
    ]
    table = {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]}
    table = {name: values for name, values in table.items() if name not in drop}
    for name in blank:
        table[name] = np.full(len(table["id"]), np.nan)
    write_table(folder / "predictions.parquet", table)
    metrics = evaluate(table, task=task, levels=[LEVEL], seed=1)
    described = {"figures": installed_metrics(Registry()).described()}
    about = manifest(rows, list(arms), sizes, folds, task) | described
    write_json(folder / "metrics.json", metrics)
    write_json(folder / "manifest.json", about)
    judge(folder)
    (folder / "spec.lock.yaml").write_text(
        "atlas: 1\nname: ood_formation # <b>\n", encoding="utf-8"
    )
    if records:
        fold = str(rows["fold"][0])
        listed = learning_records(arms[-1], fold)
        listed.append(
            {
                "arm": arms[0],
                "fold": fold,
                "name": "featurizer/failures",
                "content": {"ids": ["mp-1"], "reasons": ["no radius for element Og"]},
            }
        )
        write_json(folder / "records.json", listed)
    if loop:
        rounds = active_learning_table(
            {"random": 0.18, "greedy": 0.12, "ucb": 0.28, "max_uncertainty": 0.35}
        )
        write_table(folder / "active_learning.parquet", rounds)
    return folder


def make_exam(folder: Path, arms: tuple[str, ...] = ("forest",), spec: str = TRUST_SPEC) -> Path:
    """Add an exam: ``careful`` trusts what errs little, ``bold`` everything, ``shy`` nothing."""
    table = read_table(folder / "predictions.parquet")
    error = np.abs(table["target"] - table["mean"])
    rows = np.isin(table["part"], ("test", "ood_test")) & np.isin(table["arm"], arms)
    error_tolerance = float(np.quantile(error[table["part"] == "calibration"], 0.8))
    names = ("arm", "fold", "part", "target", "mean", "lower_0.9", "upper_0.9")
    labels = {
        "careful": np.where(
            error <= 0.8 * error_tolerance, "trust", np.where(error > 1, "defer", "verify")
        ),
        "bold": np.full(len(error), "trust"),
        "shy": np.full(len(error), "verify"),
    }
    n = int(rows.sum())
    blocks = [
        {
            **{name: table[name][rows] for name in names},
            "method": np.full(n, method),
            "error_tolerance": np.full(n, error_tolerance),
            "target_reliability": np.full(n, 0.9),
            "expected_error": np.full(n, 0.4),
            "label": given[rows],
        }
        for method, given in labels.items()
    ]
    trust = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    write_json(folder / "exam.json", examine(trust, table, levels=[0.9]))
    manifest = read_json(folder / "manifest.json")
    for arm in arms:
        manifest["arms"][arm]["trust"] = {
            "use": "careful",
            "summary": "Looks twice <b>.",
            "beside": [{"use": "bold", "summary": "Trusts all."}, {"use": "shy"}],
        }
    write_json(folder / "manifest.json", manifest)
    (folder / "spec.lock.yaml").write_text(f"atlas: 1\n{spec}", encoding="utf-8")
    judge(folder)
    return folder


def make_decided(folder: Path, *, informative: bool = True) -> Path:
    """Add decisions of every arm: P follows the prediction, or is the base rate of all."""
    rows = read_run(folder).predictions
    rng = np.random.default_rng(5)
    border = rows.target + rng.normal(0.1, 0.4, len(rows))
    said = 1 / (1 + np.exp(-4 * (border - rows.mean)))
    probability = said if informative else np.full(len(rows), 0.6)
    risk = np.minimum(probability, 1 - probability)
    decided = Decisions(
        arm=rows.arm, fold=rows.fold, ids=rows.ids, formula=rows.formula, parts=rows.parts,
        target=rows.target, mean=rows.mean, border=border,
        words=np.full(len(rows), "LiF + MgF2"), probability=probability,
        probability_near=np.ones(len(rows)), margin=np.full(len(rows), 0.05),
        label=np.where(risk < 0.15, "trust", np.where(risk > 0.35, "defer", "verify")),
    )  # fmt: skip
    decided.to_parquet(folder / "decisions.parquet")
    metrics, manifest = (read_json(folder / f"{name}.json") for name in ("metrics", "manifest"))
    scored = score_decisions(decided, seed=1, metrics=installed_metrics(Registry()))
    for arm, own in scored.items():
        metrics["arms"][arm]["decisions"] = own
    words = Wording("stable", "unstable", "the hull", "the 9 phases of <b>", "decomposes into")
    manifest["reference"] = {"wording": asdict(words), "target_reliability": 0.9, "margin": 0.05}
    write_json(folder / "metrics.json", metrics)
    write_json(folder / "manifest.json", manifest)
    judge(folder)
    return folder


def judge(folder: Path) -> None:
    """Write the verdicts of a run folder, and what its exam is in words, as they now follow."""
    manifest, metrics = (read_json(folder / f"{name}.json") for name in ("manifest", "metrics"))
    exam = folder / "exam.json"
    exams = read_json(exam) if exam.exists() else {}
    chose = {arm for arm, own in manifest["arms"].items() if own.get("acquisition")}
    split = manifest.get("split")
    found = verdicts_of_run(
        metrics,
        exams,
        dataset=manifest["dataset"],
        split=split,
        chose=chose,
        reference=manifest.get("reference"),
    )
    write_json(
        folder / "verdict.json", {arm: in_words(one).as_dict() for arm, one in found.items()}
    )
    if exams:
        write_json(exam, described_exams(exams, held_out_classes(split)))


def write_report(folder: Path, sections: Sequence[ReportSection] = ()) -> Path:
    """Draw the page of a run folder into it, as ``atlas report`` does; return its path."""
    with foreign(folder):
        for file in HtmlReport(NoOptions()).report(read_run(folder), sections):
            write_bytes(folder / file.path, file.content)
    return folder / "report.html"


if __name__ == "__main__":
    made = make_run(
        Path(sys.argv[1]),
        sizes={"calibration": 1000, "test": 2200, "ood_test": 800},
        loop=True,
        ids={1005: "mp-<script>alert(1)</script>"},
    )
    print(write_report(made))
