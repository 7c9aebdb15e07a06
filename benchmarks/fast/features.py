"""Formula and structure features against matminer: same numbers, fewer seconds."""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from measure import Bar, alternating, ratio, shared

from atlas_composition import hooks as composition
from atlas_composition import ion_properties, magpie, stoichiometry, valence_orbitals
from atlas_core.api import F8, SYMBOLS, Materials, Vectors
from atlas_core.testing import find_component
from atlas_crystal import (
    density_features,
    neighbor_statistics,
    radial_distribution,
    sine_coulomb_matrix,
)
from atlas_crystal import hooks as crystal
from atlas_reading import materials_of_dicts

SEED = 20261121
MANY = 20_000
"""Formulas, Matbench's mp_e_form sampled."""
ODD = 50
"""Of these, formulas with a rare or noble element, to compare the pattern of NaN."""
SOME = 1_000
"""Of these, what matminer gets: a time for each formula, it takes them one by one."""
CRYSTALS = 300
ROUNDS = 5


def bars() -> list[Bar]:
    """Return the bars of composition and structure features."""
    if importlib.util.find_spec("matminer") is None:
        note = "matminer is not installed"
        return [Bar(name, "matminer", None, needed, note=note) for name, needed in NEEDED.items()]
    with warnings.catch_warnings():
        # pymatgen on noble gases without electronegativity; matminer's own deprecations
        warnings.simplefilter("ignore")
        return [*formula_bars(), *crystal_bars()]


NEEDED = {
    "magpie: 132 columns from formula text": 200,
    "stoichiometry": 50,
    "valence orbitals": 50,
    "ion properties": 50,
    "density, volume per atom, packing fraction": 10,
    "sine Coulomb matrix eigenvalues": 10,
    "radial distribution function to 20 Å": 10,
    "coordination number statistics": 10,
}


def formula_bars() -> list[Bar]:
    """Measure the features that need a formula only."""
    from matminer.featurizers.composition import (
        ElementProperty,
        IonProperty,
        Stoichiometry,
        ValenceOrbital,
    )
    from pymatgen.core import Composition

    texts, source = formulas()
    ids = [str(i) for i in range(len(texts))]
    featurizer = magpie.Magpie(composition.MagpieConfig())
    rng = np.random.default_rng(SEED)
    chosen = rng.choice(MANY - ODD, SOME - ODD, replace=False)
    chosen = np.concatenate([chosen, np.arange(MANY - ODD, MANY)])
    subset = [texts[i] for i in chosen]
    note = f"{source}; matminer timed on {SOME:,} of them, per formula"
    reference = ElementProperty.from_preset("magpie", impute_nan=False)
    found = [
        compare(
            "magpie: 132 columns from formula text",
            "matminer ElementProperty, one process, formula text in",
            lambda: featurizer.featurize(Materials.from_formulas(ids, texts)),
            lambda: [reference.featurize(Composition(text)) for text in subset],
            chosen,
            tolerance=1e-9,
            note=note,
        )
    ]
    materials = Materials.from_formulas(ids, texts)
    compositions = [Composition(text) for text in subset]
    for name, module, theirs in (
        ("stoichiometry", stoichiometry, Stoichiometry()),
        ("valence orbitals", valence_orbitals, ValenceOrbital(impute_nan=False)),
    ):
        found.append(
            compare(
                name,
                f"matminer {type(theirs).__name__}, one process, parsed formulas in",
                lambda module=module: default(module).featurize(materials),
                lambda theirs=theirs: [theirs.featurize(one) for one in compositions],
                chosen,
                tolerance=1e-9,
                repeats={"ours": 20, "theirs": 3},
                note=note,
            )
        )
    # matminer's search lists every combination of states: minutes for a formula of 100 atoms
    small = np.flatnonzero([1 < sum(whole) <= 20 for whole in whole_amounts(compositions)])
    usual = small[small < SOME - ODD][:230]
    small = np.concatenate([usual, small[-20:]])
    reduced = [compositions[i].reduced_composition for i in small]
    ions = IonProperty(impute_nan=False)
    found.append(
        compare(
            "ion properties",
            "matminer IonProperty, one process, parsed formulas in",
            lambda: default(ion_properties).featurize(materials),
            lambda: [ions.featurize(one) for one in reduced],
            chosen[small],
            tolerance=1e-9,
            timed=len(usual),
            timed_theirs=lambda: [ions.featurize(one) for one in reduced[: len(usual)]],
            note=(
                f"ATLAS: all {len(texts):,}; matminer: {len(usual)} reduced formulas of at most 20"
                " atoms, per formula; larger ones take it minutes"
            ),
        )
    )
    return found


def crystal_bars() -> list[Bar]:
    """Measure the features that need a structure."""
    from matminer.featurizers.site import CoordinationNumber
    from matminer.featurizers.structure import (
        DensityFeatures,
        RadialDistributionFunction,
        SineCoulombMatrix,
        SiteStatsFingerprint,
    )
    from pymatgen.core import Structure

    dicts = crystals(CRYSTALS)
    if not dicts:
        note = "the structures of matbench_log_gvrh are not here"
        return [
            Bar(name, "matminer", None, needed, note=note)
            for name, needed in NEEDED.items()
            if needed == 10
        ]
    structures = [Structure.from_dict(one) for one in dicts]
    materials = materials_of_dicts([str(i) for i in range(len(dicts))], dicts)
    spectrum = SineCoulombMatrix(flatten=True).fit(structures)
    width = crystal.SineCoulombMatrixConfig(max_sites=int(materials.counts.max()))
    note = f"{CRYSTALS} crystals of log_gvrh, ready in memory on both sides"
    density = DensityFeatures()
    found = [
        compare(
            "density, volume per atom, packing fraction",
            "matminer DensityFeatures, one process",
            lambda: default(density_features).featurize(materials),
            lambda: [guarded(density, one) for one in structures],
            tolerance=1e-6,
            skip_failed=True,
            note=note,
        ),
        compare(
            "sine Coulomb matrix eigenvalues",
            "matminer SineCoulombMatrix(flatten=True), one process",
            lambda: sine_coulomb_matrix.build(width).featurize(materials),
            lambda: [np.asarray(spectrum.featurize(one)) for one in structures],
            tolerance=1e-6,
            arrange=by_magnitude,
            note=note,
        ),
    ]
    few = np.arange(20)
    distribution = RadialDistributionFunction()
    found.append(
        compare(
            "radial distribution function to 20 Å",
            "matminer RadialDistributionFunction, one process",
            lambda: default(radial_distribution).featurize(materials),
            lambda: [distribution.featurize(structures[i]) for i in few],
            few,
            tolerance=1e-6,
            rounds=3,
            arrange=lambda rows: at_edges(rows, materials, structures),
            note=f"{note}; matminer timed on {len(few)} of them, per crystal",
        )
    )
    few = np.arange(100)
    coordination = SiteStatsFingerprint(
        CoordinationNumber.from_preset("MinimumDistanceNN"),
        stats=("mean", "std_dev", "minimum", "maximum"),
    )
    found.append(
        compare(
            "coordination number statistics",
            "matminer SiteStatsFingerprint of CoordinationNumber(MinimumDistanceNN), one process",
            lambda: default(neighbor_statistics).featurize(materials),
            lambda: [coordination.featurize(structures[i]) for i in few],
            few,
            tolerance=1e-6,
            rounds=3,
            columns=slice(4, 8),
            note=f"{note}; matminer timed on {len(few)} of them, per crystal",
        )
    )
    return found


def default(module: Any) -> Any:
    """Return the component of a module with its default options, newly built."""
    component, _ = find_component(module.__name__.rpartition(".")[2], "featurizer")
    return component.build(component.config())


def compare(
    name: str,
    against: str,
    ours: Callable[[], Vectors],
    theirs: Callable[[], Sequence[Any]],
    rows: Any = slice(None),
    *,
    tolerance: float,
    note: str,
    rounds: int = ROUNDS,
    repeats: Mapping[str, int] | None = None,
    timed: int | None = None,
    timed_theirs: Callable[[], Sequence[Any]] | None = None,
    columns: slice = slice(None),
    skip_failed: bool = False,
    arrange: Callable[[F8], F8] | None = None,
) -> Bar:
    """Hold two ways against each other, then time them in turn.

    Args:
        name: the bar.
        against: what it is compared with.
        ours: gives all materials.
        theirs: gives the materials at ``rows`` only.
        rows: the materials that both have.
        tolerance: largest difference allowed, relative to values above 1.
        note: kept with the bar.
        rounds: how often both are timed.
        repeats: how often a fast way is called a round.
        timed: the materials of ``timed_theirs``.
        timed_theirs: what is timed, where that is not all that is compared.
        columns: the columns of ours that theirs has.
        skip_failed: leave out the rows that theirs cannot make (all NaN).
        arrange: brings theirs into our definition, where only the form differs.
    """
    values = ours().values
    actual = values[rows][:, columns]
    expected = np.asarray(theirs(), dtype=np.float64)
    if arrange is not None:
        expected = arrange(expected)
    made = ~np.isnan(expected).all(axis=1) if skip_failed else np.ones(len(expected), bool)
    actual, expected = actual[made], expected[made]
    if actual.shape != expected.shape or (np.isnan(actual) != np.isnan(expected)).any():
        raise AssertionError(f"{name}: shape or NaN pattern differs from the reference")
    apart = np.nan_to_num(np.abs(actual - expected) / np.maximum(np.abs(expected), 1))
    if apart.max() > tolerance:
        raise AssertionError(f"{name}: differs from the reference by {apart.max():g}")
    ways = {"theirs": timed_theirs or theirs, "ours": ours}
    seconds = alternating(ways, rounds=rounds, repeats=repeats)
    share = len(values) / (timed or len(made))
    return Bar(
        name,
        against,
        ratio(seconds, "theirs", "ours") * share,
        NEEDED[name],
        note=note,
        detail={
            "materials": len(values),
            "materials_compared": int(made.sum()),
            "materials_timed_in_reference": timed or len(made),
            "columns": int(actual.shape[1]),
            "largest_difference": float(apart.max()),
            "tolerance": tolerance,
            "rows_with_nan": int(np.isnan(actual).any(axis=1).sum()),
            "seconds": seconds,
        },
    )


def formulas() -> tuple[list[str], str]:
    """Return formula texts, the odd ones last, and where they are from."""
    rng = np.random.default_rng(SEED)
    odd = [random_formula(rng, (2, 10, 18, 36, 54, 86, 100, 110, 115, 118)) for _ in range(ODD)]
    path = shared("matbench_v0.1", "matbench_mp_e_form.json.bz2")
    if path is None:
        texts = [random_formula(rng, range(1, 90)) for _ in range(MANY - ODD)]
        return texts + odd, f"{MANY:,} random formulas (mp_e_form is not here)"
    all_ = list(json.loads(bz2.decompress(path.read_bytes()))["composition"].values())
    texts = [all_[i] for i in rng.choice(len(all_), MANY - ODD, replace=False)]
    return texts + odd, f"{MANY:,} formulas, {ODD} of rare elements, the others of mp_e_form"


def random_formula(rng: np.random.Generator, some: Sequence[int]) -> str:
    """Return a formula that holds one element of ``some``, and up to four others."""
    first = int(rng.choice(some))
    others = rng.choice(np.setdiff1d(np.arange(1, 90), [first]), rng.integers(0, 5), replace=False)
    return "".join(f"{SYMBOLS[z]}{rng.integers(1, 7)}" for z in (first, *others))


def whole_amounts(compositions: Sequence[Any]) -> list[list[float]]:
    """Return the amounts of each reduced formula."""
    return [list(one.reduced_composition.values()) for one in compositions]


def crystals(count: int) -> list[dict[str, Any]]:
    """Return structures of log_gvrh as dicts, a seeded sample; none where the file is missing."""
    path = shared("matbench_v0.1", "matbench_log_gvrh.json.gz")
    if path is None:
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        data = json.load(file)["data"]
    chosen = np.random.default_rng(SEED).choice(len(data), count, replace=False)
    return [data[i][0] for i in chosen]


def guarded(featurizer: Any, structure: Any) -> Any:
    """Return matminer's density features, NaN where it knows no radius of an element."""
    try:
        return featurizer.featurize(structure)
    except TypeError:
        return [np.nan] * 3


def by_magnitude(spectra: F8) -> F8:
    """Return eigenvalues by magnitude, largest first; matminer leaves them as LAPACK gives them."""
    order = np.lexsort((-spectra, -np.abs(spectra)), axis=-1)
    return np.take_along_axis(spectra, order, axis=-1)


def at_edges(rows: F8, materials: Materials, structures: Sequence[Any]) -> F8:
    """Return matminer's distributions an atom, distances at an edge of bins in the upper bin.

    Matminer leaves it to the last digit of such a distance in which of both bins it counts.
    """
    config = crystal.RadialDistributionConfig()
    edges = np.linspace(0, config.cutoff, rows.shape[1] + 1)
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    out = np.empty_like(rows)
    for index, row in enumerate(rows):
        structure = structures[index]
        unit = structure.volume / (shells * len(structure) ** 2)  # one pair in a bin
        counts = np.rint(row / len(structure) / unit).astype(int)
        _, _, _, distance = structure.get_neighbor_list(config.cutoff)
        edge = np.rint(distance / config.bin_size).astype(int)
        moved = (np.abs(distance - edge * config.bin_size) < 1e-7) & (edge < len(shells))
        theirs = (
            np.searchsorted(
                np.arange(0, config.cutoff + config.bin_size, config.bin_size),
                distance[moved],
                side="right",
            )
            - 1
        )
        np.subtract.at(counts, theirs, 1)
        np.add.at(counts, edge[moved], 1)
        out[index] = counts * unit
    return out
