"""Measure every calibrator on one set of forest predictions a data set: does 90 % mean 90 %?

``python benchmarks/calibrators.py --data-dir FOLDER`` needs the tasks expt_gap, log_kvrh and
expt_is_metal of Matbench there, and writes benchmarks/results/calibrators.json. Five shuffled
folds; of the rows outside a test fold one in five calibrates. A forest is trained once a fold (11
times for cross_conformal) and its predictions are kept in ``--cache``: the next time none is.

Coverage, widths and areas are of all test rows together, each predicted once. The miscalibration
area is that between coverage and level, over the levels 0.01 to 0.99: of the Gaussian of the
calibrated sigma for the calibrators that state one (``of`` = ``sigma``), of the intervals at these
levels for the others (``of`` = ``intervals``). ``sure_and_right`` is the share of rows with a
sigma of 0 and no error: they are inside at any level, so that the rest decides what can be met.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_calibration import (
    cqr,
    cross_conformal,
    hooks,
    identity,
    isotonic,
    linear,
    mondrian,
    split_conformal,
    variance_scaling,
    venn_abers,
    weighted_conformal,
)
from atlas_chemistry import anion_family
from atlas_composition.hooks import MagpieConfig
from atlas_composition.magpie import Magpie
from atlas_core.api import (
    F8,
    I8,
    CalibrationRequest,
    Calibrator,
    DataContext,
    Dataset,
    FitContext,
    Inputs,
    Prediction,
    Vectors,
    derive_seed,
)
from atlas_datasets.flla import flla
from atlas_datasets.hooks import FllaConfig
from atlas_matbench.hooks import MatbenchConfig
from atlas_matbench.matbench import MatbenchSource
from atlas_metrics import classes, intervals, sigma
from atlas_sklearn.hooks import RandomForestConfig
from atlas_sklearn.random_forest import random_forest
from atlas_uncertainty.hooks import TreeVarianceConfig
from atlas_uncertainty.tree_variance import TreeVariance

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks/results/calibrators.json"
SEED, FOLDS, TREES, REFITS = 7, 5, 100, 10
CALIBRATION_SHARE = 0.2
LEVELS = (0.5, 0.8, 0.9, 0.95)
MANY = tuple(float(level) for level in sigma.LEVELS)
COVERAGE, AREA, ECE = (0.88, 0.92), 0.03, 0.03
FAMILY_ROWS = 100
"""Fewest test rows of a family whose coverage is reported."""

NORMALIZED = {"score": "normalized", "beta": 0.1}
STATES_SIGMA = ("identity", "variance_scaling", "linear")
"""Their intervals are those of a shape around sigma."""


REGRESSION: dict[str, Calibrator] = {
    "identity": identity.build(hooks.IdentityConfig()),
    "split_conformal": split_conformal.build(hooks.SplitConformalConfig()),
    "split_conformal, normalized": split_conformal.build(
        hooks.SplitConformalConfig(score="normalized")
    ),
    "split_conformal, normalized, beta 0.1": split_conformal.build(
        hooks.SplitConformalConfig(**NORMALIZED)
    ),
    "mondrian": mondrian.build(hooks.MondrianConfig()),
    "mondrian, normalized, beta 0.1": mondrian.build(hooks.MondrianConfig(**NORMALIZED)),
    "mondrian, elements": mondrian.build(hooks.MondrianConfig(groups="elements")),
    "mondrian, sigma": mondrian.build(hooks.MondrianConfig(groups="sigma")),
    "cqr": cqr.build(hooks.CQRConfig()),
    "cross_conformal": cross_conformal.build(hooks.CrossConformalConfig(folds=REFITS)),
    "cross_conformal, normalized, beta 0.1": cross_conformal.build(
        hooks.CrossConformalConfig(folds=REFITS, **NORMALIZED)
    ),
    "weighted_conformal": weighted_conformal.build(hooks.WeightedConformalConfig()),
    "weighted_conformal, boosting": weighted_conformal.build(
        hooks.WeightedConformalConfig(ratio="boosting")
    ),
    "variance_scaling": variance_scaling.build(hooks.VarianceScalingConfig()),
    "variance_scaling, gaussian": variance_scaling.build(
        hooks.VarianceScalingConfig(tails="gaussian")
    ),
    "linear": linear.build(hooks.LinearConfig()),
    "linear, gaussian": linear.build(hooks.LinearConfig(tails="gaussian")),
    "isotonic": isotonic.build(hooks.IsotonicConfig()),
}
BINARY = ("identity", "split_conformal", "mondrian", "cross_conformal", "weighted_conformal")
CLASSIFIERS: dict[str, Calibrator] = {
    **{name: REGRESSION[name] for name in (*BINARY, "isotonic")},
    "venn_abers": venn_abers.build(hooks.VennAbersConfig()),
}


@dataclass
class Forest:
    """A forest that is trained only where a question is new."""

    features: Vectors
    target: F8
    context: FitContext
    cache: Path
    samples: bool
    trained: Any = None

    def predict(self, features: Any) -> Prediction:
        """Return the trees' mean and spread, and the trees where draws are wanted."""
        asked = (self.features.fingerprint, self.target.tobytes().hex(), self.context.seed, TREES)
        text = "/".join((*map(str, asked), self.context.task, features.fingerprint))
        path = self.cache / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"
        if not path.exists():
            if self.trained is None:
                config = RandomForestConfig(trees=TREES, max_features="sqrt")
                self.trained, _ = TreeVariance(TreeVarianceConfig()).fit(
                    lambda: random_forest(config), self.features, self.target, self.context
                )
            found = self.trained.predict(features)
            kept = {"mean": found.mean, "epistemic": found.epistemic}
            if self.samples:
                kept["samples"] = found.samples
            np.savez(path, allow_pickle=False, **kept)
        with np.load(path, allow_pickle=False) as stored:
            return Prediction(**{name: stored[name] for name in stored.files})


@dataclass
class Fold:
    """What a calibrator gets of one fold, and the rows that it is held to."""

    request: CalibrationRequest
    prediction: Prediction
    inputs: Inputs
    rows: I8


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="matbench_<task>.json.gz")
    parser.add_argument("--cache", type=Path, default=ROOT / "runs/calibrators")
    parser.add_argument("--jobs", type=int, default=1, help="threads of a forest")
    parser.add_argument("--only", nargs="*", default=(), help="data sets; nothing is written")
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    for name, dataset in datasets(given.data_dir):
        if not given.only or name in given.only:
            results[name] = measure(dataset, given.cache, jobs=given.jobs)
            for calibrator, figures in results[name]["calibrators"].items():
                shown = {k: v for k, v in figures.items() if isinstance(v, float | str)}
                print(name, calibrator, shown, flush=True)
    bars = bars_of(results)
    for bar in bars:
        if not bar["holds"]:
            print("does not hold:", bar)
    if not given.only:
        packages = (
            "atlas-materials",
            "atlas-materials-calibration",
            "numpy",
            "scikit-learn",
            "scipy",
        )
        content = {
            "seed": SEED,
            "folds": FOLDS,
            "model": f"random_forest, {TREES} trees, max_features sqrt; magpie; uq tree_variance",
            "refits": REFITS,
            "versions": {"python": platform.python_version()}
            | {package: version(package) for package in packages},
            "datasets": results,
            "bars": bars,
        }
        text = json.dumps(content, indent=1, ensure_ascii=False)
        RESULT.write_text(text + "\n", encoding="utf-8")
        print(RESULT.relative_to(ROOT))


def datasets(data_dir: Path) -> Iterator[tuple[str, Dataset]]:
    """Yield each data set by name; formulas are enough."""
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        context = DataContext(data_dir=data_dir, cache_dir=here, spec_dir=here, offline=True)
        yield "flla", flla(FllaConfig()).load(context)
        for task in ("expt_gap", "log_kvrh", "expt_is_metal"):
            config = MatbenchConfig(task=task, structures="ignore")
            yield task, MatbenchSource(config).load(context)


def folds_of(dataset: Dataset, cache: Path, *, jobs: int = 1) -> Iterator[Fold]:
    """Yield the folds; a forest is trained where the cache lacks its answers."""
    features = Magpie(MagpieConfig()).featurize(dataset.materials)
    every = Inputs.of(dataset.materials, features, columns=dataset.columns)
    order = np.random.default_rng(SEED).permutation(len(dataset.target))
    for fold in range(FOLDS):
        test = np.sort(order[fold::FOLDS])
        rest = np.random.default_rng([SEED, fold]).permutation(np.setdiff1d(order, test))
        cut = round(CALIBRATION_SHARE * len(rest))
        calibration, train = np.sort(rest[:cut]), np.sort(rest[cut:])
        learned, target = every.take(train), dataset.target[train]

        def forest(rows: I8, *, samples: bool, learned: Inputs = learned, target: F8 = target,
                   seed: int = fold) -> Forest:  # fmt: skip
            part = learned.take(rows)
            context = FitContext(derive_seed(SEED, seed, len(rows)), task=dataset.task, n_jobs=jobs)
            return Forest(part.features, target[rows], context, cache, samples)

        arm = forest(np.arange(len(train)), samples=True)
        kept, asked = every.take(calibration), every.take(test)
        yield Fold(
            CalibrationRequest(
                prediction=arm.predict(kept.features),
                target=dataset.target[calibration],
                inputs=kept,
                levels=LEVELS,
                context=FitContext(derive_seed(SEED, "calibrate", fold), dataset.task),
                train=learned,
                train_target=target,
                refit=lambda rows, forest=forest: forest(rows, samples=False),
            ),
            arm.predict(asked.features),
            asked,
            test,
        )


def measure(dataset: Dataset, cache: Path, *, jobs: int) -> dict[str, Any]:
    """Return the figures of every calibrator on a data set."""
    folds = list(folds_of(dataset, cache, jobs=jobs))
    rows = np.concatenate([fold.rows for fold in folds])
    target, binary = dataset.target[rows], dataset.task == "binary"
    families = anion_family(dataset.materials)[rows]
    mean = np.concatenate([fold.prediction.mean for fold in folds])
    sure = np.concatenate([fold.prediction.std for fold in folds]) == 0
    found: dict[str, Any] = {}
    for name, calibrator in (CLASSIFIERS if binary else REGRESSION).items():
        few, said = calibrated(calibrator, folds, LEVELS)
        figures = common(few, target, families) | {
            "coverage_where_sigma_is_not_0": float(inside_90(few, target)[~sure].mean())
        }
        if binary:
            figures["both_labels"] = float((few.upper[2] > few.lower[2]).mean())
            figures["ece"] = classes.ece().value(task="binary", target=target, mean=few.mean)
        else:
            figures |= areas(name, few, calibrated(calibrator, folds, MANY)[0], target)
        found[name] = figures | {"rows": len(rows), "warnings": said}
    return {
        "rows": len(rows),
        "calibration_rows": [len(fold.request.target) for fold in folds],
        "unit": dataset.unit,
        "sure_and_right": float((sure & (target == mean)).mean()),
        "mae": float(np.abs(target - mean).mean()),
        "calibrators": found,
    }


def calibrated(
    calibrator: Calibrator, folds: list[Fold], levels: tuple[float, ...]
) -> tuple[Prediction, list[str]]:
    """Return the calibrated predictions of all test rows, and the texts of the warnings."""
    parts = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for fold in folds:
            request = CalibrationRequest(**{**vars(fold.request), "levels": levels})
            parts.append(calibrator.calibrate(request)(fold.prediction, fold.inputs))
    done = Prediction(
        mean=np.concatenate([part.mean for part in parts]),
        epistemic=np.concatenate([part.std for part in parts]),
        levels=parts[0].levels,
        lower=np.concatenate([part.lower for part in parts], axis=1),
        upper=np.concatenate([part.upper for part in parts], axis=1),
    )
    return done, sorted({str(warning.message) for warning in caught})


def inside_90(done: Prediction, target: F8) -> npt.NDArray[np.bool_]:
    """Return (n,) whether the interval at 90 % holds the target."""
    at = LEVELS.index(0.9)
    return np.asarray((done.lower[at] <= target) & (target <= done.upper[at]))


def common(done: Prediction, target: F8, families: npt.NDArray[np.str_]) -> dict[str, Any]:
    """Return coverage and width at 90 %, and the family of which fewest rows are covered."""
    at = LEVELS.index(0.9)
    lower, upper, inside = done.lower[at], done.upper[at], inside_90(done, target)
    ends = {"target": target, "lower": lower, "upper": upper}
    names, counts = np.unique(families, return_counts=True)
    reported = {
        str(name): float(inside[families == name].mean())
        for name, count in zip(names, counts, strict=True)
        if count >= FAMILY_ROWS
    }
    worst = min(reported, key=lambda name: reported[name])
    return {
        "coverage": intervals.picp().value(**ends),
        "mpiw": intervals.mpiw().value(**ends),
        "infinite_share": intervals.infinite_share().value(**ends),
        "worst_family": {"name": worst, "coverage": reported[worst]},
    }


def areas(name: str, few: Prediction, many: Prediction, target: F8) -> dict[str, Any]:
    """Return the miscalibration area, and of what it is."""
    inside = (many.lower <= target) & (target <= many.upper)
    gaps = inside.mean(axis=1) - np.asarray(MANY)
    of_intervals = float(sigma.area_between(gaps[None, :])[0])
    of_sigma = sigma.miscalibration_area().value(target=target, mean=few.mean, std=few.std)
    states = name.split(",", maxsplit=1)[0] in STATES_SIGMA
    return {
        "miscalibration_area": of_sigma if states else of_intervals,
        "of": "sigma" if states else "intervals",
        "miscalibration_area_of_sigma": of_sigma,
    }


def bars_of(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each calibrator but ``identity``, the line to compare with, is held to."""
    bars: list[dict[str, Any]] = []

    def add(bar: str, measured: float, needed: str, *, holds: bool) -> None:
        bars.append({"bar": bar, "measured": measured, "needed": needed, "holds": holds})

    for dataset, content in results.items():
        for name, figures in content["calibrators"].items():
            if name == "identity":
                continue
            covered, where = figures["coverage"], f"{dataset}, {name}"
            if "ece" in figures:
                # a set is never empty: where the model is surer than the level, it covers more
                holds = covered >= COVERAGE[0]
                add(f"{where}: coverage of sets at 90 %", covered, ">= 0.88", holds=holds)
                if name in ("isotonic", "venn_abers"):
                    holds = figures["ece"] <= ECE
                    add(
                        f"{where}: expected calibration error",
                        figures["ece"],
                        "<= 0.03",
                        holds=holds,
                    )
                continue
            holds = COVERAGE[0] <= covered <= COVERAGE[1]
            add(f"{where}: coverage at 90 %", covered, "0.88 to 0.92", holds=holds)
            area = figures["miscalibration_area"]
            bar = f"{where}: miscalibration area of {figures['of']}"
            add(bar, area, "<= 0.03", holds=area <= AREA)
    return bars


if __name__ == "__main__":
    main()
