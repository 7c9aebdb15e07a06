"""Hold hulls, and the probability of lying on one, to their bars.

``python benchmarks/stable.py --data-dir FOLDER [--published FOLDER] [--only PART ...]`` writes
``results/stable.json`` (all that was measured) and ``results/stable.summary.json`` (a list of {bar,
measured, needed, holds}). Parts: ``hull`` (against pymatgen, time and memory), ``in_domain`` (a
forest on the compositions of mp_e_form), ``held_out`` (twelve elements, one after the other),
``published`` (models of Matbench on its official folds; needs ``--published``) and ``wbm``
(crystals of WBM; needs ``--wbm``). Runs are kept in ``--runs``, and go on where they were killed. A
part that is not run keeps what it last measured.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr

from atlas_core.api import BorderRows, DataContext
from atlas_core.data.decisions import Decisions
from atlas_core.engine.machine import hardware, packages
from atlas_core.engine.options import RunOptions
from atlas_core.engine.run import run
from atlas_core.observe import FinishedRun
from atlas_core.spec.load import load_plan
from atlas_core.store import read_json, write_json
from atlas_matbench.hooks import MatbenchConfig
from atlas_matbench.matbench import MatbenchSource
from atlas_registry.loading import Registry
from atlas_screening.open_arm import open_arm
from atlas_stability.decision import learned
from atlas_stability.phases import Known, phases_of
from atlas_statistics.binomial import wilson

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results"
LOOP = RESULTS / "stable_loop.json"
"""What benchmarks/stable_loop.py measured."""
DETAIL, SUMMARY = RESULTS / "stable.json", RESULTS / "stable.summary.json"
ELEMENTS = ("F", "S", "Ti", "H", "U", "Cl", "Fe", "C", "N", "Mg", "Se", "Ni")
FRESH = ("Mg", "Se", "Ni")
"""Elements that no earlier choice of a method looked at."""
MODELS = ("rf", "CrabNet", "cgcnnv2019", "alignn", "coNGN")
SPEC = """
question: How often is a forest right that a crystal of Materials Project is on the hull?
atlas: 1
name: {name}
seed: 0
dataset: {{use: matbench, options: {{task: mp_e_form, structures: ignore}}}}
deduplicate: lowest
{sample}
split: {split}
reference:
  use: convex_hull
  options:
    own: false
    phases: {{use: matbench, options: {{task: mp_e_form, structures: ignore}}}}
trust:
  error_tolerance_quantile: 0.8
  target_reliability: 0.9
  nested:
    splits:
      - use: representative_elements
        options: {{count: 31, together: 3, calibration: 0.05, test: 0.1}}
      - {{use: cluster, options: {{clusters: 8, held_out: 4, calibration: 0.05, test: 0.1}}}}
    rows: 5000
    scored: 200
reports: []
arms:
  forest:
    featurizer: magpie
    model: {{use: extra_trees, options: {{trees: 150, bootstrap: true}}}}
    uq: tree_variance
    calibrator: {{use: split_conformal, options: {{score: normalized}}}}
    ood: novelty
    trust: learned_region
    surrogate: {{model: {{use: extra_trees, options: {{trees: 30, bootstrap: true}}}}}}
"""
RANDOM = "{use: random, options: {calibration: 0.15, test: 0.2}}"
EACH = (
    "{use: leave_elements_out, options: {elements: ["
    + ", ".join(ELEMENTS)
    + "], each: true, calibration: 0.15, test: 0.2}}"
)


@dataclass(frozen=True)
class Place:
    """Where runs and their fits are kept, and where the data are."""

    runs: Path
    cache: Path
    data: Path


class World:
    """The phases of mp_e_form, one of each composition, and the hull of all others."""

    def __init__(self, data_dir: Path) -> None:
        source = MatbenchSource(MatbenchConfig(task="mp_e_form", structures="ignore"))
        here = DataContext(data_dir, data_dir, data_dir, offline=True)
        read = source.load(here)
        self.known = Known.of(read.materials, read.target)
        self.several = np.flatnonzero(self.known.materials.counts > 1)
        self.place = {one: row for row, one in enumerate(self.known.materials.ids.tolist())}

    def hull(self, rows: np.ndarray) -> Any:
        """Return the hull at some phases, each without itself."""
        asked = self.known.materials.take(rows)
        out = np.full(len(rows), np.inf)
        return self.known.index.at(phases_of(asked, out), own=rows, own_energy=out)


def measured_hull(world: World) -> dict[str, Any]:
    """Return agreement with pymatgen on 500 candidates, and time and memory of many."""
    rng = np.random.default_rng(0)
    counts = world.known.materials.counts
    some = np.concatenate(
        [rng.permutation(world.several[counts[world.several] == k])[:125] for k in (2, 3, 4, 5)]
    )
    hulls, off, other, seconds = world.hull(some), [], 0, 0.0
    for place, row in enumerate(some.tolist()):
        start = time.process_time()
        energy, phases = from_pymatgen(world, row)
        seconds += time.process_time() - start
        off.append(abs(energy - hulls.energy[place]))
        mine = {
            world.known.written[p]
            for p, s in zip(hulls.phases[place], hulls.shares[place], strict=True)
            if p >= 0 and s > 1e-6
        }
        other += mine != phases
    timed = {}
    for n in (10_000, len(world.several)):
        rows = rng.permutation(world.several)[:n]
        start = time.process_time()
        world.hull(rows)
        timed[str(n)] = time.process_time() - start
    return {
        "candidates": len(some),
        "largest_difference": float(max(off)),
        "other_decompositions": int(other),
        "pymatgen_cpu_ms": 1000 * seconds / len(some),
        "cpu_seconds": timed,
        "phases": len(world.known),
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def from_pymatgen(world: World, row: int) -> tuple[float, set[str]]:
    """Return energy and phases of the hull at a phase, without it, by pymatgen."""
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    known = world.known
    system = tuple(sorted(known.materials.take([row]).numbers.tolist()))
    entries = []
    for one in known.index.competing(system).tolist():
        if one != row:
            made = Composition(known.written[one])
            atoms = made.num_atoms
            entries.append(PDEntry(made, float(known.energy[one]) * atoms, name=str(one)))
    phases = PhaseDiagram(entries).get_decomposition(Composition(known.written[row]))
    energy = sum(entry.energy_per_atom * share for entry, share in phases.items())
    return energy, {known.written[int(e.name)] for e, s in phases.items() if s > 1e-6}


def trained(name: str, split: str, sample: str, place: Place, *, keep: bool = False) -> FinishedRun:
    """Return a finished run, computed now or found; its fits are kept where that is asked."""
    with tempfile.TemporaryDirectory() as work:
        spec = Path(work) / f"{name}.yaml"
        spec.write_text(SPEC.format(name=name, split=split, sample=sample), encoding="utf-8")
        options = RunOptions(
            out=place.runs,
            cache_dir=place.cache,
            data_dir=place.data,
            offline=True,
            save_fitted=keep,
            notify=lambda text: print(f"  {text}", flush=True),
        )
        return run(load_plan(spec, Registry()), options)


def share(right: np.ndarray) -> dict[str, float]:
    """Return a share of rows with its interval (Wilson)."""
    n = len(right)
    if not n:
        return {"n": 0}
    low, high = wilson(float(right.mean()), n)
    return {"n": n, "share": float(right.mean()), "low": low, "high": high}


def figures(probability: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """Return figures of decisions, computed here from their definitions."""
    call = probability >= 0.5
    right = call == true
    sure = np.argsort(-np.abs(probability - 0.5), kind="stable")
    kept, tenth = sure[: round(0.8 * len(sure))], sure[: round(0.1 * len(sure))]
    edges = np.minimum((probability * 10).astype(int), 9)
    gaps = [abs(probability[edges == k].sum() - true[edges == k].sum()) for k in range(10)]
    hits = int((call & true).sum())
    base = float(true.mean())
    top = np.argsort(-probability, kind="stable")[: round(0.1 * len(probability))]
    return {
        "n": len(true),
        "base": base,
        "f1": 2 * hits / max(1, 2 * hits + int((call != true).sum())),
        "daf": float(true[call].mean() / base) if call.any() else None,
        "brier": float(np.mean((probability - true) ** 2)),
        "brier_base": base * (1 - base),
        "ece": float(sum(gaps) / len(true)),
        "wrong": float(1 - right.mean()),
        "wrong_surest_80": float(1 - right[kept].mean()),
        "surest_tenth": share(right[tenth]),
        "on_hull_in_top_tenth": share(true[top]),
        "sure": share(true[probability >= 0.9]),
    }


def of_decisions(rows: Decisions) -> dict[str, Any]:
    """Return figures of the decisions, and how often each label was right."""
    right = rows.call == rows.true
    labels = {label: share(right[rows.label == label]) for label in ("trust", "verify", "defer")}
    mae = float(np.abs(rows.target - rows.mean).mean())
    return {**figures(rows.probability, rows.true), "labels": labels, "mae": mae}


def in_domain(place: Place) -> dict[str, Any]:
    """Return figures of a forest on all compositions."""
    done = trained("stable_in_domain", RANDOM, "", place)
    return {**of_decisions(decisions(done).part("test")), "seconds": done.manifest["seconds"]}


def decisions(done: FinishedRun) -> Decisions:
    """Return the decisions of a run.

    Raises:
        SystemExit: it has none.
    """
    if done.decisions is None:
        raise SystemExit(f"{done.folder}: holds no decisions")
    return done.decisions


def held_out(place: Place) -> dict[str, Any]:
    """Return figures of twelve elements, each held out in a run of its own fold."""
    done = trained("stable_held_out", EACH, "sample: 25000", place)
    rows = decisions(done).part("ood_test")
    each = {}
    for fold in dict.fromkeys(rows.fold.tolist()):
        each[fold.removeprefix("without ")] = of_decisions(rows.take(rows.fold == fold))
    return {"pooled": of_decisions(rows), "elements": each, "fresh": list(FRESH)}


def wbm(place: Place, path: Path) -> dict[str, Any]:
    """Return figures of WBM's crystals, which a forest trained on mp_e_form never saw.

    Each is held against the phases of mp_e_form but those of its composition; of several crystals
    of one composition the one of lowest energy is asked about.
    """
    with gzip.open(path, "rt", encoding="utf-8") as file:
        crystals = json.load(file)
    lowest: dict[str, float] = {}
    for one in crystals:
        energy = float(one["formation_energy_per_atom"])
        lowest[one["formula"]] = min(energy, lowest.get(one["formula"], energy))
    done = trained("stable_in_domain", RANDOM, "", place, keep=True)
    arm = open_arm(done, Registry(), key_file=None, trust=True)
    decided = arm.held_against(None, data_dir=place.data).predict(list(lowest)).decided
    target = np.array(list(lowest.values()))
    there = np.isfinite(decided.border)
    true = (target <= decided.border)[there]
    right = ((decided.probability >= 0.5)[there]) == true
    labels = decided.label[there]
    return {
        **figures(decided.probability[there], true),
        "mae": float(np.abs(decided.above + decided.border - target)[there].mean()),
        "labels": {one: share(right[labels == one]) for one in ("trust", "verify", "defer")},
        "without_border": int((~there).sum()),
    }


def published(world: World, folder: Path) -> dict[str, Any]:
    """Return figures of published predictions, with the spread of the others' as sigma.

    Sigma is scaled on fifths of the materials that are not scored; learned is what the reference
    learns from the same rows.
    """
    said = {}
    for model in MODELS:
        path = folder / f"matbench_v0.1_{model}.json.gz"
        with gzip.open(path, "rt", encoding="utf-8") as file:
            folds = json.load(file)["tasks"]["matbench_mp_e_form"]["results"]
        said[model] = {i: v for fold in folds.values() for i, v in fold["data"].items()}
    ids = world.known.materials.ids[world.several]
    mean = {model: np.array([one[i] for i in ids.tolist()]) for model, one in said.items()}
    spread = np.std(list(mean.values()), axis=0)
    border = world.hull(world.several).energy
    target = world.known.energy[world.several]
    true = target <= border
    fifth = np.random.default_rng(0).integers(0, 5, len(ids)) == 0
    unknown = np.full(len(ids), np.nan)
    counts = world.known.materials.counts[world.several].astype(float)
    found = {}
    for model, own in mean.items():
        scale = float(np.quantile((np.abs(target - own) / spread)[fifth], 0.683))
        sigma = scale * spread
        rows = BorderRows(border, own, sigma, unknown, unknown, counts, target)
        decide = learned(rows.take(fifth), 0.0)
        found[model] = {
            "mae": float(np.abs(target - own)[~fifth].mean()),
            "spread": figures(ndtr((border - own) / sigma)[~fifth], true[~fifth]),
            "learned": figures(decide(rows.take(~fifth)), true[~fifth]),
            "by_spread_alone": by_spread_alone(
                (border >= own)[~fifth], true[~fifth], sigma[~fifth]
            ),
        }
    return found


def by_spread_alone(call: np.ndarray, true: np.ndarray, sigma: np.ndarray) -> dict[str, float]:
    """Return the share of wrong calls of all, and of the 80 % of smallest sigma."""
    kept = np.argsort(sigma, kind="stable")[: round(0.8 * len(sigma))]
    return {"wrong": float((call != true).mean()), "kept_80": float((call != true)[kept].mean())}


def against_rf(world: World, place: Place, folder: Path) -> dict[str, Any]:
    """Return the Brier scores of the forest and of RF-SCM/Magpie on the same test materials."""
    rows = decisions(trained("stable_in_domain", RANDOM, "", place)).part("test")
    models = {}
    for model in MODELS:
        path = folder / f"matbench_v0.1_{model}.json.gz"
        with gzip.open(path, "rt", encoding="utf-8") as file:
            folds = json.load(file)["tasks"]["matbench_mp_e_form"]["results"]
        models[model] = {i: v for fold in folds.values() for i, v in fold["data"].items()}
    spread = np.std([[one[i] for i in rows.ids.tolist()] for one in models.values()], axis=0)
    own = np.array([models["rf"][i] for i in rows.ids.tolist()])
    # scaled on the rows themselves, in its favor
    sigma = spread * float(np.quantile(np.abs(rows.target - own) / spread, 0.683))
    theirs = float(np.mean((ndtr((rows.border - own) / sigma) - rows.true) ** 2))
    mine = float(np.mean((rows.probability - rows.true) ** 2))
    return {"n": len(rows), "forest": mine, "rf": theirs, "ratio": mine / theirs}


BARS = (
    # bar, needed, more is better, unit, where
    ("hull energies equal to pymatgen's, 500 candidates", 1e-6, False, "eV/atom",
     ("hull", "largest_difference")),
    ("other decompositions than pymatgen's, 500 candidates", 0, False, "candidates",
     ("hull", "other_decompositions")),
    ("10,000 candidates against the phases of mp_e_form", 60.0, False, "CPU-s",
     ("hull", "cpu_seconds", "10000")),
    ("all compositions of mp_e_form as candidates (95,000; bar of 100,000)", 600.0, False, "CPU-s",
     ("hull", "cpu_seconds", "*")),
    ("memory of these", 2.0, False, "GB", ("hull", "peak_gb")),
    ("ECE of P(stable), in-domain, forest", 0.03, False, "", ("in_domain", "ece")),
    ("Brier score of the forest over that of RF-SCM/Magpie with its spread, same materials", 1.03,
     False, "ratio", ("against_rf", "ratio")),
    ("surest tenth of the forest's calls, in-domain: right", 0.97, True, "share",
     ("in_domain", "surest_tenth", "share")),
    ("P(stable) >= 0.9 of the forest, in-domain: right", 0.97, True, "share",
     ("in_domain", "sure", "share")),
    ("wrong in the surest 80 % over wrong in all, forest, in-domain", 0.85, False, "ratio",
     ("in_domain", "selective")),
    ("P(stable) >= 0.9 on twelve held-out elements, pooled: right", 0.85, True, "share",
     ("held_out", "pooled", "sure", "share")),
    ("held-out elements of which P(stable) >= 0.9 is clearly below 0.75", 0, False, "elements",
     ("held_out", "clearly_below")),
    ("ECE of P(stable), in-domain, CGCNN", 0.03, False, "", ("cgcnn", "ece")),
    ("wrong in the surest 80 % over wrong in all, CGCNN, in-domain", 0.5, False, "ratio",
     ("cgcnn", "selective")),
    ("share of a loop's picks on the hull of flla over that of all candidates, goal stable", 1.4,
     True, "ratio", ("loop", "measured")),
)  # fmt: skip


def bars(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each bar; one that was not or cannot be measured does not hold."""
    for bar, needed, more, unit, steps in BARS:
        value: Any = found
        for step in steps:
            if step == "*":
                value = max(value.values()) if value else None
            else:
                value = value.get(step) if isinstance(value, Mapping) else None
            if value is None:
                break
        holds = value is not None and bool(value >= needed if more else value <= needed)
        yield {"bar": bar, "measured": value, "needed": needed, "holds": holds,
               "more_is_better": more, "unit": unit}  # fmt: skip


def derived(found: dict[str, Any]) -> None:
    """Add what bars are about and is made of other figures."""
    if one := found.get("in_domain"):
        one["selective"] = one["wrong_surest_80"] / one["wrong"]
    if some := found.get("held_out"):
        below = [
            name for name, one in some["elements"].items() if one["sure"].get("high", 1) < 0.75
        ]
        some["below"] = below
        # of no such probability nothing is shown
        some["clearly_below"] = len(below) if some["pooled"]["sure"]["n"] else None
    if LOOP.exists():
        found["loop"] = read_json(LOOP)["bar"]


def main() -> None:
    """Measure, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="matbench_mp_e_form.json.*")
    parser.add_argument("--published", type=Path, help="matbench_v0.1_<model>.json.gz")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs/stable")
    parser.add_argument(
        "--only", nargs="*", default=["hull", "in_domain", "held_out", "published", "wbm"]
    )
    parser.add_argument("--wbm", type=Path, help="JSON of WBM's crystals with formation energies")
    parser.add_argument("--cache", type=Path, help="of fits; default: a folder in --runs")
    asked = parser.parse_args()
    place = Place(asked.runs, asked.cache or asked.runs / "cache", asked.data_dir)
    found: dict[str, Any] = read_json(DETAIL) if DETAIL.exists() else {}
    world = World(asked.data_dir)
    if "hull" in asked.only:
        found["hull"] = measured_hull(world)
    if "in_domain" in asked.only:
        found["in_domain"] = in_domain(place)
    if "held_out" in asked.only:
        found["held_out"] = held_out(place)
    if "published" in asked.only and asked.published is not None:
        found["published"] = published(world, asked.published)
        found["against_rf"] = against_rf(world, place, asked.published)
    if "wbm" in asked.only and asked.wbm is not None:
        found["wbm"] = wbm(place, asked.wbm)
    derived(found)
    found["machine"] = {**hardware("cpu"), "packages": packages(["numpy", "scikit-learn"])}
    write_json(DETAIL, found)
    lines = list(bars(found))
    write_json(SUMMARY, lines)
    for line in lines:
        word = "holds" if line["holds"] else "MISSED"
        value = "none" if line["measured"] is None else f"{line['measured']:.4g}"
        print(f"{word:7} {value} (needed {line['needed']:g})  {line['bar']}")


if __name__ == "__main__":
    main()
