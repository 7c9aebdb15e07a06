"""Two runs side by side, on tables whose differences are known."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from from_columns import METRICS, predictions

from atlas_core.errors import DataError, SpecError
from atlas_core.observe import FinishedRun
from atlas_report import comparison
from atlas_report.comparison_table import format_comparison

N = 60
compare = partial(comparison.compare, metrics=METRICS)
ABOUT = {"task": "regression", "target": "gap", "unit": "eV", "sha256": "0" * 64}


def rows(arm: str, error: float, *, ids: range = range(N), shift: float = 0.0) -> dict:
    """Return rows that all err by ``error``; odd ids are shifted and score ``shift`` higher."""
    rng = np.random.default_rng(0)
    i = np.array(ids)
    target = i / 10
    return {
        "id": np.array([f"m{k}" for k in i]),
        "arm": np.full(len(i), arm),
        "fold": np.full(len(i), "0"),
        "part": np.where(i % 2 == 0, "test", "ood_test"),
        "target": target,
        "mean": target + error,
        "std": rng.random(len(i)) + shift * (i % 2),
        "ood_score": rng.random(len(i)),
        "lower_0.9": target + error - 0.3,
        "upper_0.9": target + error + 0.3,
    }


def run(*tables: dict, name: str = "run", **about: str) -> FinishedRun:
    columns = {k: np.concatenate([t[k] for t in tables]) for k in tables[0]}
    return FinishedRun(
        Path(name), {"dataset": ABOUT | about}, {"levels": [0.9]}, predictions(columns)
    )


def test_a_constant_difference_is_found_exactly() -> None:
    found = compare(run(rows("x", 0.5)), run(rows("x", 0.2)), seed=0)
    json.dumps(found.as_dict(), allow_nan=False)
    part = found.arms[0].part("test")
    assert part is not None
    assert (part.paired, part.only_a, part.only_b) == (30, 0, 0)
    assert part.error is not None
    assert (part.error.a, part.error.b) == pytest.approx((0.5, 0.2))
    assert (part.error.difference, part.error.low, part.error.high) == pytest.approx((-0.3,) * 3)
    assert part.share_better == 1
    assert part.p_value == pytest.approx(2 / 1001)
    # an interval of half-width 0.3 misses where the error is 0.5
    assert part.coverage["0.9"].a == 0
    assert part.coverage["0.9"].difference == 1


def test_auroc_differences_use_the_paired_rows() -> None:
    found = compare(run(rows("x", 0.5)), run(rows("x", 0.5, shift=2.0)), seed=0)
    sigma = found.arms[0].auroc["sigma"]
    assert sigma.b == 1
    assert sigma.difference == pytest.approx(1 - sigma.a)
    assert 0 < sigma.low <= sigma.difference <= sigma.high
    assert found.arms[0].auroc["score"].difference == 0


def test_auroc_differences_rank_no_score_against_another_folds() -> None:
    tables = []
    for scale in (1.0, 1000.0):
        folds = [rows("x", 0.5, shift=0.4), rows("x", 0.5, shift=0.1)]
        folds[1]["fold"] = np.full(N, "1")
        folds[1]["std"] = folds[1]["std"] * scale
        tables.append(run(*folds))
    found = compare(*tables, seed=0).arms[0].auroc["sigma"]
    assert (found.difference, found.low, found.high) == (0, 0, 0)
    alone = [compare(run(t), run(t), seed=0).arms[0].auroc["sigma"].a for t in (
        rows("x", 0.5, shift=0.4), rows("x", 0.5, shift=0.1)
    )]  # fmt: skip
    assert found.a == pytest.approx(np.mean(alone))


def folds_of(error: float, **held: range) -> FinishedRun:
    """Return a run with a fold per keyword, which holds these rows."""
    tables = [rows("x", error, ids=ids) | {"fold": np.full(len(ids), f)} for f, ids in held.items()]
    return run(*tables)


def test_a_fold_that_tests_other_materials_is_not_paired_and_says_why() -> None:
    a, b = folds_of(0.5, same=range(N), cut=range(N)), folds_of(0.2, same=range(N), cut=range(40))
    found = compare(a, b, seed=0).arms[0]
    part = found.part("ood_test")
    assert part is not None
    # 30 of the 60 odd rows stand in the fold that both cut alike
    assert (part.paired, part.only_a, part.only_b) == (30, 30, 20)
    assert list(found.refused) == ["cut"]
    for piece in (
        "20 of 30 in-domain rows of A and 20 of B",
        "20 of 30 held-out rows of A and 20 of B",
    ):
        assert piece in found.refused["cut"]


def test_no_p_is_printed_where_the_split_is_another() -> None:
    found = compare(run(rows("x", 0.5)), run(rows("x", 0.2, ids=range(2, 64))), seed=0)
    part = found.arms[0].part("test")
    assert part is not None
    assert (part.paired, part.error, part.p_value) == (0, None, None)
    text = format_comparison(found)
    assert "fold 0: not paired" in text
    assert "over materials" not in text
    assert "B better" not in text


def test_a_fold_of_another_name_is_not_paired_though_its_rows_are_the_same() -> None:
    found = compare(folds_of(0.5, one=range(N)), folds_of(0.2, two=range(N)), seed=0).arms[0]
    assert found.refused == {
        "one": "only A has this fold",
        "two": "only B has this fold",
    }


@pytest.mark.parametrize("how", ["sizes", "ids"])
def test_a_fold_that_was_trained_on_other_rows_is_not_paired(how: str) -> None:
    runs = []
    for place, error in enumerate((0.5, 0.2)):
        made = run(rows("x", error))
        sizes = {"train": 30 + place * (how == "sizes"), "test": 30, "ood_test": 30}
        split = {"folds": [{"name": "0", "sizes": sizes}]}
        ids = "ab"[place] if how == "ids" else "a"
        training = {"fold": "0", "figures": {"training_ids": ids}}
        runs.append(
            replace(made, manifest=made.manifest | {"split": split}, audit={"folds": [training]})
        )
    found = compare(*runs, seed=0).arms[0]
    assert list(found.refused) == ["0"]
    assert "trained" in found.refused["0"]
    assert compare(runs[0], runs[0], seed=0).arms[0].refused == {}


def test_order_of_rows_does_not_matter() -> None:
    table = rows("x", 0.2)
    turned = {k: v[::-1] for k, v in table.items()}
    first, second = run(rows("x", 0.5)), run(table)
    assert compare(first, run(turned), seed=0) == compare(first, second, seed=0)


def test_runs_without_a_common_row_say_so() -> None:
    found = compare(run(rows("x", 0.5)), run(rows("x", 0.2, ids=range(100, 110))), seed=0)
    part = found.arms[0].part("test")
    assert part is not None
    assert part.error is None
    assert "nothing is paired" in format_comparison(found)


def test_single_arms_are_paired_whatever_their_names() -> None:
    found = compare(run(rows("x", 0.5)), run(rows("y", 0.2)), seed=0)
    assert (found.arms[0].arm_a, found.arms[0].arm_b) == ("x", "y")
    assert "x / y" in format_comparison(found)


def test_arms_without_a_partner_are_named() -> None:
    found = compare(run(rows("x", 0.5), rows("y", 0.5)), run(rows("y", 0.2)), seed=0)
    assert [arm.arm_a for arm in found.arms] == ["y"]
    assert (found.unpaired_a, found.unpaired_b) == (("x",), ())
    assert "arm x: only in A" in format_comparison(found)
    with pytest.raises(SpecError, match=r"no arm in common \(x, y against z\)"):
        compare(run(rows("x", 0.5), rows("y", 0.5)), run(rows("z", 0.2)), seed=0)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"target": "shear"}, r"one and two: target differs \(gap against shear\)"),
        ({"target": "formation_energy_per_atom"}, r"\(gap against formation_energy_per_atom\)"),
        ({"unit": "meV"}, r"unit differs \(eV against meV\)"),
        ({"sha256": "1" * 64}, r"data \(sha256\) differs \(000000000000… against 111111111111…\)"),
        ({"task": "binary"}, "task differs"),
    ],
)
def test_other_data_is_refused_in_one_line(about: dict, message: str) -> None:
    first, second = run(rows("x", 1.0), name="one"), run(rows("x", 1.0), name="two", **about)
    with pytest.raises(SpecError, match=message) as caught:
        compare(first, second, seed=0)
    assert len(str(caught.value).splitlines()) == 1


def test_an_id_with_two_targets_or_two_rows_is_refused() -> None:
    table = rows("x", 0.2)
    table["target"] = table["target"] + (table["id"] == "m4")
    with pytest.raises(SpecError, match="id 'm4' has two different targets"):
        compare(run(rows("x", 0.5)), run(table), seed=0)
    with pytest.raises(DataError, match="arm x: id 'm0' occurs twice in test"):
        compare(run(rows("x", 0.5), rows("x", 0.5)), run(table), seed=0)


def test_binary_runs_are_compared_by_their_brier_score() -> None:
    tables = []
    for p in (0.5, 0.8):
        table = rows("x", 0.0)
        table["target"], table["mean"] = np.ones(N), np.full(N, p)
        tables.append(run(table, task="binary", unit=""))
    found = compare(*tables, seed=0)
    part = found.arms[0].part("test")
    assert part is not None
    assert part.error is not None
    assert found.metric == "brier"
    assert (part.error.a, part.error.b) == pytest.approx((0.25, 0.04))


def test_the_table_is_plain_aligned_text() -> None:
    a, b = run(rows("x", 0.5), name="one"), run(rows("x", 0.2), name="two")
    lines = format_comparison(compare(a, b, seed=0)).splitlines()
    assert lines[1:3] == ["A = one", "B = two"]
    assert lines[4].startswith("x, in-domain: B has a lower MAE than A: 0.2")
    assert lines[5].startswith("x, held out: B has a lower MAE than A: 0.2")
    assert lines[6].startswith("p and intervals are over materials, for one training each")
    assert lines[8] == "x, in-domain, 30 rows"
    assert " ".join(lines[9].split()) == "A B B - A 95 % interval p B better"
    expected = "MAE 0.5 0.2 -0.3 -0.3 to -0.3 0.002 100%"
    assert " ".join(lines[10].split()) == expected


def test_a_narrow_terminal_gets_the_figures_that_fit_and_no_line_of_them_is_longer() -> None:
    found = compare(run(rows("x", 0.5)), run(rows("x", 0.2)), seed=0)
    for width, left in ((64, "p"), (80, "p B better")):
        lines = format_comparison(found, width).splitlines()
        explained = [line.partition(":")[0] for line in lines if line[:2] in ("p:", "B ")]
        at = lines.index("x, in-domain, 30 rows")
        assert " ".join(lines[at + 1].split()) == f"A B B - A 95 % interval {left}"
        assert max(map(len, lines[at : lines.index("", at)])) <= width
        assert [one for one in explained if one in ("p", "B better")] == [
            one for one in ("p", "B better") if one in left
        ]


def test_every_score_has_its_tests_and_folds_have_one_of_their_own() -> None:
    tables = []
    sizes = {"train": 30, "test": 15, "ood_test": 15}
    split = {"folds": [{"name": name, "sizes": sizes} for name in "01"]}
    for error in (0.5, 0.2):
        table = rows("x", error) | {"fold": np.arange(N).astype(str)}
        table["fold"] = np.array([str(i // 2 % 2) for i in range(N)])
        table["mean"] = table["mean"] + 0.01 * (table["fold"] == "1") * (error < 0.3)
        made = run(table)
        tables.append(
            FinishedRun(
                Path("run"), made.manifest | {"split": split}, made.metrics, predictions(table)
            )
        )
    found = compare(*tables, seed=0)
    json.dumps(found.as_dict(), allow_nan=False)
    part = found.arms[0].part("test")
    assert part is not None
    assert list(part.scores) == ["mae", "interval_score_0.9", "crps", "nll"]
    over = part.scores["mae"].folds
    assert over is not None
    # folds differ by -0.30 and -0.29; s = 0.01 / sqrt(2), raised by 1/2 + 15/30; t(1, .975) = 12.71
    assert over.difference == pytest.approx(-0.295)
    assert over.high - over.difference == pytest.approx(12.7062 * 0.01 / np.sqrt(2), rel=1e-4)
    assert over.better == 2
    text = format_comparison(found)
    assert "x, in-domain: over 2 folds, each one observation, B - A of the MAE is -0.295" in text
    assert "B is better in 2 of 2" in text
    assert "interval score 0.9" in text
