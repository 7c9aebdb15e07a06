"""Splits that measure distance: clusters, sparse regions, near formulas; and sizes."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_core.api import DataError, FitContext, Materials, Split, SplitRequest
from atlas_core.testing import find_component
from atlas_core.testing.samples import moved, rotation_matrix, supercell, toy_dataset
from atlas_reading import structure_of
from atlas_splits import cluster, distinct, hooks, size_shift, sparse
from atlas_splits._representation import describe, shells
from atlas_splits.distinct import near_formulas

COMMON = ["Fe2O3", "FeO", "Fe3O4", "Fe4O5"]


def request(formulas, *, target=None, seed=3, task="regression") -> SplitRequest:
    materials = Materials.from_formulas([f"m{i:03d}" for i in range(len(formulas))], formulas)
    return SplitRequest(materials, {}, FitContext(seed, task), target)


def cut(module, config, given) -> list[Split]:
    name = module.__name__.rpartition(".")[2]
    return list(find_component(name, "split")[0].build(config).split(given))


def test_shells_of_simple_cubic_by_hand():
    crystal = Materials(
        np.array(["po"]), [0, 1], [84], [1.0], np.zeros((1, 3)), np.eye(3)[None] * 3.34
    )
    # six neighbors at the edge of the cell, twelve at the diagonal of a face
    expected = [1, 1, 1, 1, np.sqrt(2), np.sqrt(2), *[0] * 6]
    np.testing.assert_allclose(shells(crystal)[0], expected, atol=1e-12)


def test_shells_of_skewed_cells_equal_pymatgens_neighbors():
    pytest.importorskip("pymatgen.core")
    rng = np.random.default_rng(4)
    lattice = np.array([[4.0, 0, 0], [3.1, 2.2, 0], [1.5, 1.0, 5.0]])
    crystal = Materials(
        np.array(["x"]), [0, 3], [1, 2, 3], np.ones(3), rng.random((3, 3)) * 3 - 1, lattice[None]
    )
    edge = np.cbrt(np.linalg.det(lattice) / 3)
    found = structure_of(crystal, 0).get_all_neighbors(2.5 * edge)
    rows = np.array([sorted(n.nn_distance for n in site)[:12] for site in found]) / edge
    mean = rows.mean(axis=0)[[0, 1, 3, 5, 7, 11]]
    np.testing.assert_allclose(shells(crystal)[0, :6], mean, rtol=1e-9)


def test_shells_do_not_change_with_a_supercell_a_shift_or_a_rotation():
    crystals = toy_dataset().materials
    plain = shells(crystals)
    np.testing.assert_allclose(shells(supercell(crystals)), plain, atol=1e-9)
    turned = moved(crystals, shift=np.array([0.3, 0.1, 0.7]), rotation=rotation_matrix())
    np.testing.assert_allclose(shells(turned), plain, atol=1e-9)


def test_clusters_of_structures_do_not_read_elements():
    data = toy_dataset()
    config = hooks.ClusterConfig(clusters=3, representation="structure")
    folds = cut(cluster, config, SplitRequest(data.materials, {}, FitContext(0)))
    prototypes = np.array([data.columns["space_group"][fold.ood_test] for fold in folds], object)
    assert sorted(len(set(groups)) for groups in prototypes) == [1, 1, 1]
    assert {int(groups[0]) for groups in prototypes} == {225, 221, 187}


def test_structure_of_formulas_is_refused():
    with pytest.raises(DataError, match="no structures"):
        describe(request(COMMON).materials, "structure")
    component, _ = find_component("cluster", "split")
    requires = component.requires_of(hooks.ClusterConfig(representation="structure"))
    assert requires == {"inputs:structure"}


def test_sparse_materials_are_the_lonely_ones():
    formulas = COMMON * 40 + ["CsI", "RbI", "CsBr"]
    config = hooks.SparseConfig(points=3, neighbors=0, candidates=0.01, representation="fractions")
    (fold,) = cut(sparse, config, request(formulas))
    assert fold.ood_test.tolist() == [160, 161, 162]
    assert fold.held_out == "materials in sparse regions of the fractions"


def test_sparse_points_take_their_neighbors_along():
    formulas = COMMON * 40 + ["CsI", "Cs2I3"] + ["Cs3I4"]
    config = hooks.SparseConfig(points=1, neighbors=2, candidates=0.01, representation="fractions")
    (fold,) = cut(sparse, config, request(formulas))
    assert fold.ood_test.tolist() == [160, 161, 162]


def test_sparse_targets_are_those_far_from_others():
    target = np.concatenate([np.linspace(0, 1, 198), [50.0, -40.0]])
    config = hooks.SparseConfig(
        space="target", points=2, neighbors=0, candidates=0.01, pooled=False
    )
    folds = cut(sparse, config, request(COMMON * 50, target=target))
    assert [fold.ood_test.tolist() for fold in folds] == [[198], [199]]  # 49 away, then 40
    component, _ = find_component("sparse", "split")
    assert component.requires_of(config) == {"target", "task:regression"}


def test_sparse_refuses_what_it_cannot_do():
    config = hooks.SparseConfig(space="target")
    with pytest.raises(DataError, match="0/1 target"):
        cut(sparse, config, request(COMMON * 30, target=np.zeros(120), task="binary"))
    with pytest.raises(DataError, match="20 rows are too few for 50 points"):
        cut(sparse, hooks.SparseConfig(), request(COMMON * 5))


@pytest.mark.parametrize(
    ("options", "expected", "words"),
    [  # 10 rows with 2 atoms, 10 with 5, 20 with 7, 10 with 9
        ({"fraction": 0.2}, ["Fe4O5"], "9 or more atoms in the formula"),
        ({"fraction": 0.3}, ["Fe3O4", "Fe4O5"], "7 or more atoms in the formula"),
        ({"fraction": 0.1, "side": "small"}, ["FeO"], "2 or fewer atoms in the formula"),
    ],
)
def test_size_shift_holds_out_one_end_and_keeps_equal_sizes_together(options, expected, words):
    formulas = np.array(COMMON * 10 + ["Fe3O4"] * 10)
    (fold,) = cut(size_shift, hooks.SizeShiftConfig(**options), request(formulas.tolist()))
    assert fold.ood_test.tolist() == np.flatnonzero(np.isin(formulas, expected)).tolist()
    assert fold.held_out == f"materials with {words}"


def test_materials_of_one_size_leave_nothing_to_train_on():
    config = hooks.SizeShiftConfig(measure="elements")
    with pytest.raises(DataError, match="all 40 rows"):
        cut(size_shift, config, request(COMMON * 10))


def test_size_shift_counts_the_sites_of_a_cell_where_it_is_known():
    data = toy_dataset()
    given = SplitRequest(data.materials, {}, FitContext(0))
    (fold,) = cut(size_shift, hooks.SizeShiftConfig(), given)
    assert fold.held_out == "materials with 5 or more atoms in the cell"
    assert (data.materials.counts[fold.ood_test] == 5).all()


def test_near_formulas_chain_into_one_group():
    # one atom of 100 moves a binary by sqrt(2) / 100
    texts = ["Fe50O50", "Fe51O49", "Fe52O48", "Fe60O40", "FeO", "NiO"]
    materials = request(texts).materials
    groups = near_formulas(materials, 0.015)
    assert groups[0] == groups[1] == groups[2] == groups[4]
    assert len({groups[0], groups[3], groups[5]}) == 3
    assert len(set(near_formulas(materials, 0).tolist())) == 5  # FeO is Fe50O50


def test_distinct_never_lets_a_near_formula_cross_the_border():
    rng = np.random.default_rng(0)
    metals = ["Fe", "Co", "Ni", "Cu", "Zn", "Mn", "Ti", "Cr"]
    texts = [
        f"{metals[rng.integers(8)]}{rng.integers(40, 60)}O{rng.integers(40, 60)}"
        for _ in range(300)
    ]
    given = request(texts)
    (fold,) = cut(distinct, hooks.DistinctConfig(distance=0.01), given)
    table = given.materials.element_fractions()
    for part in (fold.test, fold.calibration):
        gap = np.linalg.norm(table[part][:, None] - table[fold.train][None], axis=2)
        assert gap.min() > 0.01
    assert len(fold.test) >= 45
    assert len(fold.calibration) >= 45


def test_a_distance_that_joins_everything_says_so():
    with pytest.raises(DataError, match=r"joins 40 of 40 rows.*smaller distance"):
        cut(distinct, hooks.DistinctConfig(distance=0.5), request(COMMON * 10))
