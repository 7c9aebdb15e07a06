"""Neighbors, held against pymatgen's neighbor objects and against geometry."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from atlas_core.api import DataError, Graphs, Materials, concatenate
from atlas_core.testing import find_component, run_contract
from atlas_crystal.crystal_graph import CrystalGraph
from atlas_crystal.hooks import CrystalGraphConfig

SHIFT = np.array([0.137, -1.291, 0.553])


def spacegroup(symbol, lattice, species, sites):
    return Structure.from_spacegroup(symbol, lattice, species, sites)


def random_cell(seed, sites):
    rng = np.random.default_rng(seed)
    angles = rng.uniform(65, 115, 3)
    lattice = Lattice.from_parameters(*rng.uniform(3, 9, 3), *angles)
    # far outside the cell on purpose: nothing wraps the coordinates
    return Structure(
        lattice, rng.choice(["Li", "O", "Fe", "Cl"], sites), rng.normal(0, 2, (sites, 3))
    )


CRYSTALS = {
    "rock salt": spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0] * 3, [0.5] * 3]),
    "primitive rock salt": spacegroup(
        "Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0] * 3, [0.5] * 3]
    ).get_primitive_structure(),
    "hcp": spacegroup("P6_3/mmc", Lattice.hexagonal(3.2, 5.2), ["Mg"], [[1 / 3, 2 / 3, 0.25]]),
    "perovskite": spacegroup(
        "Pm-3m", Lattice.cubic(3.905), ["Sr", "Ti", "O"], [[0] * 3, [0.5] * 3, [0.5, 0.5, 0]]
    ),
    "one atom": Structure(Lattice.cubic(2.5), ["Po"], [[0.3, 0.1, 0.9]]),
    "layers far apart": Structure(
        Lattice.hexagonal(2.46, 30), ["C", "C"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]]
    ),
    **{f"triclinic {seed}": random_cell(seed, 3 + seed) for seed in range(4)},
}


def graph(structures, **options) -> Graphs:
    ids = [f"m{i}" for i in range(len(structures))]
    config = CrystalGraphConfig(**options)
    return CrystalGraph(config).featurize(Materials.from_structures(ids, structures))


def edge_kinds(structure) -> Counter:
    """Count (species, species, distance): what must not depend on how a crystal is written."""
    one = graph([structure])
    z = one.numbers
    steps = np.rint(one.distance.astype(np.float64) / 1e-3).astype(int)
    return Counter(zip(z[one.src].tolist(), z[one.dst].tolist(), steps.tolist(), strict=True))


@pytest.mark.parametrize("name", CRYSTALS)
def test_distances_are_those_of_the_nearest_pymatgen_neighbors(name):
    structure = CRYSTALS[name]
    ours = graph([structure]).distance.reshape(len(structure), 12)
    for row, neighbors in zip(ours, structure.get_all_neighbors(8.0), strict=True):
        theirs = sorted(float(x.nn_distance) for x in neighbors)
        assert len(theirs) >= 12
        np.testing.assert_allclose(row, theirs[:12], atol=2e-5)


@pytest.mark.parametrize("name", CRYSTALS)
def test_edges_equal_all_pairs_within_eight_angstrom_then_the_nearest(name):
    structure = CRYSTALS[name]
    src, dst, image, distance = structure.get_neighbor_list(8.0)
    steps = np.rint(distance / 1e-5).astype(int)
    z = np.asarray([site.specie.Z for site in structure])
    expected = []
    for atom in range(len(structure)):
        near = [
            (steps[p], z[dst[p]], dst[p], *image[p].astype(int))
            for p in np.flatnonzero(src == atom)
        ]
        kept = [(atom, d, j, a, b, c) for d, _, j, a, b, c in sorted(near)[:12]]
        expected.extend(sorted(kept))
    one = graph([structure])
    got_steps = np.rint(one.distance.astype(np.float64) / 1e-5).astype(int)
    got = [
        (s, d, j, *m)
        for s, d, j, m in zip(one.src, got_steps, one.dst, one.image.tolist(), strict=True)
    ]
    assert [tuple(map(int, x)) for x in got] == [tuple(map(int, x)) for x in expected]


@pytest.mark.parametrize("name", CRYSTALS)
def test_the_image_of_each_edge_gives_its_distance(name):
    structure = CRYSTALS[name]
    one = graph([structure])
    cart = structure.cart_coords
    there = cart[one.dst] + one.image.astype(np.float64) @ structure.lattice.matrix
    np.testing.assert_allclose(
        np.linalg.norm(there - cart[one.src], axis=1), one.distance, atol=2e-5
    )


@pytest.mark.parametrize("name", CRYSTALS)
def test_whole_shells_are_all_neighbors_as_near_as_the_last(name):
    structure = CRYSTALS[name]
    one = graph([structure], shells="whole")
    cart = structure.cart_coords
    for atom, neighbors in enumerate(structure.get_all_neighbors(8.0)):
        reach = sorted(float(x.nn_distance) for x in neighbors)[11] + 0.01
        wanted = [x.coords - cart[atom] for x in neighbors if x.nn_distance <= reach]
        got = one.vector[one.src == atom]
        assert len(got) == len(wanted) >= 12
        gap = np.linalg.norm(got[:, None] - np.array(wanted)[None], axis=2)
        assert gap.min(axis=0).max() < 2e-5
        assert gap.min(axis=1).max() < 2e-5
    assert one.edge_offsets.tolist() == [0, len(one.src)]


def test_vectors_of_rock_salt_by_hand():
    one = graph([CRYSTALS["rock salt"]], neighbors=6, shells="whole")
    for atom in range(8):
        vectors = one.vector[one.src == atom]
        wanted = [sign * row for row in np.eye(3) * 2.82 for sign in (-1, 1)]
        order = np.lexsort(np.rint(vectors.T * 1e3))
        np.testing.assert_allclose(vectors[order], sorted(wanted, key=lambda v: tuple(v[::-1])))


def test_rock_salt_by_hand():
    one = graph([CRYSTALS["rock salt"]])
    rows = one.distance.reshape(8, 12)
    np.testing.assert_allclose(rows[:, :6], 2.82, atol=1e-5)
    np.testing.assert_allclose(rows[:, 6:], 5.64 / np.sqrt(2), atol=1e-5)


@pytest.mark.parametrize("name", CRYSTALS)
def test_a_shift_of_the_origin_changes_no_edge_kind(name):
    structure = CRYSTALS[name]
    moved = Structure(
        structure.lattice,
        structure.species,
        structure.frac_coords + SHIFT,
    )
    assert edge_kinds(moved) == edge_kinds(structure)


@pytest.mark.parametrize("name", CRYSTALS)
def test_the_order_of_sites_changes_no_edge_kind(name):
    structure = CRYSTALS[name]
    order = np.random.default_rng(1).permutation(len(structure))
    mixed = Structure(
        structure.lattice, [structure.species[i] for i in order], structure.frac_coords[order]
    )
    assert edge_kinds(mixed) == edge_kinds(structure)


@pytest.mark.parametrize("name", CRYSTALS)
def test_a_supercell_has_the_same_edge_kinds_eight_times(name):
    structure = CRYSTALS[name]
    kinds = edge_kinds(structure)
    large = structure.copy()
    large.make_supercell([2, 2, 2])
    assert edge_kinds(large) == Counter({kind: 8 * count for kind, count in kinds.items()})


def test_edges_are_sorted_and_every_atom_has_exactly_k():
    both = graph(list(CRYSTALS.values()), neighbors=7)
    assert both.edge_offsets.tolist() == (both.node_offsets * 7).tolist()
    for i in range(len(both)):
        one = both.take([i])
        assert np.bincount(one.src).tolist() == [7] * len(one.numbers)
        keys = (*one.image.T[::-1], one.dst, one.distance, one.src)
        assert np.lexsort(keys).tolist() == list(range(len(one.src)))


@pytest.mark.parametrize("shells", ["cut", "whole"])
def test_a_crystal_alone_gives_the_bytes_it_gives_in_a_batch(shells):
    structures = list(CRYSTALS.values()) * 30  # more than one block
    together = graph(structures, shells=shells)
    for i in (0, 3, 255, 256, 299):
        alone = graph([structures[i]], shells=shells).to_arrays()
        for field, values in together.take([i]).to_arrays().items():
            assert values.tobytes() == alone[field].tobytes()


def test_a_sparse_crystal_still_gets_every_edge():
    gas = Structure(Lattice.cubic(15), ["Xe"], [[0, 0, 0]])
    np.testing.assert_allclose(graph([gas]).distance, [15] * 6 + [15 * 2**0.5] * 6, rtol=1e-6)


def test_a_sparse_crystal_can_be_refused_by_its_id():
    gas = Structure(Lattice.cubic(7.5), ["Xe"], [[0, 0, 0]])
    with pytest.raises(DataError, match="id m0: an atom has 6 neighbors within 8 Å, 12 are needed"):
        graph([gas], sparse="refuse")
    assert len(graph([gas], sparse="refuse", neighbors=6).src) == 6
    assert len(graph([gas], sparse="refuse", radius=11).src) == 12


def test_formulas_are_refused():
    formulas = Materials.from_formulas(["a"], ["NaCl"])
    with pytest.raises(DataError, match="needs crystal structures"):
        CrystalGraph(CrystalGraphConfig()).featurize(formulas)


def test_a_cell_skewed_beyond_any_image_number_is_refused_by_its_id():
    skewed = Structure([[3, 0, 0], [600, 3, 0], [0, 0, 3]], ["Po"], [[0, 0, 0]])
    with pytest.raises(DataError, match="id m1: a neighbor is more than 127 cells away"):
        graph([CRYSTALS["one atom"], skewed])


def test_no_crystals_give_no_graphs():
    empty = Materials.from_structures([], [])
    assert len(CrystalGraph(CrystalGraphConfig()).featurize(empty)) == 0


def test_vectors_follow_their_edges_through_take_join_and_storage():
    whole = graph(list(CRYSTALS.values()), shells="whole")
    parts = [whole.take([4]), whole.take([1, 0])]
    joined = concatenate(parts)
    assert joined.fingerprint == whole.take([4, 1, 0]).fingerprint
    alone = graph([CRYSTALS["one atom"]], shells="whole")
    np.testing.assert_array_equal(joined.vector[: len(alone.vector)], alone.vector)
    assert len(alone.vector) == 18  # 6 at a, all 12 at a √2 and not half of them
    assert Graphs.from_arrays(whole.to_arrays()).fingerprint == whole.fingerprint


def test_graphs_need_no_vectors_but_cannot_be_joined_with_ones_that_have_them():
    whole = graph(list(CRYSTALS.values()), shells="whole")
    bare = replace(whole, vector=None)
    assert "vector" not in bare.to_arrays()
    assert bare.take([2]).vector is None
    assert concatenate([bare, bare]).vector is None
    with pytest.raises(DataError, match="only some of the parts know the vectors"):
        concatenate([bare, whole])
    with pytest.raises(DataError, match="vectors of shape"):
        replace(whole, vector=whole.vector[1:])


def test_only_whole_shells_have_directions_and_they_keep_the_contract():
    component, _ = find_component("crystal_graph", "featurizer")
    assert component.provides_of(CrystalGraphConfig()) == {"features:graphs"}
    assert graph([CRYSTALS["hcp"]]).vector is None
    results = run_contract(component, "featurizer", options={"shells": "whole"})
    assert [(r.name, r.message) for r in results if r.broken] == []
    outcomes = {r.name: r.outcome for r in results}
    assert outcomes["directions_are_displacements"] == "passed"
    assert outcomes["directions_are_those_of_the_crystal"] == "passed"
