"""Error and coverage by group: hand-counted rows, scipy's exact binomial test."""

from __future__ import annotations

import json

import numpy as np
import pytest
from from_columns import evaluate
from scipy import stats

from atlas_core import score_predictions
from atlas_evaluation.scoring import groups


@pytest.mark.parametrize(("hits", "n"), [(0, 30), (17, 30), (30, 30), (880, 1000), (1, 1)])
def test_the_binomial_interval_is_the_exact_one_of_scipy(hits: int, n: int) -> None:
    expected = stats.binomtest(hits, n).proportion_ci(0.95, method="exact")
    found = groups.binomial_interval(hits, n)
    assert found.value == hits / n
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_no_rows_are_no_share() -> None:
    with pytest.raises(ValueError, match="0 of 0"):
        groups.binomial_interval(0, 0)
    with pytest.raises(ValueError, match="4 of 3"):
        groups.binomial_interval(4, 3)


def test_a_group_of_29_rows_is_left_out_and_said_so() -> None:
    names = np.array(["a"] * 30 + ["b"] * 29 + [""] * 50)
    masks, left_out = groups.large_groups(names, np.arange(109))
    assert list(masks) == ["a"]
    assert masks["a"].tolist() == [True] * 30 + [False] * 79
    assert left_out == {"b": 29}


def test_a_group_counts_materials_not_the_folds_that_each_was_in() -> None:
    names, materials = np.array(["a"] * 60 + ["b"] * 58), np.arange(118) // 2
    masks, left_out = groups.large_groups(names, materials)
    assert (list(masks), left_out) == (["a"], {"b": 29})
    columns = table()
    again = {name: np.tile(values, 4) for name, values in columns.items()}
    again["fold"] = np.repeat(["w", "x", "y", "z"], 73)
    first, other = (
        evaluate(found, task="regression", levels=[0.9], seed=1)["arms"]["a"]
        for found in (columns, again)
    )
    assert (other["parts"]["test"]["n"], other["parts"]["test"]["n_materials"]) == (292, 73)
    own, tiled = first["families"]["test"], other["families"]["test"]
    assert tiled["left_out"] == own["left_out"]
    assert tiled["coverage"]["0.9"]["below"] == own["coverage"]["0.9"]["below"]
    for family, scores in own["groups"].items():
        assert tiled["groups"][family]["n"] == scores["n"]
        assert tiled["groups"][family]["picp_0.9"] == pytest.approx(scores["picp_0.9"])


def test_a_material_that_holds_in_three_of_four_folds_is_three_quarters_of_one() -> None:
    # 20 of 40 materials hold in all of four folds, 20 in three of them: 35 of 40
    rows = np.arange(160)
    error = np.where((rows % 4 == 3) & (rows < 80), 2.0, 0.5)
    ends = {0.9: (np.full(160, -1.0), np.full(160, 1.0))}
    found = score_predictions(
        error,
        np.zeros(160),
        intervals=ends,
        formulas=np.full(160, "MgO"),
        materials=(rows // 4).astype(str),
    )["families"]
    share = found["groups"]["oxide"]["picp_0.9"]
    wanted = stats.binomtest(35, 40).proportion_ci(0.95, method="exact")
    assert (share["value"], share["low"], share["high"]) == pytest.approx(
        (35 / 40, wanted.low, wanted.high)
    )
    p = stats.binomtest(35, 40, 0.9, alternative="less").pvalue
    assert found["coverage"]["0.9"]["p_value"] == pytest.approx(p)


def test_the_calibration_part_is_as_large_as_that_of_its_smallest_fold() -> None:
    columns = table()
    n = len(columns["id"])
    parts = [columns | {"fold": np.full(n, fold)} for fold in ("x", "y")]
    for fold, size in (("x", 30), ("y", 20)):
        part = {name: values[:size] for name, values in columns.items()}
        part |= {"fold": np.full(size, fold), "part": np.full(size, "calibration")}
        parts.append(part)
    found = evaluate(
        {name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
        task="regression",
        levels=[0.9],
        seed=1,
    )["arms"]["a"]["families"]["test"]["coverage"]["0.9"]
    # of 20 calibration materials the 19th of 21 gaps is the end
    p = stats.betabinom(30, 19, 2).cdf(21)
    assert found["p_value"] == pytest.approx(2 * p)
    assert 2 * p > 0.05
    assert found["below"] == []


def table() -> dict[str, np.ndarray]:
    """Return 40 oxides that miss 4 times, 30 fluorides that miss 9 times and 3 nitrides."""
    n = 73
    error = np.concatenate([np.full(40, 0.5), np.full(30, 0.25), np.full(3, 9.0)])
    error[:4], error[40:49] = 2.0, 1.5
    return {
        "id": np.array([f"m{i}" for i in range(n)]),
        "formula": np.array(["Fe2O3"] * 40 + ["CaF2"] * 30 + ["GaN"] * 3),
        "arm": np.full(n, "a"),
        "part": np.full(n, "test"),
        "target": error,
        "mean": np.zeros(n),
        "lower_0.9": np.full(n, -1.0),
        "upper_0.9": np.concatenate([np.full(70, 1.0), np.full(3, np.inf)]),
    }


def test_families_are_scored_apart_and_the_worst_is_named() -> None:
    result = evaluate(table(), task="regression", levels=[0.9], seed=1)
    json.dumps(result, allow_nan=False)
    found = result["arms"]["a"]["families"]["test"]
    assert list(found["groups"]) == ["oxide", "fluoride"]
    assert found["left_out"] == {"pnictide": 3}
    oxide, fluoride = found["groups"]["oxide"], found["groups"]["fluoride"]
    assert (oxide["n"], fluoride["n"]) == (40, 30)
    assert oxide["mae"]["value"] == pytest.approx((4 * 2 + 36 * 0.5) / 40)
    assert fluoride["mae"]["value"] == pytest.approx((9 * 1.5 + 21 * 0.25) / 30)
    assert oxide["mae"]["low"] < oxide["mae"]["value"] < oxide["mae"]["high"]
    assert oxide["picp_0.9"]["value"] == 0.9
    assert oxide["mpiw_0.9"] == 2
    assert found["worst"]["mae"]["group"] == "oxide"
    # 36 of 40 oxides are 90 %; 21 of 30 fluorides are below it by more than chance
    coverage = found["coverage"]["0.9"]
    assert [one["group"] for one in coverage["below"]] == ["fluoride"]
    expected = stats.binomtest(21, 30, 0.9, alternative="less").pvalue
    assert coverage["below"][0]["p_level"] == pytest.approx(2 * expected)
    assert (coverage["below"][0]["hits"], coverage["below"][0]["n"]) == (21, 30)


def test_one_large_family_has_no_worst_and_none_leaves_no_trace() -> None:
    columns = {name: values[:40] for name, values in table().items()}
    arm = evaluate(columns, task="regression", levels=[0.9], seed=1)["arms"]["a"]
    assert list(arm["families"]["test"]) == ["groups", "coverage"]
    assert arm["families"]["test"]["coverage"]["0.9"]["below"] == []  # 36 of 40
    del columns["formula"]
    assert evaluate(columns, task="regression", levels=[], seed=1)["arms"]["a"]["families"] == {}


def test_infinite_widths_are_no_width() -> None:
    columns = table()
    columns["upper_0.9"][:40] = np.inf
    found = evaluate(columns, task="regression", levels=[0.9], seed=1)["arms"]["a"]["families"]
    oxide = found["test"]["groups"]["oxide"]
    assert "mpiw_0.9" not in oxide
    assert oxide["picp_0.9"]["value"] == 1


def test_the_interval_of_a_family_is_that_of_its_rows() -> None:
    rng = np.random.default_rng(4)
    error = rng.exponential(1, 900)
    formulas = np.array(["MgO", "MgF2", "MgS"] * 300)
    found = score_predictions(error, np.zeros(900), formulas=formulas)["families"]["groups"]
    for k, name in enumerate(("oxide", "fluoride", "chalcogenide")):
        own = error[k::3]
        half = 1.96 * own.std() / np.sqrt(300)
        mae = found[name]["mae"]
        assert mae["value"] == pytest.approx(own.mean())
        assert mae["low"] == pytest.approx(own.mean() - half, abs=0.25 * half)
        assert mae["high"] == pytest.approx(own.mean() + half, abs=0.25 * half)


def test_a_binary_task_has_the_brier_score_of_each_family() -> None:
    y = np.array([0.0, 1.0] * 40)
    p = np.where(np.arange(80) < 40, 0.5, y)
    formulas = np.array(["MgO"] * 40 + ["MgS"] * 40)
    found = score_predictions(y, p, formulas=formulas, task="binary")["families"]
    assert found["groups"]["oxide"]["brier"]["value"] == 0.25
    assert found["groups"]["chalcogenide"]["brier"]["value"] == 0
    assert found["worst"]["brier"]["group"] == "oxide"
