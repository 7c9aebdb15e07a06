"""What each split promises, on small hand-made data."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_core.api import Config, DataError, FitContext, Materials, Split, SplitRequest
from atlas_core.testing import find_component
from atlas_splits import (
    cluster,
    hooks,
    kfold,
    leave_elements_out,
    leave_group_out,
    matbench_folds,
    random,
    target_tail,
)

FORMULAS = ["LiF", "NaF", "KF", "MgF2", *["Fe2O3", "FeO", "NiO", "CoO", "ZnO", "TiO2"] * 6]


def request(formulas=FORMULAS, *, target=None, columns=None, task="regression", seed=3):
    ids = [f"m{i}" for i in range(len(formulas))]
    return SplitRequest(
        materials=Materials.from_formulas(ids, formulas),
        columns={} if columns is None else columns,
        context=FitContext(seed, task),
        target=target,
    )


def cut(module, config: Config, given: SplitRequest) -> list[Split]:
    name = module.__name__.rpartition(".")[2]
    return list(find_component(name, "split")[0].build(config).split(given))


def rows_of(split: Split) -> list[int]:
    return sorted(np.concatenate(list(split.parts().values())).tolist())


N = len(FORMULAS)
TARGET = np.arange(N, dtype=np.float64)
SPLITS = {
    "random": (random, hooks.RandomConfig()),
    "kfold": (kfold, hooks.KFoldConfig()),
    "matbench_folds": (matbench_folds, hooks.MatbenchFoldsConfig()),
    "leave_elements_out": (leave_elements_out, hooks.LeaveElementsOutConfig()),
    "leave_group_out": (leave_group_out, hooks.LeaveGroupOutConfig(min_group=5)),
    "cluster": (cluster, hooks.ClusterConfig(clusters=3)),
    "target_tail": (target_tail, hooks.TargetTailConfig()),
}


@pytest.mark.parametrize("name", SPLITS)
def test_every_fold_uses_every_row_once(name):
    module, config = SPLITS[name]
    folds = cut(module, config, request(target=TARGET))
    assert len({fold.name for fold in folds}) == len(folds)
    for fold in folds:
        assert rows_of(fold) == list(range(N))


@pytest.mark.parametrize("name", SPLITS)
def test_the_same_seed_gives_the_same_rows_and_touches_no_global_state(name):
    module, config = SPLITS[name]
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is the subject
    first = cut(module, config, request(target=TARGET))
    second = cut(module, config, request(target=TARGET))
    for one, two in zip(first, second, strict=True):
        for part in one.parts():
            assert one.parts()[part].tolist() == two.parts()[part].tolist()
    after = np.random.get_state()[1]  # noqa: NPY002
    assert (before == after).all()


def test_random_parts_have_the_asked_sizes_and_change_with_the_seed():
    config = hooks.RandomConfig(calibration=0.25, test=0.5)
    (one,) = cut(random, config, request(seed=1))
    (two,) = cut(random, config, request(seed=2))
    assert (len(one.train), len(one.calibration), len(one.test)) == (10, 10, 20)
    assert one.test.tolist() != two.test.tolist()


def test_random_with_groups_keeps_every_formula_in_one_part():
    config = hooks.RandomConfig(calibration=0.2, test=0.2, group_by_formula=True)
    given = request()
    (fold,) = cut(random, config, given)
    formulas = np.asarray(given.materials.formulas())
    parts = [set(formulas[fold.parts()[p]]) for p in ("train", "calibration", "test")]
    assert sum(map(len, parts)) == len(set(formulas))
    assert all(parts)


def test_random_without_calibration_and_test_fraction_of_one_is_refused():
    with pytest.raises(ValueError, match="nothing to train on"):
        hooks.RandomConfig(calibration=0.5, test=0.5)


def test_random_on_too_few_rows_says_which_part_is_empty():
    with pytest.raises(DataError, match="2 in-domain rows leave none for train"):
        cut(random, hooks.RandomConfig(), request(["LiF", "NaF"]))


def test_kfold_tests_every_row_once_with_sizes_that_differ_by_one_at_most():
    folds = cut(kfold, hooks.KFoldConfig(folds=7, calibration=0.1), request())
    tested = np.concatenate([fold.test for fold in folds])
    assert sorted(tested.tolist()) == list(range(N))
    assert {len(fold.test) for fold in folds} == {N // 7, N // 7 + 1}
    assert all(len(fold.calibration) == round(0.1 * (N - len(fold.test))) for fold in folds)


def test_kfold_without_shuffle_cuts_blocks_in_file_order():
    folds = cut(kfold, hooks.KFoldConfig(folds=4, shuffle=False, calibration=0), request())
    assert [fold.test.tolist() for fold in folds] == [
        list(range(start, start + 10)) for start in (0, 10, 20, 30)
    ]
    assert all(len(fold.calibration) == 0 for fold in folds)


def test_kfold_with_groups_never_tests_a_formula_it_trained_on():
    given = request()
    formulas = np.asarray(given.materials.formulas())
    for fold in cut(kfold, hooks.KFoldConfig(group_by_formula=True), given):
        learned = set(formulas[fold.train]) | set(formulas[fold.calibration])
        assert not learned & set(formulas[fold.test])


def test_kfold_with_fewer_rows_than_folds_says_so():
    with pytest.raises(DataError, match="3 rows cannot make 5 folds"):
        cut(kfold, hooks.KFoldConfig(), request(["LiF", "NaF", "KF"]))


def test_leave_elements_out_holds_out_exactly_the_fluorides():
    config = hooks.LeaveElementsOutConfig(elements=["F"])
    (fold,) = cut(leave_elements_out, config, request())
    assert fold.ood_test.tolist() == [0, 1, 2, 3]
    assert (len(fold.test), len(fold.calibration)) == (5, 5)  # round(0.15 * 36)
    assert fold.held_out == "materials with F"
    assert fold.name == "without F"


def test_leave_elements_out_takes_a_material_with_any_of_the_elements():
    config = hooks.LeaveElementsOutConfig(elements=["F", "Ti"])
    (fold,) = cut(leave_elements_out, config, request())
    assert fold.ood_test.tolist() == [0, 1, 2, 3, *range(9, N, 6)]
    assert fold.held_out == "materials with F or Ti"


def test_an_unknown_element_symbol_names_close_ones():
    with pytest.raises(ValueError, match="unknown element symbol 'fe'; did you mean Fe"):
        hooks.LeaveElementsOutConfig(elements=["fe"])


def test_an_element_in_no_material_is_an_error_that_names_it():
    config = hooks.LeaveElementsOutConfig(elements=["F", "Cl"])
    with pytest.raises(DataError, match="no material contains Cl"):
        cut(leave_elements_out, config, request())


def test_elements_in_every_material_leave_nothing_to_train_on():
    config = hooks.LeaveElementsOutConfig(elements=["F", "O"])
    with pytest.raises(DataError, match="all 40 rows are materials with F or O"):
        cut(leave_elements_out, config, request())


def test_leave_group_out_holds_out_the_given_values_whatever_their_type():
    groups = np.asarray([225.0] * 10 + [62.0] * 10 + [np.nan] * 20)
    for value in (225, 225.0, "225"):
        config = hooks.LeaveGroupOutConfig(column="space_group", values=[value])
        (fold,) = cut(leave_group_out, config, request(columns={"space_group": groups}))
        assert fold.ood_test.tolist() == list(range(10))
        assert fold.held_out == "materials with space_group 225"


def test_leave_group_out_holds_out_each_large_group_in_turn_and_never_a_missing_value():
    groups = np.asarray(["cubic"] * 8 + ["hexagonal"] * 12 + ["triclinic"] * 2 + [""] * 18)
    config = hooks.LeaveGroupOutConfig(column="system", min_group=5)
    folds = cut(leave_group_out, config, request(columns={"system": groups}))
    assert [fold.name for fold in folds] == ["without system hexagonal", "without system cubic"]
    assert [len(fold.ood_test) for fold in folds] == [12, 8]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("chemical_system", "F-Li", [0]),
        ("formula", "Fe2O3", list(range(4, N, 6))),
        ("n_elements", 2, None),
    ],
)
def test_leave_group_out_derives_columns_from_formulas(column, value, expected):
    config = hooks.LeaveGroupOutConfig(column=column, values=[value])
    if expected is None:
        with pytest.raises(DataError, match="all 40 rows"):
            cut(leave_group_out, config, request())
        return
    (fold,) = cut(leave_group_out, config, request())
    assert fold.ood_test.tolist() == expected


def test_an_unknown_column_names_the_closest_and_lists_all():
    config = hooks.LeaveGroupOutConfig(column="spacegroup")
    message = (
        "unknown column 'spacegroup'; did you mean 'space_group'\\? there are: anion_family,"
        " anonymous_formula, chemical_system, crystal_system, element, formula, n_elements,"
        " periodic_group, periodic_row, prototype, space_group"
    )
    with pytest.raises(DataError, match=message):
        cut(leave_group_out, config, request(columns={"space_group": np.zeros(N)}))


def test_an_unknown_value_names_the_column_and_what_is_there():
    config = hooks.LeaveGroupOutConfig(column="n_elements", values=[7])
    with pytest.raises(DataError, match="no row has n_elements '7'; there are: 2"):
        cut(leave_group_out, config, request())


def test_no_group_large_enough_says_what_to_change():
    config = hooks.LeaveGroupOutConfig(min_group=30)
    with pytest.raises(DataError, match="has 30 rows; lower min_group"):
        cut(leave_group_out, config, request())


def test_cluster_separates_chemistries_that_share_no_element():
    formulas = ["LiF", "Li2F2", "Li3F2"] * 6 + ["FeO", "Fe2O3", "Fe3O4"] * 5 + ["AgI", "AgI2"] * 5
    given = request(formulas)
    folds = cut(cluster, hooks.ClusterConfig(clusters=3), given)
    assert [fold.ood_test.tolist() for fold in folds] == [
        list(range(18)),
        list(range(18, 33)),
        list(range(33, 43)),
    ]
    assert "Li" in folds[0].held_out


def test_cluster_with_fewer_compositions_than_clusters_says_so():
    with pytest.raises(DataError, match="2 different compositions cannot make 5 clusters"):
        cut(cluster, hooks.ClusterConfig(), request(["LiF", "NaF"] * 20))


@pytest.mark.parametrize(
    ("tail", "expected", "words"),
    [("high", [36, 37, 38, 39], "target >= 36"), ("low", [0, 1, 2, 3], "target <= 3")],
)
def test_target_tail_holds_out_the_extreme_rows(tail, expected, words):
    (fold,) = cut(target_tail, hooks.TargetTailConfig(tail=tail), request(target=TARGET))
    assert fold.ood_test.tolist() == expected
    assert fold.held_out == f"materials with {words}"


def test_target_tail_keeps_equal_targets_together():
    target = np.where(np.arange(N) < 15, 0.0, TARGET)
    config = hooks.TargetTailConfig(tail="low", fraction=0.1)
    (fold,) = cut(target_tail, config, request(target=target))
    assert fold.ood_test.tolist() == list(range(15))


def test_target_tail_of_a_constant_target_leaves_nothing_to_train_on():
    with pytest.raises(DataError, match="nothing to train on"):
        cut(target_tail, hooks.TargetTailConfig(), request(target=np.ones(N)))


def test_target_tail_refuses_a_binary_target():
    with pytest.raises(DataError, match="0/1 target has no tail"):
        cut(
            target_tail,
            hooks.TargetTailConfig(),
            request(target=np.zeros(N), task="binary"),
        )


def test_too_few_rows_of_a_class_for_stratified_folds_is_an_error():
    target = np.zeros(N)
    target[:3] = 1
    config = hooks.MatbenchFoldsConfig()
    with pytest.raises(DataError, match="the rarer class has 3 rows"):
        cut(matbench_folds, config, request(target=target, task="binary"))
    with pytest.raises(DataError, match="4 rows cannot make 5 folds"):
        cut(matbench_folds, config, request(["LiF"] * 4))


def test_a_calibration_part_leaves_the_official_test_folds_alone():
    plain = cut(matbench_folds, hooks.MatbenchFoldsConfig(), request())
    config = hooks.MatbenchFoldsConfig(calibration=0.25)
    for one, two in zip(plain, cut(matbench_folds, config, request()), strict=True):
        assert one.test.tolist() == two.test.tolist()
        assert len(two.calibration) == 8
        assert sorted([*two.train, *two.calibration]) == one.train.tolist()
