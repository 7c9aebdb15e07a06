"""The one table of predictions: types, names, parts, arms, levels, and what a file may hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import Predictions
from atlas_core.data.tables import columns_of, ends, read_table, write_table
from atlas_core.errors import DataError

LEVEL = 0.1 + 0.2  # 0.30000000000000004: its name must be exact


def table(n: int = 4, **columns: Any) -> Predictions:
    """Return rows of two arms, the second half shifted."""
    given: dict[str, Any] = {
        "ids": np.array([f"m{i}" for i in range(n)]),
        "arm": np.array(["b", "a"] * (n // 2)),
        "fold": np.full(n, "f"),
        "parts": np.repeat(["test", "ood_test"], n // 2),
        "target": np.arange(n) / 10,
        "mean": np.arange(n) / 5,
        "lower": {LEVEL: np.arange(n) - 1.0, 0.9: np.full(n, -np.inf)},
        "upper": {LEVEL: np.arange(n) + 1.0, 0.9: np.full(n, np.nan)},
    }
    return Predictions(**{**given, **columns})


def same(one: Predictions, other: Predictions) -> None:
    a, b = one.to_columns(), other.to_columns()
    assert list(a) == list(b)
    for name, values in a.items():
        np.testing.assert_array_equal(values, b[name], err_msg=name)


def test_what_is_not_given_is_unknown() -> None:
    rows = table()
    assert np.isnan(rows.std).all()
    assert np.isnan(rows.ood_score).all()
    assert not rows.outside.any()
    assert rows.reason.tolist() == [""] * 4
    assert (rows.has_std, rows.has_score, rows.has_intervals) == (False, False, True)


def test_a_file_gives_back_every_column_under_its_name(tmp_path: Path) -> None:
    rows = table(std=np.ones(4), reason=np.array(["", "far", "", "é"]), outside=np.arange(4) > 2)
    path = tmp_path / "predictions.parquet"
    rows.to_parquet(path)
    assert list(read_table(path)) == [
        *("id", "formula", "arm", "fold", "part", "target", "mean", "baseline", "std_epistemic"),
        *("std_aleatoric", "std", "ood_score", "outside", "reason"),
        *("lower_0.30000000000000004", "upper_0.30000000000000004", "lower_0.9", "upper_0.9"),
    ]
    again = Predictions.from_parquet(path)
    same(again, rows)
    assert again.levels == (LEVEL, 0.9)
    again.to_parquet(tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == path.read_bytes()


def test_parts_arms_and_levels_are_taken_out() -> None:
    rows = table()
    assert rows.part("ood_test").ids.tolist() == ["m2", "m3"]
    assert len(rows.part("calibration")) == 0
    assert {arm: own.ids.tolist() for arm, own in rows.by_arm().items()} == {
        "b": ["m0", "m2"],
        "a": ["m1", "m3"],
    }
    assert list(rows.by_arm()) == ["b", "a"]  # in the order of their first rows
    assert rows.at_levels([0.5, 0.9]).levels == (0.9,)
    assert rows.take(np.array([3, 0])).lower[LEVEL].tolist() == [2.0, -1.0]
    same(Predictions.stacked([rows.take(np.array([0])), rows.take(np.array([1, 2, 3]))]), rows)
    assert rows.error.tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": np.zeros(3)}, "column 'mean' is float64 of shape"),
        ({"mean": np.full(4, "0")}, "column 'mean' is <U1"),
        ({"outside": np.zeros(4)}, "column 'outside' is float64"),
        ({"upper": {}}, "one end only"),
        ({"upper": {LEVEL: np.zeros(4), 0.9: np.zeros(3)}}, "an end of intervals"),
    ],
    ids=str,
)
def test_a_table_that_does_not_fit_together_is_refused(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        table(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": None}, "x: column 'mean' is missing"),
        ({"std": np.full(4, "much")}, "x: column 'std' holds no numbers"),
        ({"lower_90": np.zeros(4)}, "x: column 'lower_90' names no level between 0 and 1"),
        ({"lower_most": np.zeros(4)}, "x: column 'lower_most' names no level"),
        ({"lower_0.5": np.zeros(4)}, "x: an interval has one end only"),
    ],
    ids=str,
)
def test_columns_of_a_file_that_are_not_its_own_are_named(
    change: dict[str, Any], message: str
) -> None:
    columns = {k: v for k, v in (table().to_columns() | change).items() if v is not None}
    with pytest.raises(DataError, match=message):
        Predictions.from_columns(columns, "x")


def test_whole_numbers_and_missing_texts_and_flags_of_a_file_are_read() -> None:
    columns = table().to_columns()
    columns["mean"] = np.arange(4)
    columns["formula"] = np.array(["NaCl", None, "MgO", None], dtype=object)
    columns["outside"] = np.array([True, None, False, True], dtype=object)
    rows = Predictions.from_columns(columns)
    assert rows.mean.dtype == np.float64
    assert rows.formula.tolist() == ["NaCl", "", "MgO", ""]
    assert rows.outside.tolist() == [True, False, False, True]


def test_a_row_without_a_number_is_named() -> None:
    with pytest.raises(DataError, match="row 2, id 'm1': target or mean is not finite"):
        table(target=np.array([0.0, np.nan, 1.0, np.inf])).require_finite()
    table().require_finite()


def test_ends_at_a_level_that_is_not_given_are_unknown() -> None:
    given, low, high = np.array([0.5, 0.9]), np.array([[1.0], [0.0]]), np.array([[2.0], [3.0]])
    lower, upper = ends((0.9, 0.8), given, low, high, 1)
    assert (lower[0.9].tolist(), upper[0.9].tolist()) == ([0.0], [3.0])
    assert np.isnan([lower[0.8], upper[0.8]]).all()
    assert np.isnan(ends((0.9,), None, None, None, 2)[0][0.9]).all()


def test_a_data_frame_holds_the_columns_of_the_file() -> None:
    pandas = pytest.importorskip("pandas")
    rows = table()
    frame = rows.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == list(rows.to_columns())
    assert frame.loc[frame["part"] == "ood_test", "id"].tolist() == ["m2", "m3"]


def test_neither_pandas_nor_pyarrow_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import sys; import atlas_core.data.predictions, atlas_core.data.assessments;"
        "sys.exit(bool({'pandas', 'pyarrow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_assessments_are_such_a_table_of_their_own(tmp_path: Path) -> None:
    n = 4
    said = Assessments(
        arm=np.full(n, "a"),
        fold=np.full(n, "f"),
        ids=np.array(["x", "y"] * 2),
        target=np.zeros(n),
        mean=np.array([0.1, 0.3, 0.1, 0.3]),
        parts=np.full(n, "test"),
        method=np.repeat(["one", "two"], 2),
        error_tolerance=np.full(n, 0.2),
        target_reliability=np.full(n, 0.9),
        expected_error=np.full(n, 0.2),
        label=np.array(["trust", "verify"] * 2),
    )
    path = tmp_path / "trust.parquet"
    said.to_parquet(path)
    again = Assessments.from_parquet(path)
    assert again.of("two").error.tolist() == pytest.approx([0.1, 0.3])
    assert len(again.part("ood_test")) == 0
    write_table(path, {k: v for k, v in columns_of(said).items() if k != "label"})
    with pytest.raises(DataError, match="column 'label' is missing"):
        Assessments.from_parquet(path)
