"""What a featurizer promises. Light."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8
from atlas_core.component import Component
from atlas_core.errors import ContractError, DataError
from atlas_core.kinds.featurizer import Features, Graphs, Vectors
from atlas_core.materials import Materials
from atlas_core.testing.outcome import applies, require, require_close
from atlas_core.testing.samples import (
    Sample,
    moved,
    reordered_sites,
    rotation_matrix,
    scaled_formulas,
    site_order,
    supercell,
)


def _featurize(component: Component, sample: Sample, materials: Materials) -> Features:
    features = component.build(sample.config).featurize(materials)
    require(isinstance(features, Vectors | Graphs), "the result is neither Vectors nor Graphs")
    require(
        len(features) == len(materials), f"{len(materials)} materials gave {len(features)} entries"
    )
    return features  # type: ignore[no-any-return]


def _whole(component: Component, sample: Sample) -> Features:
    return sample.once(
        "features made", lambda: _featurize(component, sample, sample.materials().take(range(24)))
    )


def _needs_structure(component: Component, sample: Sample) -> bool:
    return "inputs:structure" in component.requires_of(sample.config)


def _shells(graphs: Graphs) -> list[F8]:
    """Return the sorted neighbour distances of each atom: what no relabelling may change."""
    shift = np.repeat(graphs.node_offsets[:-1], np.diff(graphs.edge_offsets))
    atom = graphs.src + shift
    order = np.lexsort((graphs.distance, atom))
    counts = np.bincount(atom, minlength=len(graphs.numbers))
    distances = graphs.distance[order].astype(np.float64)
    return np.split(distances, np.cumsum(counts)[:-1])


def _require_same(
    actual: Features, expected: Features, message: str, *, atoms: npt.NDArray[Any] | None = None
) -> None:
    """Require equal features; ``atoms[i]`` is the atom of ``expected`` that atom i must equal."""
    if isinstance(actual, Vectors) and isinstance(expected, Vectors):
        require(np.array_equal(actual.labels, expected.labels), f"{message}: labels differ")
        for column, label in enumerate(expected.labels):
            require_close(
                actual.values[:, column],
                expected.values[:, column],
                f"{message}: column {label!r}",
                tolerance=1e-6,
            )
        return
    if not (isinstance(actual, Graphs) and isinstance(expected, Graphs)):
        raise ContractError(f"{message}: the form of the features changed")
    rows = np.arange(len(expected.numbers)) if atoms is None else atoms
    require(np.array_equal(actual.numbers, expected.numbers[rows]), f"{message}: atoms differ")
    wanted = _shells(expected)
    for atom, found in enumerate(_shells(actual)):
        require_close(
            found, wanted[rows[atom]], f"{message}: distances of atom {atom}", tolerance=1e-4
        )


def outcome(component: Component, sample: Sample) -> dict[str, npt.NDArray[Any] | None]:
    """Return the features of the toy crystals, for comparing bytes."""
    features = _featurize(component, sample, sample.materials().take(range(24)))
    return dict(features.to_arrays())


def check_form_is_as_declared(component: Component, sample: Sample) -> None:
    """It gives ``features:vectors`` or ``features:graphs``, and returns that form."""
    gives = component.provides_of(sample.config)
    form = _whole(component, sample).form
    require(f"features:{form}" in gives, f"it returns {form} but gives {sorted(gives)}")


def check_something_is_defined(component: Component, sample: Sample) -> None:
    """Ordinary crystals get ordinary features: not NaN everywhere, not the same for all."""
    features = _whole(component, sample)
    if isinstance(features, Vectors):
        require(np.isfinite(features.values).any(axis=1).all(), "a whole row is NaN")
        varied = features.values[:, np.isfinite(features.values).all(axis=0)]
        require(varied.size and np.ptp(varied, axis=0).max() > 0, "all materials look the same")
    else:
        require(len(features.src), "no graph has an edge")


def check_inputs_unchanged(component: Component, sample: Sample) -> None:
    """Materials are only read: other arms use them too."""
    materials = sample.materials().take(range(8))
    before = materials.fingerprint
    _featurize(component, sample, materials)
    require(materials.fingerprint == before, "the materials were changed")


def check_order_is_kept(component: Component, sample: Sample) -> None:
    """Row i belongs to material i, in whatever order materials come."""
    order = np.random.default_rng(1).permutation(24)
    shuffled = _featurize(component, sample, sample.materials().take(order))
    expected = _whole(component, sample).take(order)
    _require_same(shuffled, expected, "shuffled materials")


def check_batch_of_one_equals_the_batch(component: Component, sample: Sample) -> None:
    """A material's features do not depend on its companions: no leak, and a cache is right."""
    whole = _whole(component, sample)
    for row in (0, 7, 23):
        alone = _featurize(component, sample, sample.materials().take([row]))
        _require_same(alone, whole.take([row]), f"material {row} alone")


def check_site_order_does_not_matter(component: Component, sample: Sample) -> None:
    """A crystal whose sites are listed in another order is the same crystal."""
    materials = sample.materials().take(range(24))
    order = site_order(materials)
    changed = _featurize(component, sample, reordered_sites(materials, order))
    _require_same(changed, _whole(component, sample), "sites in another order", atoms=order)


def check_origin_does_not_matter(component: Component, sample: Sample) -> None:
    """The origin of a cell, and the image in which a site is listed, are free choices."""
    materials = sample.materials().take(range(24))
    shifted = moved(materials, shift=np.array([0.13, 0.27, 0.41]))
    whole = _whole(component, sample)
    _require_same(_featurize(component, sample, shifted), whole, "another origin")
    images = np.random.default_rng(2).integers(-1, 2, (len(materials.numbers), 3)).astype(float)
    elsewhere = moved(materials, shift=images)
    _require_same(_featurize(component, sample, elsewhere), whole, "sites in other images")


def check_rotation_does_not_matter(component: Component, sample: Sample) -> None:
    """A rotated crystal has the same scalar properties, so the same features."""
    turned = moved(sample.materials().take(range(24)), rotation=rotation_matrix())
    _require_same(_featurize(component, sample, turned), _whole(component, sample), "rotated cell")


def check_directions_are_displacements(component: Component, sample: Sample) -> None:
    """The vector of an edge leads from ``src`` to ``dst`` in its image, in the crystal's own axes.

    So it turns with the crystal, and its length is the distance: what a network that reads angles
    relies on. Sites listed outside the cell, and a turned crystal, are looked at as well.
    """
    gives = component.provides_of(sample.config)
    applies("features:directions" in gives, "it does not give features:directions")
    materials = sample.materials().take(range(24))
    images = np.random.default_rng(2).integers(-1, 2, (len(materials.numbers), 3)).astype(float)
    cases = {
        "as given": materials,
        "sites in other images": moved(materials, shift=images),
        "a turned crystal": moved(materials, rotation=rotation_matrix()),
    }
    for name, crystals in cases.items():
        graphs = _featurize(component, sample, crystals)
        if not (isinstance(graphs, Graphs) and graphs.vector is not None):
            raise ContractError("it gives features:directions, but its edges have no vectors")
        frac, lattice = cast(F8, crystals.frac), cast(F8, crystals.lattice)
        edges = np.diff(graphs.edge_offsets)
        shift = np.repeat(graphs.node_offsets[:-1], edges)
        step = frac[graphs.dst + shift] + graphs.image - frac[graphs.src + shift]
        cells = np.repeat(lattice, edges, axis=0)
        wanted = np.einsum("ei,eij->ej", step, cells)
        far = float(np.abs(graphs.vector - wanted).max(initial=0.0))
        require(far <= 1e-4, f"{name}: a vector is off by {far:.3g} Å")
        lengths = np.linalg.norm(graphs.vector.astype(np.float64), axis=1)
        far = float(np.abs(lengths - graphs.distance).max(initial=0.0))
        require(far <= 1e-4, f"{name}: a vector's length is {far:.3g} Å off its distance")


def _spread_of_edges(graphs: Graphs) -> F8:
    """Return (a, 7): number of edges of each atom, and the sum of x x, x y, ... over them."""
    shift = np.repeat(graphs.node_offsets[:-1], np.diff(graphs.edge_offsets))
    vector = cast(npt.NDArray[np.float32], graphs.vector).astype(np.float64)
    pairs = vector[:, [0, 1, 2, 0, 0, 1]] * vector[:, [0, 1, 2, 1, 2, 2]]
    terms = np.concatenate([np.ones((len(pairs), 1)), pairs], axis=1)
    sums = np.zeros((len(graphs.numbers), 7))
    np.add.at(sums, graphs.src + shift, terms)
    return sums


def check_directions_are_those_of_the_crystal(component: Component, sample: Sample) -> None:
    """Where an atom's neighbours lie does not depend on the cell, nor on how sites are listed.

    A shell of equally far neighbours that is cut breaks it: which of them are kept depends on the
    cell. Distances cannot tell, and a network that reads directions would predict by it.
    """
    gives = component.provides_of(sample.config)
    applies("features:directions" in gives, "it does not give features:directions")
    materials = sample.materials().take(range(24))
    order, twice = site_order(materials), np.repeat(np.arange(len(materials.numbers)), 2)
    cases = {
        "sites in another order": (reordered_sites(materials, order), order),
        "a doubled cell": (supercell(materials), twice),
    }
    whole = _featurize(component, sample, materials)
    for name, (crystals, atoms) in cases.items():
        found = _featurize(component, sample, crystals)
        if not (isinstance(whole, Graphs) and isinstance(found, Graphs)):
            raise ContractError("it gives features:directions, but no graphs")
        actual, expected = _spread_of_edges(found), _spread_of_edges(whole)[atoms]
        require_close(actual, expected, f"{name}: neighbours of an atom", tolerance=1e-4)


def check_supercell_does_not_matter(component: Component, sample: Sample) -> None:
    """A doubled cell is the same crystal, and targets are per atom: features must be intensive.

    A representation of the cell itself (a sorted Coulomb matrix) declares an expected failure.
    """
    materials = sample.materials().take(range(24))
    atoms = np.repeat(np.arange(len(materials.numbers)), 2)
    for axis in (0, 2):
        doubled = _featurize(component, sample, supercell(materials, axis))
        whole = _whole(component, sample)
        _require_same(doubled, whole, f"cell doubled along vector {axis + 1}", atoms=atoms)


def check_formula_scale_does_not_matter(component: Component, sample: Sample) -> None:
    """NaCl and Na2Cl2 are one composition, and a structure's composition is its formula's."""
    applies(not _needs_structure(component, sample), "it needs structures")
    materials = sample.materials().take(range(24))
    whole = _whole(component, sample)
    for factor in (1.0, 2.0, 0.25):
        scaled = _featurize(component, sample, scaled_formulas(materials, factor))
        _require_same(scaled, whole, f"formulas times {factor}")


def check_failures_are_reported(component: Component, sample: Sample) -> None:
    """A material that cannot be featurized is named, and does not disturb the others.

    Oganesson has no tabulated property: an error that names its id, a row listed in ``failures``,
    or honest values are all right; a silent row of NaN is not.
    """
    good = sample.materials().take(range(3))
    numbers = good.numbers.copy()
    numbers[good.offsets[1] : good.offsets[2]] = 118
    mixed = Materials(good.ids, good.offsets, numbers, good.amounts, good.frac, good.lattice)
    odd = str(good.ids[1])
    try:
        features = _featurize(component, sample, mixed)
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
    expected = _featurize(component, sample, good.take([0, 2]))
    _require_same(features.take([0, 2]), expected, "companions of a failing material")
