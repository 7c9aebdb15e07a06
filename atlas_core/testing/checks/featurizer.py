"""What a featurizer promises. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8
from atlas_core.errors import ContractError, DataError
from atlas_core.kinds.featurizer import Features, Graphs, Vectors
from atlas_core.materials import Materials
from atlas_core.testing import samples
from atlas_core.testing.checks.shared import returned, used
from atlas_core.testing.outcome import applies, require, require_close
from atlas_core.testing.samples import Sample

SHARED = ("inputs_unchanged",)
ROWS = 24


def given(sample: Sample) -> Materials:
    """Return some toy crystals."""
    return sample.materials().take(range(ROWS))


def make(sample: Sample, materials: Materials) -> Features:
    """Return the features of materials."""
    found = sample.build().featurize(materials)
    return returned(found, Vectors | Graphs, "featurize", materials)


def _flat(graphs: Graphs, atoms: npt.NDArray[Any]) -> I8:
    """Return the flat numbers of (e,) atoms that are counted within the crystal of each edge."""
    first = np.repeat(graphs.node_offsets[:-1], np.diff(graphs.edge_offsets))
    return np.asarray(atoms + first)


def _shells(graphs: Graphs) -> list[F8]:
    """Return the sorted neighbor distances of each atom: what no relabeling may change."""
    atom = _flat(graphs, graphs.src)
    order = np.lexsort((graphs.distance, atom))
    counts = np.bincount(atom, minlength=len(graphs.numbers))
    distances = graphs.distance[order].astype(np.float64)
    return np.split(distances, np.cumsum(counts)[:-1])


def _require_same(
    actual: Features, expected: Features, message: str, *, atoms: I8 | None = None
) -> None:
    """Require equal features; ``atoms[i]`` is the atom of ``expected`` that atom i must equal."""
    if isinstance(actual, Vectors) and isinstance(expected, Vectors):
        require(np.array_equal(actual.labels, expected.labels), f"{message}: labels differ")
        for column, label in enumerate(expected.labels):
            a, b = (features.values[:, column] for features in (actual, expected))
            require_close(a, b, f"{message}: column {label!r}", tolerance=1e-6)
        return
    if not (isinstance(actual, Graphs) and isinstance(expected, Graphs)):
        raise ContractError(f"{message}: the form of the features changed")
    rows = np.arange(len(expected.numbers)) if atoms is None else atoms
    require(np.array_equal(actual.numbers, expected.numbers[rows]), f"{message}: atoms differ")
    wanted = _shells(expected)
    for atom, found in enumerate(_shells(actual)):
        what = f"{message}: distances of atom {atom}"
        require_close(found, wanted[rows[atom]], what, tolerance=1e-4)


def _require_unmoved(
    sample: Sample, changed: Mapping[str, Materials], *, atoms: I8 | None = None
) -> None:
    """Require that crystals told otherwise get the features that they had."""
    for name, materials in changed.items():
        _require_same(make(sample, materials), used(sample).made, name, atoms=atoms)


def _require_rows(sample: Sample, rows: npt.ArrayLike, what: str) -> None:
    """Require that some materials get the features that they get among all."""
    found = make(sample, sample.materials().take(rows))
    _require_same(found, used(sample).made.take(rows), what)


def check_form_is_as_declared(sample: Sample) -> None:
    """It gives ``features:vectors`` or ``features:graphs``, and returns that form."""
    provides = sample.provides
    form = used(sample).made.form
    require(f"features:{form}" in provides, f"it returns {form} but gives {sorted(provides)}")


def check_something_is_defined(sample: Sample) -> None:
    """Ordinary crystals get ordinary features: not NaN everywhere, not the same for all."""
    features = used(sample).made
    if isinstance(features, Vectors):
        require(np.isfinite(features.values).any(axis=1).all(), "a whole row is NaN")
        varied = features.values[:, np.isfinite(features.values).all(axis=0)]
        require(varied.size and np.ptp(varied, axis=0).max() > 0, "all materials look the same")
    else:
        require(len(features.src), "no graph has an edge")


def check_order_is_kept(sample: Sample) -> None:
    """Row i belongs to material i, in whatever order materials come."""
    _require_rows(sample, np.random.default_rng(1).permutation(ROWS), "shuffled materials")


def check_batch_of_one_equals_the_batch(sample: Sample) -> None:
    """A material's features do not depend on its companions: no leak, and a cache is right."""
    for row in (0, 7, 23):
        _require_rows(sample, [row], f"material {row} alone")


def check_site_order_does_not_matter(sample: Sample) -> None:
    """A crystal whose sites are listed in another order is the same crystal."""
    order = samples.site_order(given(sample))
    shuffled = samples.reordered_sites(given(sample), order)
    _require_unmoved(sample, {"sites in another order": shuffled}, atoms=order)


def _in_other_images(materials: Materials) -> Materials:
    images = np.random.default_rng(2).integers(-1, 2, (len(materials.numbers), 3))
    return samples.moved(materials, shift=images.astype(np.float64))


def check_origin_does_not_matter(sample: Sample) -> None:
    """The origin of a cell, and the image in which a site is listed, are free choices."""
    materials = given(sample)
    shifted = samples.moved(materials, shift=np.array([0.13, 0.27, 0.41]))
    changed = {"another origin": shifted, "sites in other images": _in_other_images(materials)}
    _require_unmoved(sample, changed)


def check_rotation_does_not_matter(sample: Sample) -> None:
    """A rotated crystal has the same scalar properties, so the same features."""
    turned = samples.moved(given(sample), rotation=samples.rotation_matrix())
    _require_unmoved(sample, {"rotated cell": turned})


def _directed(sample: Sample, materials: Materials) -> tuple[Graphs, F8]:
    """Return graphs and the (e, 3) vectors of their edges, if it gives these."""
    applies("features:directions" in sample.provides, "it does not give features:directions")
    graphs = make(sample, materials)
    if not isinstance(graphs, Graphs) or graphs.vector is None:
        raise ContractError("it gives features:directions, but its edges have no vectors")
    return graphs, graphs.vector.astype(np.float64)


def check_directions_are_displacements(sample: Sample) -> None:
    """The vector of an edge leads from ``src`` to ``dst`` in its image, in the crystal's own axes.

    So it turns with the crystal, and its length is the distance: what a network that reads angles
    relies on. Sites listed outside the cell, and a turned crystal, are looked at as well.
    """
    materials = given(sample)
    cases = {
        "as given": materials,
        "sites in other images": _in_other_images(materials),
        "a turned crystal": samples.moved(materials, rotation=samples.rotation_matrix()),
    }
    for name, crystals in cases.items():
        graphs, vector = _directed(sample, crystals)
        frac, lattice = crystals.sites
        step = frac[_flat(graphs, graphs.dst)] + graphs.image - frac[_flat(graphs, graphs.src)]
        cells = np.repeat(lattice, np.diff(graphs.edge_offsets), axis=0)
        far = np.abs(vector - np.einsum("ei,eij->ej", step, cells)).max(initial=0.0)
        require(far <= 1e-4, f"{name}: a vector is off by {far:.3g} Å")
        far = np.abs(np.linalg.norm(vector, axis=1) - graphs.distance).max(initial=0.0)
        require(far <= 1e-4, f"{name}: a vector's length is {far:.3g} Å off its distance")


def _twice(materials: Materials) -> I8:
    """Return the atom of the crystals that each of those of a doubled cell is."""
    return np.repeat(np.arange(len(materials.numbers)), 2)


def _spread_of_edges(graphs: Graphs, vector: F8) -> F8:
    """Return (a, 7): number of edges of each atom, and the sum of x x, x y, ... over them."""
    pairs = vector[:, [0, 1, 2, 0, 0, 1]] * vector[:, [0, 1, 2, 1, 2, 2]]
    terms = np.concatenate([np.ones((len(pairs), 1)), pairs], axis=1)
    sums = np.zeros((len(graphs.numbers), 7))
    np.add.at(sums, _flat(graphs, graphs.src), terms)
    return sums


def check_directions_are_those_of_the_crystal(sample: Sample) -> None:
    """Where an atom's neighbors lie does not depend on the cell, nor on how sites are listed.

    A shell of equally far neighbors that is cut breaks it: which of them are kept depends on the
    cell. Distances cannot tell, and a network that reads directions would predict by it.
    """
    materials = given(sample)
    whole = _spread_of_edges(*_directed(sample, materials))
    order, twice = samples.site_order(materials), _twice(materials)
    cases = {
        "sites in another order": (samples.reordered_sites(materials, order), order),
        "a doubled cell": (samples.supercell(materials), twice),
    }
    for name, (crystals, atoms) in cases.items():
        found = _spread_of_edges(*_directed(sample, crystals))
        require_close(found, whole[atoms], f"{name}: neighbors of an atom", tolerance=1e-4)


def check_supercell_does_not_matter(sample: Sample) -> None:
    """A doubled cell is the same crystal, and targets are per atom: features must be intensive.

    A representation of the cell itself (a sorted Coulomb matrix) declares an expected failure.
    """
    materials = given(sample)
    doubled = {
        f"cell doubled along {'abc'[axis]}": samples.supercell(materials, axis) for axis in (0, 2)
    }
    _require_unmoved(sample, doubled, atoms=_twice(materials))


def check_formula_scale_does_not_matter(sample: Sample) -> None:
    """NaCl and Na2Cl2 are one composition, and a structure's composition is its formula's."""
    applies("inputs:structure" not in sample.requires, "it needs structures")
    materials = given(sample)
    scaled = {
        f"formulas times {f}": samples.scaled_formulas(materials, f) for f in (1.0, 2.0, 0.25)
    }
    _require_unmoved(sample, scaled)


def check_failures_are_reported(sample: Sample) -> None:
    """A material that cannot be featurized is named, and does not disturb the others.

    Oganesson has no tabulated property: an error that names its id, a row listed in ``failures``,
    or honest values are all right; a silent row of NaN is not.
    """
    good = sample.materials().take(range(3))
    numbers = good.numbers.copy()
    numbers[good.offsets[1] : good.offsets[2]] = 118
    mixed, odd = replace(good, numbers=numbers), str(good.ids[1])
    try:
        features = make(sample, mixed)
    except DataError as err:
        require(odd in str(err), f"the error does not name the material {odd}: {err}")
        return
    if isinstance(features, Vectors):
        listed = {material_id for material_id, _ in features.failures}
        unknown = sorted(listed - set(good.ids.tolist()))
        require(not unknown, f"failures name ids that were not given: {unknown}")
        require(all(why.strip() for _, why in features.failures), "a failure gives no reason")
        if np.isnan(features.values[1]).all():
            require(odd in listed, f"material {odd} is all NaN but not in failures")
    expected = make(sample, good.take([0, 2]))
    _require_same(features.take([0, 2]), expected, "companions of a failing material")
