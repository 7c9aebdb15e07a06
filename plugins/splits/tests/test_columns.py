"""What columns are derived from materials, and folds of whole groups."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_core.api import DataError, FitContext, Materials, Split, SplitRequest
from atlas_core.testing.samples import toy_dataset
from atlas_reading import structure_of
from atlas_splits import hooks, leave_group_out
from atlas_splits._columns import anonymous_formulas, groups_of

OXIDES = ["Li2O", "La2O3", "UO2", "Fe2O3", "SrTiO3", "NaCl", "LiF", "Fe3C", "NiAl", "GaN"]


def request(formulas=OXIDES, *, columns=None, seed=3, copies=1) -> SplitRequest:
    texts = list(formulas) * copies
    materials = Materials.from_formulas([f"m{i:03d}" for i in range(len(texts))], texts)
    return SplitRequest(materials, columns or {}, FitContext(seed))


def cut(given: SplitRequest, **options) -> list[Split]:
    config = hooks.LeaveGroupOutConfig(**options)
    return list(leave_group_out.LeaveGroupOut(config).split(given))


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("element", "Li", ["Li2O", "LiF"]),
        ("periodic_group", 1, ["Li2O", "NaCl", "LiF"]),
        ("periodic_group", "lanthanoid", ["La2O3"]),
        ("periodic_group", "actinoid", ["UO2"]),
        ("periodic_group", 13, ["NiAl", "GaN"]),
        ("periodic_row", 5, ["SrTiO3"]),
        ("periodic_row", 7, ["UO2"]),
        ("anion_family", "halide", ["NaCl"]),
        ("anion_family", "fluoride", ["LiF"]),
        ("anion_family", "intermetallic", ["NiAl"]),
        ("anonymous_formula", "AB", ["NaCl", "LiF", "NiAl", "GaN"]),
        ("prototype", "A2B3", ["La2O3", "Fe2O3"]),
        ("n_elements", 3, ["SrTiO3"]),
    ],
)
def test_derived_columns_hold_out_what_they_say(column, value, expected):
    (fold,) = cut(request(), column=column, values=[value])
    assert [OXIDES[i] for i in fold.ood_test] == expected


def test_anonymous_formulas_equal_pymatgens():
    pymatgen = pytest.importorskip("pymatgen.core")
    texts = ["SrTiO3", "Fe2O3", "Li4Ti5O12", "Fe4O6", "NaCl", "Ca3(PO4)2", "Cu"]
    found = anonymous_formulas(request(texts).materials)
    assert found == [pymatgen.Composition(t).anonymized_formula for t in texts]


def test_symmetry_of_toy_crystals_is_what_they_were_made_as():
    data = toy_dataset()
    given = SplitRequest(data.materials, {}, FitContext(0))
    for column, stated in (("space_group", "space_group"), ("crystal_system", "crystal_system")):
        found = groups_of(given, column)
        assert found is not None
        assert found.rows.tolist() == list(range(len(data)))
        assert found.names.tolist() == [str(v) for v in data.columns[stated]]


def test_a_stated_space_group_comes_before_spglib_and_makes_the_system():
    columns = {"space_group": np.array([1, 2, 3, 16, 75, 143, 168, 195, np.nan, 230])}
    found = groups_of(request(columns=columns), "crystal_system")
    assert found is not None
    assert found.rows.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 9]
    assert found.names.tolist() == [
        "triclinic", "triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal",
        "hexagonal", "cubic", "cubic",
    ]  # fmt: skip


def test_a_prototype_is_formula_and_space_group_where_it_is_known():
    columns = {"space_group": np.array([225] * 5 + [225, 225, 62, 221, 186])}
    found = groups_of(request(columns=columns), "prototype")
    assert found is not None
    assert found.names[5:].tolist() == ["AB 225", "AB 225", "AB3 62", "AB 221", "AB 186"]


def test_a_space_group_without_structures_says_what_is_missing():
    with pytest.raises(DataError, match="needs structures or a metadata column"):
        cut(request(), column="space_group")


def test_folds_deal_every_group_once_and_never_break_one():
    given = request(copies=4)
    folds = cut(given, column="chemical_system", folds=3, min_group=1)
    systems = np.array(given.materials.chemical_systems())
    held = [set(systems[fold.ood_test]) for fold in folds]
    assert [fold.name for fold in folds] == ["fold_0", "fold_1", "fold_2"]
    assert sorted(len(s) for s in held) == [3, 3, 4]
    assert set.union(*held) == set(systems)
    for fold, inside in zip(folds, held, strict=True):
        assert not inside & set(systems[np.concatenate([fold.train, fold.test])])


def test_a_nested_calibration_part_shares_no_group_with_training():
    given = request(copies=6)
    for column in ("chemical_system", "element"):
        elements = groups_of(given, column)
        assert elements is not None
        for fold in cut(given, column=column, nested=True, calibration=0.2, min_group=6, test=0.1):
            assert len(fold.calibration) > 0
            learned = np.isin(elements.rows, fold.train)
            asked = set(elements.names[np.isin(elements.rows, fold.calibration)])
            whole = asked - set(elements.names[learned])
            # each calibration row is there for a group that training never saw
            rows = set(elements.rows[np.isin(elements.names, list(whole))])
            assert set(fold.calibration.tolist()) <= rows


def test_too_few_groups_for_the_folds_says_so():
    with pytest.raises(DataError, match="10 groups of 'formula' with 1 rows cannot make 11 folds"):
        cut(request(), column="formula", folds=11, min_group=1)


def test_values_and_folds_together_are_refused():
    with pytest.raises(ValueError, match="give values or folds"):
        hooks.LeaveGroupOutConfig(values=["A"], folds=3)


def test_matfold_holds_out_the_same_rows():
    matfold = pytest.importorskip("MatFold")
    pandas = pytest.importorskip("pandas")
    data = toy_dataset()
    ids = data.materials.ids.tolist()
    frame = pandas.DataFrame({"id": ids})
    bulk = {name: structure_of(data.materials, i).as_dict() for i, name in enumerate(ids)}
    theirs = matfold.MatFold(frame, bulk).df
    given = SplitRequest(data.materials, {}, FitContext(0))
    for column, name in (("elements", "element"), ("periodictablegroups", "periodic_group")):
        ours = groups_of(given, name)
        assert ours is not None
        pairs = {(ids[row], group) for row, group in zip(ours.rows, ours.names, strict=True)}
        expected = {
            (key, str(label).removeprefix("group"))
            for key, labels in zip(theirs["structureid"], theirs[column], strict=True)
            for label in labels
        }
        assert pairs == expected
