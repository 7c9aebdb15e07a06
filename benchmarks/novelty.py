"""How well ``novelty`` tells held-out classes from in-domain materials, against set bars.

``python benchmarks/novelty.py --data-dir FOLDER`` writes benchmarks/results/novelty.json. FOLDER
holds matbench_mp_e_form.json.bz2 (or .json.gz). 25,000 distinct formulas; each class in turn is
kept out of training, a forest and the detector are fitted to 8,125 of the rest, and up to 900
materials of the class are reported from 900 in-domain ones (AUROC).

The parts of the default were chosen on other classes (``--development`` measures those): nothing
was chosen on the classes that the bars are about.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_chemistry import anion_family
from atlas_core.api import (
    SYMBOLS,
    DataContext,
    Dataset,
    FitContext,
    Inputs,
    Materials,
    Vectors,
    derive_seed,
)
from atlas_core.testing import find_component
from atlas_statistics.ranks import auroc

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks/results/novelty.json"
ROWS, POOL, SCORED = 25_000, 12_500, 900
TREES = 150
SEEDS = (0, 1)
ELEMENTS = ("F", "S", "Ti", "H", "U", "Cl", "Fe", "C", "N", "Li", "La", "Al")
FAMILIES = ("F+TM", "O+F", "Ln+O", "Li+TM+O", "binary", "intermetallic")
CLUSTERS = 10
DEVELOPMENT = (
    *("O", "Se", "Br", "Mg", "Cu", "Zr", "P", "B"),
    *("S+TM", "P+O", "Ln+S", "Na+TM+O", "alkali+Cl", "pnictide", "Ln+TM"),
)

TRANSITION = tuple(SYMBOLS[z] for z in (*range(21, 31), *range(39, 49), *range(72, 81)))
LANTHANIDE = tuple(SYMBOLS[z] for z in range(57, 72))
ALKALI = ("Li", "Na", "K", "Rb", "Cs")

Mask = npt.NDArray[np.bool_]

RULES = {"element", "pair", "range"}
LEFT_OUT: Mapping[str, set[str]] = {
    "no facts": RULES,
    "nothing of new elements": {"element"},
}
"""Terms that a variant of the default does without: the sums below are those of its options."""

FEATURES = ("representation", "features")
NO_MODEL = ("parts", ["lof", "knn_fractions"])
ON_FLLA: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = (
    ("unseen_element", ()),
    ("novelty", (NO_MODEL,)),
    ("novelty", (NO_MODEL, ("facts", []))),
    ("mahalanobis", ()),
    ("pca_residual", (("representation", "fractions"),)),
    ("unseen_pair", ()),
    ("knn_distance", (("representation", "root_fractions"),)),
    ("kde", (("representation", "root_fractions"),)),
    ("lof", (FEATURES,)),
    ("element_distance", ()),
    ("out_of_range", ()),
    ("ecod", (FEATURES,)),
    ("isolation_forest", (FEATURES,)),
    ("relative_mahalanobis", (FEATURES,)),
    ("mahalanobis", (FEATURES, ("center", "size"))),
    ("mahalanobis", (FEATURES,)),
)
"""Detectors that need no model, with their options."""


@dataclass(frozen=True)
class Data:
    """The n distinct formulas with their features and target."""

    materials: Materials
    features: Vectors
    target: npt.NDArray[np.float64]

    def inputs(self, rows: npt.NDArray[np.int64], model: Any) -> Inputs:
        """Return what a detector sees of ``rows``."""
        features = self.features.take(rows)
        return Inputs.of(
            self.materials.take(rows),
            features,
            std=model.members(features).std(axis=0),
            leaves=model.leaves(features),
        )


def load(dataset: str, options: Mapping[str, Any], data_dir: Path | None) -> Dataset:
    """Return a data set by its component."""
    component, _ = find_component(dataset, "dataset")
    with tempfile.TemporaryDirectory() as folder:
        context = DataContext(data_dir, Path(folder), Path(folder), offline=True)
        return component.build(component.config.model_validate(options)).load(context)


def distinct(dataset: Dataset, rows: int, seed: int) -> Data:
    """Return ``rows`` distinct reduced formulas, each with its lowest target."""
    formulas = np.array(dataset.materials.formulas())
    order = np.lexsort((dataset.target, formulas))
    first = np.r_[True, formulas[order][1:] != formulas[order][:-1]]
    kept = order[first]
    kept = np.sort(np.random.default_rng(seed).permutation(kept)[:rows])
    materials = dataset.materials.take(kept)
    component, _ = find_component("magpie", "featurizer")
    vectors = component.build(component.config()).featurize(materials)
    return Data(materials, vectors, dataset.target[kept])


def classes(materials: Materials) -> dict[str, Mask]:
    """Return which materials belong to each class, by name."""
    present = materials.element_fractions() > 0
    size = present.sum(axis=1)

    def any_of(*symbols: str) -> Mask:
        return np.asarray(present[:, [SYMBOLS.index(s) - 1 for s in symbols]].any(axis=1))

    metal, earth = any_of(*TRANSITION), any_of(*LANTHANIDE)
    found = {symbol: any_of(symbol) for symbol in SYMBOLS[1:104]}
    family = anion_family(materials)
    return found | {
        "F+TM": found["F"] & metal,
        "O+F": found["O"] & found["F"],
        "Ln+O": earth & found["O"],
        "Li+TM+O": found["Li"] & metal & found["O"],
        "binary": size == 2,
        "intermetallic": family == "intermetallic",
        "S+TM": found["S"] & metal,
        "P+O": found["P"] & found["O"],
        "Ln+S": earth & any_of("S", "Se"),
        "Na+TM+O": found["Na"] & metal & found["O"],
        "alkali+Cl": any_of(*ALKALI) & found["Cl"],
        "pnictide": family == "pnictide",
        "Ln+TM": earth & metal & ~found["O"],
    }


def clusters(features: Vectors, k: int, seed: int) -> dict[str, Mask]:
    """Return k-means clusters of standardized features."""
    from sklearn.cluster import KMeans

    values = np.where(np.isnan(features.values), np.nanmean(features.values, 0), features.values)
    spread = values.std(axis=0)
    values = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    found = KMeans(k, n_init=3, random_state=seed).fit_predict(values)
    return {f"cluster {i}": found == i for i in range(k)}


def held_out(data: Data, mask: Mask, seed: int) -> dict[str, float]:
    """Keep a class out, fit forest and detector to the rest, and return AUROCs by variant."""
    rng = np.random.default_rng([seed, int(mask.sum())])
    rest = rng.permutation(np.flatnonzero(~mask))[:POOL]
    train, calibration, test = np.split(rest, [int(0.65 * len(rest)), int(0.8 * len(rest))])
    held = rng.permutation(np.flatnonzero(mask))[:SCORED]
    component, _ = find_component("extra_trees", "model")
    model = component.build(component.config.model_validate({"trees": TREES}))
    context = FitContext(seed=derive_seed(seed, "forest"), task="regression", n_jobs=1)
    model.fit(data.features.take(train), data.target[train], context)
    seen = [data.inputs(rows, model) for rows in (train, calibration, test[:SCORED], held)]
    chosen, _ = find_component("novelty", "ood")
    method = chosen.build(chosen.config())
    detector = method.fit(seen[0], seen[1], FitContext(derive_seed(seed, "detect")))
    found = {"default": auroc(detector.score(seen[2]).score, detector.score(seen[3]).score)}
    near, far = detector.terms(seen[2]), detector.terms(seen[3])
    for name, without in LEFT_OUT.items():
        kept = [term for term in near if term not in without]
        found[name] = auroc(*(sum(side[term] for term in kept) for side in (near, far)))
    return found


def detectors_on_flla(seed: int) -> list[dict[str, Any]]:
    """Return AUROCs of detectors that need no model on embedded data, by element held out."""
    materials = load("flla", {}, None).materials
    magpie, _ = find_component("magpie", "featurizer")
    features = magpie.build(magpie.config()).featurize(materials)
    found = []
    for name, options in ON_FLLA:
        component, _ = find_component(name, "ood")
        row: dict[str, Any] = {"detector": name, "options": dict(options)}
        for symbol in ("F", "S", "Cl", "Ti"):
            mask = materials.element_fractions()[:, SYMBOLS.index(symbol) - 1] > 0
            others = np.random.default_rng(seed).permutation(np.flatnonzero(~mask))
            parts = np.split(others, [int(0.7 * len(others)), int(0.8 * len(others))])
            seen = [
                Inputs.of(materials.take(rows), features.take(rows))
                for rows in (*parts, np.flatnonzero(mask))
            ]
            method = component.build(component.config.model_validate(dict(options)))
            detector = method.fit(seen[0], seen[1], FitContext(seed))
            scores = detector.score(seen[2]).score, detector.score(seen[3]).score
            row[symbol] = round(auroc(*scores), 4)
        print(json.dumps(row), flush=True)
        found.append(row)
    return found


def table(data: Data, masks: Mapping[str, Mask], seeds: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield a row per class: its size and the mean AUROC over seeds of each variant."""
    for name, mask in masks.items():
        start = time.perf_counter()
        runs = [held_out(data, mask, seed) for seed in seeds]
        row = {
            "class": name,
            "materials": int(mask.sum()),
            "seeds": len(seeds),
            **{n: round(float(np.mean([run[n] for run in runs])), 4) for n in runs[0]},
        }
        print(json.dumps(row), f"{time.perf_counter() - start:.0f} s", flush=True)
        yield row


def bar(text: str, measured: float, needed: float) -> dict[str, Any]:
    """Return one bar."""
    value = round(float(measured), 3)
    return {"bar": text, "measured": value, "needed": needed, "holds": value >= needed}


def measure(data_dir: Path) -> dict[str, Any]:
    """Return the bars and the table a class."""
    data = distinct(load("matbench", {"task": "mp_e_form"}, data_dir), ROWS, seed=0)
    masks = classes(data.materials)
    elements = list(table(data, {n: masks[n] for n in ELEMENTS}, SEEDS))
    families = list(table(data, {n: masks[n] for n in FAMILIES}, SEEDS))
    groups = list(table(data, clusters(data.features, CLUSTERS, 0), SEEDS[:1]))
    flla = detectors_on_flla(0)

    return {
        "what": f"AUROC of held-out classes of matbench_mp_e_form, {ROWS} distinct formulas,"
        f" {int(0.65 * POOL)} train, forest of {TREES} trees; chosen on {', '.join(DEVELOPMENT)}",
        "bars": bars(elements, families, groups, flla),
        "elements": elements,
        "families": families,
        "clusters": groups,
        "flla": flla,
    }


Rows = Sequence[Mapping[str, Any]]


def bars(elements: Rows, families: Rows, groups: Rows, flla: Rows) -> list[dict[str, Any]]:
    """Return what was set beforehand beside what was measured.

    Without facts nothing at all is said of new elements: not that they are new, and not that a
    property of theirs is the largest ever seen.
    """

    def mean(rows: Rows, name: str = "default") -> float:
        return float(np.mean([row[name] for row in rows]))

    worst = min(elements, key=lambda row: row["default"])
    (plain,) = [row for row in flla if row["detector"] == "mahalanobis" and not row["options"]]
    salts = min(plain[symbol] for symbol in ("F", "S", "Cl"))
    return [
        bar("novelty, 12 elements, mean", mean(elements), 0.95),
        bar(f"novelty, 12 elements, worst ({worst['class']})", worst["default"], 0.88),
        bar("novelty without facts, 12 elements, mean", mean(elements, "no facts"), 0.80),
        bar("novelty, 6 families of known elements, mean", mean(families), 0.78),
        bar("novelty, 10 clusters of magpie features, mean", mean(groups), 0.90),
        bar("mahalanobis on flla, worst of F, S, Cl", salts, 0.95),
    ]


def main() -> None:
    """Measure and write, or measure the classes that the parts were chosen on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, help="folder of Matbench files")
    parser.add_argument("--development", action="store_true", help="other classes; writes nothing")
    parser.add_argument("--flla", action="store_true", help="only what needs no Matbench file")
    given = parser.parse_args()
    if given.flla:
        stands = json.loads(RESULT.read_text(encoding="utf-8"))
        flla = detectors_on_flla(0)
        own = bars(*(stands[part] for part in ("elements", "families", "clusters")), flla)
        write(stands | {"bars": own, "flla": flla})
        return
    if given.data_dir is None:
        parser.error("--data-dir is needed, the folder of Matbench files")
    if given.development:
        data = distinct(load("matbench", {"task": "mp_e_form"}, given.data_dir), ROWS, seed=0)
        masks = classes(data.materials)
        chosen = {name: masks[name] for name in DEVELOPMENT}
        list(table(data, chosen, SEEDS[:1]))
        return
    result = measure(given.data_dir)
    for line in result["bars"]:
        mark = "holds" if line["holds"] else "MISSED"
        print(f"{line['bar']}: {line['measured']:.3f}, needed {line['needed']:.2f}: {mark}")
    write(result)


def write(result: Mapping[str, Any]) -> None:
    """Put the result where the docs read it."""
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
