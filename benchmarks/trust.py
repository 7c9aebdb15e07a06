"""Hold the trust region and the novelty score to their bars, on held-out elements.

``python benchmarks/trust.py --data-dir FOLDER`` runs specs/trust_exam.yaml for each seed and each
promise (fits are made once and kept), and writes ``results/trust.json`` (every class) and
``results/trust.summary.json`` (a list of {bar, measured, needed, holds}). It needs
``matbench_mp_e_form`` (compositions are enough).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import Predictions
from atlas_core.engine.machine import hardware, packages
from atlas_core.engine.options import RunOptions
from atlas_core.engine.run import run
from atlas_core.spec.load import load_plan
from atlas_core.spec.yaml import parse
from atlas_core.store import read_json, write_json
from atlas_evaluation.exam import examine
from atlas_registry.loading import Registry

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results"
SPEC = ROOT / "specs/trust_exam.yaml"
ELEMENTS = ("F", "S", "Ti", "H", "U", "Cl", "Fe", "C", "N", "Li", "La", "Al")
EASY = ("Al", "Li", "Fe", "La", "Ti", "U")
"""Elements that trees interpolate between their neighbors in the table of properties."""
RELIABILITIES = {
    "80 % quantile, target reliability 0.9": (0.8, 0.9),
    "70 % quantile, target reliability 0.8": (0.7, 0.8),
}


def exam(
    changes: Sequence[str],
    *,
    seed: int,
    reliability: tuple[float, float],
    runs: Path,
    data_dir: Path,
) -> dict[str, Any]:
    """Run the exam with some changes and return what ``examine`` says of the forest."""
    quantile, target_reliability = reliability
    overrides = [
        *changes,
        f"seed={seed}",
        f"trust.error_tolerance_quantile={quantile}",
        f"trust.target_reliability={target_reliability}",
    ]
    plan = load_plan(SPEC, Registry(), overrides=overrides)
    options = RunOptions(
        out=runs,
        cache_dir=runs / "cache",
        data_dir=data_dir,
        offline=True,
        notify=lambda text: print(f"  {text}", flush=True),
    )
    return examined(run(plan, options).folder, seed=seed, levels=plan.spec.levels)


def stored(runs: Path, *, seed: int, reliability: tuple[float, float]) -> dict[str, Any]:
    """Return the exam of a finished run of that seed and promise that lies in ``runs``.

    Raises:
        SystemExit: there is none, or more than one.
    """
    found = []
    for path in sorted(runs.glob("trust_exam-*/spec.lock.yaml")):
        spec = parse(path.read_text(encoding="utf-8"), str(path)).value
        stated = (spec["trust"]["error_tolerance_quantile"], spec["trust"]["target_reliability"])
        if (spec["seed"], *stated) == (seed, *reliability) and (
            path.parent / "metrics.json"
        ).exists():
            found.append((path.parent, tuple(spec["levels"])))
    if len(found) != 1:
        names = ", ".join(folder.name for folder, _ in found) or "none"
        raise SystemExit(
            f"{runs}: one finished exam of seed {seed} and {reliability} is wanted, there are"
            f" {len(found)} ({names})"
        )
    ((folder, levels),) = found
    return examined(folder, seed=seed, levels=levels)


def examined(folder: Path, *, seed: int, levels: tuple[float, ...]) -> dict[str, Any]:
    """Return what ``examine`` says of the forest of a run folder."""
    found = examine(
        Assessments.from_parquet(folder / "trust.parquet"),
        Predictions.from_parquet(folder / "predictions.parquet"),
        levels=levels,
    )["forest"]
    nested = [
        one["content"]["trainings"]
        for one in read_json(folder / "records.json")
        if one["name"] == "trust"
    ]
    return {**found, "seed": seed, "nested": max(nested)}


def bar(text: str, measured: float | None, needed: str, holds: bool | None) -> dict[str, Any]:
    """Return one line of the summary."""
    shown = None if measured is None else float(f"{measured:.4g}")
    return {"bar": text, "measured": shown, "needed": needed, "holds": holds}


def share_of(found: Mapping[str, Any], method: str, names: Sequence[str]) -> float:
    """Return the mean share of a class that a method trusts."""
    return float(
        np.mean(
            [
                one["methods"][method]["class"]["share"]
                for one in found["classes"]
                if element(one) in names
            ]
        )
    )


def element(one: Mapping[str, Any]) -> str:
    """Return the element that a class is without."""
    return str(one["class"]).split()[-1]


def trust_bars(
    name: str,
    exams: Sequence[Mapping[str, Any]],
    *,
    least: int,
    real: int,
    share: float,
    easy: float,
) -> list[dict[str, Any]]:
    """Return the bars of one setting: counts of the worst seed, shares as means over seeds."""

    def worst(*counts: str, method: str = "learned_region") -> int:
        return min(sum(one["summary"][method][count] for count in counts) for one in exams)

    n = len(exams[0]["classes"])
    shares = [share_of(one, "learned_region", ELEMENTS) for one in exams]
    easies = [share_of(one, "learned_region", EASY) for one in exams]
    fine = worst("reached", "abstained")
    missed = max(one["summary"]["learned_region"]["missed"] for one in exams)
    share_found, easy_found = float(np.mean(shares)), float(np.mean(easies))
    found = [
        bar(
            f"{name}: classes reached or abstained, of {n}",
            fine,
            f">= {least}",
            fine >= least,
        ),
        bar(
            f"{name}: classes reached with 10 trusted rows or more, of {n}",
            worst("reached"),
            f">= {real}",
            worst("reached") >= real,
        ),
        bar(f"{name}: mean share trusted", share_found, f">= {share}", share_found >= share),
    ]
    if easy:
        found.append(
            bar(
                f"{name}: mean share trusted of {', '.join(EASY)}",
                easy_found,
                f">= {easy}",
                easy_found >= easy,
            )
        )
    found.append(bar(f"{name}: classes significantly missed", missed, "0", missed == 0))
    for method in ("sigma_threshold", "refuse_unseen"):
        missed = max(one["summary"][method]["missed"] for one in exams)
        lines = (
            ("classes reached or abstained", worst("reached", "abstained", method=method)),
            ("classes significantly missed", missed),
        )
        found += [
            bar(f"{name}: for comparison, {method}: {what}", v, "", None) for what, v in lines
        ]
    oracle = np.mean([one["oracle_share"] for each in exams for one in each["classes"]])
    found.append(
        bar(f"{name}: for comparison, oracle: share within tolerance", float(oracle), "", None)
    )
    found.append(
        bar(
            f"{name}: for comparison, refuse all: classes reached or abstained, abstained on all",
            n,
            "",
            None,
        )
    )
    return found


def interval_bars(exams: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the bars of the 90 % intervals on the held-out elements; the worst seed counts."""
    held, fluorine, width, in_domain = [], [], [], []
    for one in exams:
        cover = {element(c): c["intervals"]["trust_class"] for c in one["classes"]}
        held.append(sum(c["coverage"] >= 0.85 for c in cover.values()))
        fluorine.append(cover["F"]["coverage"])
        width.append(float(np.mean([c["width"] for c in cover.values()])))
        in_domain += [c["intervals"]["trust_in_domain"]["coverage"] for c in one["classes"]]
    inside = float(np.mean(in_domain))
    text = "90 % intervals"
    return [
        bar(f"{text}: elements covered to 0.85, of 12", min(held), ">= 11", min(held) >= 11),
        bar(f"{text}: coverage of fluorides", min(fluorine), ">= 0.70", min(fluorine) >= 0.7),
        bar(f"{text}: mean width over split's", max(width), "<= 2", max(width) <= 2.0),
        bar(f"{text}: in-domain coverage", inside, "0.88 to 0.94", 0.88 <= inside <= 0.94),
    ]


def forecast_bars(exams: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the bars of the error forecast before labels; the worst seed counts."""
    rho = min(one["forecast"]["spearman"] for one in exams)
    near = min(one["forecast"]["within_twofold"] for one in exams)
    under = max(one["forecast"]["worst_under"] for one in exams)
    return [
        bar("forecast of a class's mean error: Spearman over 12", rho, ">= 0.70", rho >= 0.7),
        bar("forecast within a factor of two, of 12", near, ">= 10", near >= 10),
        bar("worst under-forecast, a factor", under, "<= 2.2", under <= 2.2),
    ]


def calibrator_bars() -> list[dict[str, Any]]:
    """Return how many of the calibrators' own bars hold; ``calibrators.json`` names each."""
    lines = read_json(RESULTS / "calibrators.json")["bars"]
    found = []
    for what, text in (("coverage", "coverage at 90 %"), ("miscalibration area", "area")):
        own = [line for line in lines if text in line["bar"]]
        held = sum(bool(line["holds"]) for line in own)
        found.append(
            bar(
                f"calibrators on three data sets: {what} as it should be, of {len(own)}",
                held,
                f">= {len(own)}",
                held == len(own),
            )
        )
    return found


def main() -> None:
    """Run every exam and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="matbench_mp_e_form.json.*")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs/trust")
    parser.add_argument(
        "--score-only", action="store_true", help="score the finished runs in --runs, run nothing"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    given = parser.parse_args()
    exams = {
        name: [
            stored(given.runs, seed=seed, reliability=reliability)
            if given.score_only
            else exam(
                [f"split.options.elements=[{','.join(ELEMENTS)}]"],
                seed=seed,
                reliability=reliability,
                runs=given.runs,
                data_dir=given.data_dir,
            )
            for seed in given.seeds
        ]
        for name, reliability in RELIABILITIES.items()
    }
    first, second = exams.values()
    names = list(RELIABILITIES)
    most = max(one["nested"] for one in first)
    bars = [
        *trust_bars(names[0], first, least=11, real=9, share=0.10, easy=0.18),
        *trust_bars(names[1], second, least=10, real=8, share=0.07, easy=0.0),
        *interval_bars(first),
        *forecast_bars(first),
        bar("small forests that a trust region costs", most, "<= 15", most <= 15),
    ]
    bars = [*read_json(RESULTS / "novelty.json")["bars"], *bars, *calibrator_bars()]
    versions = packages(["atlas-materials-trust"])
    about = {"seeds": given.seeds, "packages": versions, "hardware": hardware("cpu")}
    write_json(RESULTS / "trust.json", {**about, "exams": exams})
    write_json(RESULTS / "trust.summary.json", bars)
    for line in bars:
        verdict = {True: "holds", False: "MISSED", None: ""}[line["holds"]]
        print(f"{line['bar']:75} {line['measured']!s:>8}  {line['needed']:>12}  {verdict}")


if __name__ == "__main__":
    main()
